-- scope: control
-- A conversation has one running turn, and any number that wait for it in the order of their arrival.

alter table turn_queue
    add column running    boolean not null default true,
    add column cancelled  boolean not null default false,
    -- Tries that an operator forgave by replaying the turn; attempts never go down, as event ids hang on them.
    add column forgiven   int not null default 0;

drop index turn_queue_one_writer;
create unique index turn_queue_one_writer on turn_queue (conversation_id) where running;
create index turn_queue_waiting on turn_queue (conversation_id, accepted_at) where not running;

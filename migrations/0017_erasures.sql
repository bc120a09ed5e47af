-- scope: control
-- People who are to be forgotten, and the master keys that may wrap the keys of the others. Ids and states only.

-- One row a person, for ever: it is the tombstone that fences their turns. `trace_ids` are turns and handoffs that may
-- have left something outside of Postgres; they are forgotten when all of it is gone.
create table erasures (
    id            uuid primary key,
    tenant_id     uuid not null,
    subject_id    uuid not null unique,
    state         text not null default 'accepted' check (state in ('accepted', 'done')),
    trace_ids     uuid[] not null default '{}',
    requested_at  timestamptz not null default now(),
    due_at        timestamptz not null default now(),
    finished_at   timestamptz
);
create index erasures_due on erasures (due_at) where state = 'accepted';
create index erasures_recent on erasures (requested_at);

-- With no tenant set every row is seen, as whoever erases must find out who is to be erased; with one, only theirs.
alter table erasures enable row level security;
alter table erasures force row level security;
create policy tenant on erasures
    using (tenant_id = (select app_tenant()) or (select app_tenant()) is null);
grant select, insert, update on erasures to desk_app;

-- A turn of somebody who was erased can neither commit nor act, nor can one be accepted.
create or replace function pass_fence(turn uuid, held bigint) returns void language plpgsql as $$
declare
    person uuid;
begin
    delete from desk_control.turn_queue where turn_id = turn and fence = held returning subject_id into person;
    if not found or exists (select from desk_control.erasures where subject_id = person) then
        raise exception 'turn % is fenced', turn using errcode = 'DG001';
    end if;
end $$;

create or replace function hold_fence(turn uuid, held bigint) returns void language plpgsql as $$
declare
    person uuid;
begin
    select subject_id into person from desk_control.turn_queue
        where turn_id = turn and fence = held for key share;
    if not found or exists (select from desk_control.erasures where subject_id = person) then
        raise exception 'turn % is fenced', turn using errcode = 'DG001';
    end if;
end $$;

create function refuse_erased() returns trigger language plpgsql as $$
begin
    if exists (select from desk_control.erasures where subject_id = new.subject_id) then
        raise exception 'subject % was erased', new.subject_id using errcode = 'DG003';
    end if;
    return new;
end $$;
create trigger refuse_erased before insert on turn_queue for each row execute function refuse_erased();

-- The master keys in use, by an id that says nothing of them. What is derived for the installation hangs on one root, so
-- that it stays when the master key is replaced; each key has it wrapped.
create table master_keys (
    id            bytea primary key,
    root_wrapped  bytea not null,
    noted_at      timestamptz not null default now()
);
grant select, insert, delete on master_keys to desk_app;

-- scope: placement
-- How a turn ends when it does not end well: cancelled by its customer, or laid aside for an operator with the reason.

alter table turns drop constraint turns_state_check;
alter table turns
    add constraint turns_state_check check (state in ('accepted', 'done', 'failed', 'cancelled', 'dead')),
    add column attempts int not null default 0,
    add column reason text;

create index turns_dead on turns (tenant_id, id) where state = 'dead';

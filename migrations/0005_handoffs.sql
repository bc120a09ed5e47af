-- scope: placement
-- Handoffs become a whole state machine, with a numbered log that feeds live streams, webhooks and mail alike.

-- The owner stands under forced row-level security too; it is lifted for this one update.
alter table handoffs no force row level security;
alter table handoffs drop constraint handoffs_state_check;
update handoffs set
    state = case state when 'claimed' then 'human' else state end,
    reason = case
        when reason = 'human' then 'requested'
        when reason in ('requested', 'complaint', 'order_proof') then reason
        else 'other' end;
alter table handoffs add constraint handoffs_state_check
    check (state in ('queued', 'human', 'ticketed', 'returned', 'closed'));
alter table handoffs force row level security;

drop index handoffs_open;
create unique index handoffs_open on handoffs (tenant_id, conversation_id)
    where state in ('queued', 'human', 'ticketed');

-- `waiting_since` and `due_at` are set while the customer waits for a word from a person.
alter table handoffs
    add column language text not null default 'en',
    add column waiting_since timestamptz default now(),
    add column due_at timestamptz,
    add column escalated_at timestamptz,
    add constraint handoffs_reason_check
        check (reason in ('requested', 'offer_accepted', 'complaint', 'order_proof', 'other')),
    add constraint handoffs_agent_check check ((state = 'human') = (claimed_by is not null));
create index handoffs_due on handoffs (tenant_id, due_at) where escalated_at is null and due_at is not null;

create sequence handoff_event_numbers;
grant usage on sequence handoff_event_numbers to desk_app;

-- Numbered under a lock that is held to the commit, so a reader that has seen n has seen everything below it.
create table handoff_events (
    tenant_id        uuid not null,
    number           bigint not null default nextval('handoff_event_numbers'),
    handoff_id       uuid not null,
    conversation_id  uuid not null,
    subject_id       uuid not null,
    event            text not null check (
        event in ('queued', 'ticketed', 'claimed', 'message', 'returned', 'closed', 'sla_due')),
    state            text not null,
    agent_id         uuid,
    message_id       uuid,
    role             text check (role in ('user', 'assistant', 'agent')),
    at               timestamptz not null default now(),
    primary key (tenant_id, number),
    foreign key (tenant_id, handoff_id) references handoffs (tenant_id, id) on delete cascade
);
create index handoff_events_of_conversation on handoff_events (tenant_id, conversation_id, number);
create index handoff_events_of_handoff on handoff_events (tenant_id, handoff_id);
select desk_control.fence_person('handoff_events');

-- What makes an agent's reply safe to send twice. The text is a message like any other.
create table agent_replies (
    tenant_id        uuid not null,
    message_id       uuid not null,
    handoff_id       uuid not null,
    subject_id       uuid not null,
    agent_id         uuid not null,
    idempotency_key  text not null check (length(idempotency_key) between 1 and 200),
    request_hash     bytea not null,
    created_at       timestamptz not null default now(),
    primary key (tenant_id, message_id),
    foreign key (tenant_id, handoff_id) references handoffs (tenant_id, id) on delete cascade
);
create unique index agent_replies_idempotency on agent_replies (tenant_id, agent_id, idempotency_key);
create index agent_replies_of_handoff on agent_replies (tenant_id, handoff_id);
select desk_control.fence_person('agent_replies');

-- The people who answer. The address is sealed under the agent's own key; the keyed hash finds it again.
create table agents (
    tenant_id     uuid not null,
    subject_id    uuid not null,
    email_hash    bytea,
    email_sealed  bytea,
    seen_at       timestamptz not null default now(),
    primary key (tenant_id, subject_id),
    foreign key (tenant_id, subject_id) references subjects (tenant_id, id) on delete cascade
);
create index agents_email on agents (tenant_id, email_hash);
select desk_control.fence_person('agents');

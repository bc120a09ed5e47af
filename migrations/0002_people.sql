-- scope: placement
-- People, what they said, and what became of it. Columns named *_sealed hold AES-256-GCM under the subject's key.
-- Foreign keys carry the person too: a row of one person can never hang on a row of another.

create table subjects (
    tenant_id       uuid not null,
    id              uuid not null,
    kind            text not null check (kind in ('person', 'anonymous')),
    identity_hash   bytea not null,
    wrapped_key     bytea,
    profile_sealed  bytea,
    created_at      timestamptz not null default now(),
    erased_at       timestamptz,
    primary key (tenant_id, id)
);
create unique index subjects_identity on subjects (tenant_id, identity_hash) where erased_at is null;
select desk_control.fence_person('subjects', 'id');

create table conversations (
    tenant_id     uuid not null,
    id            uuid not null,
    subject_id    uuid not null,
    channel       text not null,
    locale        text,
    mode          text not null default 'bot' check (mode in ('bot', 'human')),
    title_sealed  bytea,
    vault_sealed  bytea,
    messages      int not null default 0,
    created_at    timestamptz not null default now(),
    updated_at    timestamptz not null default now(),
    primary key (tenant_id, id),
    unique (tenant_id, id, subject_id),
    foreign key (tenant_id, subject_id) references subjects (tenant_id, id)
);
create index conversations_of_subject on conversations (tenant_id, subject_id, updated_at desc);
select desk_control.fence_person('conversations');

create table turns (
    tenant_id        uuid not null,
    id               uuid not null,
    conversation_id  uuid not null,
    subject_id       uuid not null,
    idempotency_key  text not null check (length(idempotency_key) between 1 and 200),
    request_hash     bytea not null,
    state            text not null check (state in ('accepted', 'done', 'failed', 'dead')),
    input_sealed     bytea not null,
    reply_sealed     bytea,
    problem          jsonb,
    route            text,
    intent           text,
    accepted_at      timestamptz not null default now(),
    finished_at      timestamptz,
    primary key (tenant_id, id),
    unique (tenant_id, id, subject_id),
    foreign key (tenant_id, conversation_id, subject_id)
        references conversations (tenant_id, id, subject_id) on delete cascade
);
create unique index turns_idempotency on turns (tenant_id, subject_id, idempotency_key);
create index turns_of_conversation on turns (tenant_id, conversation_id, accepted_at);
select desk_control.fence_person('turns');

create table messages (
    tenant_id        uuid not null,
    id               uuid not null,
    conversation_id  uuid not null,
    turn_id          uuid not null,
    subject_id       uuid not null,
    role             text not null check (role in ('user', 'assistant', 'agent')),
    text_sealed      bytea not null,
    route            text,
    created_at       timestamptz not null default now(),
    primary key (tenant_id, id),
    foreign key (tenant_id, conversation_id, subject_id)
        references conversations (tenant_id, id, subject_id) on delete cascade
);
create index messages_of_conversation on messages (tenant_id, conversation_id, id);
create index messages_of_subject on messages (tenant_id, subject_id, id);
select desk_control.fence_person('messages');

create table turn_steps (
    tenant_id     uuid not null,
    turn_id       uuid not null,
    subject_id    uuid not null,
    steps_sealed  bytea not null,
    created_at    timestamptz not null default now(),
    primary key (tenant_id, turn_id),
    foreign key (tenant_id, turn_id, subject_id) references turns (tenant_id, id, subject_id) on delete cascade
);
select desk_control.fence_person('turn_steps');

create table effects (
    tenant_id       uuid not null,
    turn_id         uuid not null,
    ordinal         int not null,
    subject_id      uuid not null,
    kind            text not null check (kind in ('model', 'tool')),
    name            text not null,
    state           text not null check (state in ('intent', 'result', 'unknown')),
    key             text not null,
    request_sealed  bytea not null,
    result_sealed   bytea,
    fence           bigint not null,
    created_at      timestamptz not null default now(),
    finished_at     timestamptz,
    primary key (tenant_id, turn_id, ordinal),
    foreign key (tenant_id, turn_id, subject_id) references turns (tenant_id, id, subject_id) on delete cascade
);
select desk_control.fence_person('effects');

create table handoffs (
    tenant_id        uuid not null,
    id               uuid not null,
    conversation_id  uuid not null,
    subject_id       uuid not null,
    turn_id          uuid not null,
    state            text not null check (state in ('queued', 'claimed', 'closed')),
    reason           text not null,
    claimed_by       uuid,
    created_at       timestamptz not null default now(),
    updated_at       timestamptz not null default now(),
    primary key (tenant_id, id),
    foreign key (tenant_id, conversation_id, subject_id)
        references conversations (tenant_id, id, subject_id) on delete cascade
);
create unique index handoffs_open on handoffs (tenant_id, conversation_id) where state <> 'closed';
create index handoffs_queue on handoffs (tenant_id, state, created_at);
select desk_control.fence_person('handoffs');

create table feedback (
    tenant_id        uuid not null,
    turn_id          uuid not null,
    subject_id       uuid not null,
    rating           text not null check (rating in ('up', 'down')),
    tags             text[] not null default '{}',
    comment_sealed   bytea,
    created_at       timestamptz not null default now(),
    primary key (tenant_id, turn_id, subject_id),
    foreign key (tenant_id, turn_id, subject_id) references turns (tenant_id, id, subject_id) on delete cascade
);
select desk_control.fence_person('feedback');

create table usage (
    tenant_id          uuid not null,
    turn_id            uuid not null,
    subject_id         uuid not null,
    model              text not null,
    prompt_tokens      int not null,
    completion_tokens  int not null,
    cost_usd           numeric(12, 6) not null,
    created_at         timestamptz not null default now(),
    primary key (tenant_id, turn_id)
);
create index usage_by_day on usage (tenant_id, created_at);
select desk_control.fence_person('usage');

create table sessions (
    tenant_id        uuid not null,
    api_key_id       uuid not null,
    session_id       text not null,
    subject_id       uuid not null,
    conversation_id  uuid not null,
    created_at       timestamptz not null default now(),
    primary key (tenant_id, api_key_id, session_id)
);
select desk_control.fence_person('sessions');

create table audit (
    tenant_id   uuid not null,
    id          uuid not null,
    at          timestamptz not null default now(),
    actor       text not null,
    action      text not null,
    object      text not null,
    detail      jsonb not null default '{}',
    primary key (tenant_id, id)
);
select desk_control.fence_tenant('audit');
-- Written once: no update, no delete, whatever the application thinks.
revoke update, delete on audit from desk_app;
create policy staff_reads on audit as restrictive for select using ((select desk_control.app_is_staff()));

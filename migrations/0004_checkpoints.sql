-- scope: placement
-- LangGraph's checkpoints. Blobs and metadata are sealed whole; the thread id carries tenant, person, conversation,
-- and the checks hold it to the row's own columns, so nobody can take a place in another's thread.

create table checkpoints (
    tenant_id             uuid not null,
    subject_id            uuid not null,
    thread_id             text not null,
    checkpoint_ns         text not null default '',
    checkpoint_id         text not null,
    parent_checkpoint_id  text,
    checkpoint_sealed     bytea not null,
    metadata_sealed       bytea not null,
    created_at            timestamptz not null default now(),
    primary key (tenant_id, thread_id, checkpoint_ns, checkpoint_id),
    check (starts_with(thread_id, 't:' || tenant_id::text || ':u:' || subject_id::text || ':c:'))
);
select desk_control.fence_person('checkpoints');

create table checkpoint_writes (
    tenant_id      uuid not null,
    subject_id     uuid not null,
    thread_id      text not null,
    checkpoint_ns  text not null default '',
    checkpoint_id  text not null,
    task_id        text not null,
    task_path      text not null default '',
    ordinal        int not null,
    channel        text not null,
    value_sealed   bytea not null,
    primary key (tenant_id, thread_id, checkpoint_ns, checkpoint_id, task_id, ordinal),
    check (starts_with(thread_id, 't:' || tenant_id::text || ':u:' || subject_id::text || ':c:'))
);
select desk_control.fence_person('checkpoint_writes');

-- scope: placement
-- What models are told, by version: those that a tenant wrote, which of them stand where, and what each turn was run with.

-- Versions of a tenant's own, beside those that come as files; they are never changed. `source` is the text as it was
-- written, `text` has what it takes in from others in its place.
create table prompt_versions (
    tenant_id   uuid not null,
    name        text not null check (name ~ '^[a-z][a-z0-9_]{0,63}$'),
    version     int not null check (version > 1000),  -- those below come as files
    source      text not null,
    text        text not null,
    variables   text[] not null,
    sha         text not null,
    notes       text not null default '',
    author      text not null,
    created_at  timestamptz not null default now(),
    primary key (tenant_id, name, version)
);
select desk_control.fence_tenant('prompt_versions');
create policy staff_only on prompt_versions as restrictive using ((select desk_control.app_is_staff()));
revoke update on prompt_versions from desk_app;

-- A label is put somewhere by a new row, so the rows are its history. The platform's own rows hold for all tenants.
-- An empty channel is every channel, a version that is null takes the label away.
create table prompt_labels (
    tenant_id  uuid not null,
    id         bigint generated always as identity,
    name       text not null check (name ~ '^[a-z][a-z0-9_]{0,63}$'),
    channel    text not null default '',
    label      text not null check (label in ('production', 'candidate', 'canary')),
    version    int,
    share      double precision not null default 0 check (share between 0 and 1),
    author     text not null,
    note       text not null default '',
    rollback   boolean not null default false,  -- takes back the newest row that was not taken back
    at         timestamptz not null default now(),
    primary key (tenant_id, id)
);
create index prompt_labels_now on prompt_labels (tenant_id, name, channel, label, id desc);
select desk_control.fence_tenant('prompt_labels');
create policy staff_only on prompt_labels as restrictive using ((select desk_control.app_is_staff()));
revoke update on prompt_labels from desk_app;

-- What a bundle was made of; its id is the hash of it.
create table prompt_bundles (
    tenant_id   uuid not null,
    id          text not null,
    made_of     jsonb not null,
    first_used  timestamptz not null default now(),
    primary key (tenant_id, id)
);
select desk_control.fence_tenant('prompt_bundles');
create policy staff_only on prompt_bundles as restrictive using ((select desk_control.app_is_staff()));
revoke update on prompt_bundles from desk_app;

alter table messages add column bundle text;
alter table turns
    add column bundle text,
    add column prompt_name text,
    add column prompt_version int,
    add column prompt_label text;
create index turns_by_prompt on turns (tenant_id, prompt_name, accepted_at) where prompt_name is not null;

-- Counts up when a tenant's prompts or knowledge change, so that every process sees with one small query whose did.
create table if not exists desk_control.tenant_marks (
    tenant_id   uuid primary key,
    prompts     bigint not null default 0,
    knowledge   bigint not null default 0,
    changed_at  timestamptz not null default clock_timestamp()
);
create index if not exists tenant_marks_by_change on desk_control.tenant_marks (changed_at);
grant select, insert, update, delete on desk_control.tenant_marks to desk_app, desk_placed;

create or replace function desk_control.mark(prompts_by int, knowledge_by int) returns void language sql as $$
    insert into desk_control.tenant_marks as m (tenant_id, prompts, knowledge)
        values (desk_control.app_tenant(), prompts_by, knowledge_by)
        on conflict (tenant_id) do update set prompts = m.prompts + excluded.prompts,
            knowledge = m.knowledge + excluded.knowledge, changed_at = clock_timestamp();
$$;

create function mark_prompts() returns trigger language plpgsql as $$
begin
    perform desk_control.mark(1, 0);
    return null;
end $$;
create trigger prompts_are_marked after insert on prompt_labels for each statement execute function mark_prompts();

-- Once a statement, and only for one that has changed a row.
create function mark_knowledge() returns trigger language plpgsql as $$
declare
    hit boolean;
begin
    case tg_op
        when 'INSERT' then hit := exists (select from added);
        when 'DELETE' then hit := exists (select from removed);
        else hit := exists (select * from removed except select * from added);
    end case;
    if hit then
        perform desk_control.mark(0, 1);
    end if;
    return null;
end $$;
do $$
declare
    known text;
begin
    foreach known in array array['faqs', 'products'] loop
        execute format('create trigger knowledge_is_added after insert on %I referencing new table as added'
            ' for each statement execute function mark_knowledge()', known);
        execute format('create trigger knowledge_is_changed after update on %I referencing old table as removed'
            ' new table as added for each statement execute function mark_knowledge()', known);
        execute format('create trigger knowledge_is_removed after delete on %I referencing old table as removed'
            ' for each statement execute function mark_knowledge()', known);
    end loop;
end $$;

-- COMMIT 2 as before, with what the turn was run with. That of 0011 stays for processes of an earlier release.
create function commit_turn(
    caller text[], turn uuid, held_fence bigint, conversation uuid,
    new_state text, new_route text, new_intent text, new_reply bytea, new_problem jsonb, new_vault bytea, new_steps bytea,
    asked_id uuid, asked bytea, told_id uuid, told bytea, told_route text,
    thread text, new_checkpoint_id text, new_parent text, new_checkpoint bytea, new_metadata bytea,
    used_model text, used_prompt int, used_completion int, used_usd double precision,
    used_bundle text, shown_prompt text, shown_version int, shown_label text
) returns void language plpgsql as $$
declare
    tenant uuid := caller[2];
    subject uuid := caller[3];
begin
    perform desk_control.enter(caller);
    perform desk_control.pass_fence(turn, held_fence);
    insert into messages (tenant_id, id, conversation_id, turn_id, subject_id, role, text_sealed)
        values (tenant, asked_id, conversation, turn, subject, 'user', asked);
    if told_id is not null then
        insert into messages (tenant_id, id, conversation_id, turn_id, subject_id, role, text_sealed, route, bundle)
            values (tenant, told_id, conversation, turn, subject, 'assistant', told, told_route, used_bundle);
    end if;
    insert into turn_steps (tenant_id, turn_id, subject_id, steps_sealed) values (tenant, turn, subject, new_steps);
    if new_checkpoint_id is not null then
        with gone as (
            delete from checkpoints c where c.tenant_id = tenant and c.thread_id = thread and c.checkpoint_ns = ''
                and c.checkpoint_id <> new_checkpoint_id
            returning c.checkpoint_id
        ), gone_writes as (
            delete from checkpoint_writes w where w.tenant_id = tenant and w.thread_id = thread
                and w.checkpoint_ns = ''
                and (w.checkpoint_id < new_checkpoint_id or w.checkpoint_id in (select g.checkpoint_id from gone g))
        )
        insert into checkpoints (tenant_id, subject_id, thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id,
            checkpoint_sealed, metadata_sealed)
        values (tenant, subject, thread, '', new_checkpoint_id, new_parent, new_checkpoint, new_metadata)
        on conflict (tenant_id, thread_id, checkpoint_ns, checkpoint_id) do update set
            parent_checkpoint_id = excluded.parent_checkpoint_id,
            checkpoint_sealed = excluded.checkpoint_sealed, metadata_sealed = excluded.metadata_sealed;
    end if;
    if used_model is not null then
        insert into usage (tenant_id, turn_id, subject_id, model, prompt_tokens, completion_tokens, cost_usd)
            values (tenant, turn, subject, used_model, used_prompt, used_completion, used_usd);
    end if;
    update conversations set vault_sealed = new_vault, updated_at = now(),
        messages = messages + case when told_id is null then 1 else 2 end
        where tenant_id = tenant and id = conversation;
    update turns set state = new_state, reply_sealed = new_reply, problem = new_problem, route = new_route,
        intent = new_intent, finished_at = now(), bundle = used_bundle,
        prompt_name = shown_prompt, prompt_version = shown_version, prompt_label = shown_label
        where tenant_id = tenant and id = turn;
end $$;

-- scope: placement
-- The two commits of a turn, each one call: one message to Postgres and one back. Each enters the caller first, as
-- every transaction of the application does, so row-level security binds what follows.

-- COMMIT 1: the conversation if it is new, the message with its input sealed, and its place in the queue. Gives what
-- the turn needs to run; `waiting` tells that writes hang on the checkpoint.
create function accept_turn(
    caller text[], turn uuid, conversation uuid, opens boolean, new_channel text, new_locale text,
    new_key text, new_hash bytea, new_input bytea, thread text, double_texting text, lease interval, most int
) returns table (
    fence bigint, running boolean, interrupts uuid[], locale text, mode text, vault_sealed bytea,
    checkpoint_id text, parent_checkpoint_id text, checkpoint_sealed bytea, metadata_sealed bytea, waiting boolean
) language plpgsql as $$
declare
    tenant uuid := caller[2];
    subject uuid := caller[3];
begin
    perform desk_control.enter(caller);
    if opens then
        insert into conversations (tenant_id, id, subject_id, channel, locale)
            values (tenant, conversation, subject, new_channel, new_locale);
    end if;
    insert into turns (tenant_id, id, conversation_id, subject_id, idempotency_key, request_hash, state, input_sealed)
        values (tenant, turn, conversation, subject, new_key, new_hash, 'accepted', new_input);
    select q.fence, q.running, q.interrupts into fence, running, interrupts
        from desk_control.join_queue(turn, tenant, conversation, subject, double_texting, lease, most) q;
    if opens then
        locale := new_locale;
        mode := 'bot';
        waiting := false;
        return next;
        return;
    end if;
    return query select accept_turn.fence, accept_turn.running, accept_turn.interrupts, c.locale, c.mode,
        c.vault_sealed, p.checkpoint_id, p.parent_checkpoint_id, p.checkpoint_sealed, p.metadata_sealed,
        exists (select from checkpoint_writes w where w.tenant_id = tenant and w.thread_id = thread
            and w.checkpoint_ns = '' and w.checkpoint_id = p.checkpoint_id)
        from conversations c
        left join lateral (
            select h.* from checkpoints h where h.tenant_id = tenant and h.thread_id = thread and h.checkpoint_ns = ''
            order by h.checkpoint_id desc limit 1
        ) p on true
        where c.tenant_id = tenant and c.id = conversation;
end $$;

-- COMMIT 2: passes the fence, then keeps what was asked and told, and everything else that came of the turn. The checkpoint becomes
-- the only one of its thread: what is older is told by what is stored, not by the ids' clocks.
create function commit_turn(
    caller text[], turn uuid, held_fence bigint, conversation uuid,
    new_state text, new_route text, new_intent text, new_reply bytea, new_problem jsonb, new_vault bytea, new_steps bytea,
    asked_id uuid, asked bytea, told_id uuid, told bytea, told_route text,
    thread text, new_checkpoint_id text, new_parent text, new_checkpoint bytea, new_metadata bytea,
    used_model text, used_prompt int, used_completion int, used_usd double precision
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
        insert into messages (tenant_id, id, conversation_id, turn_id, subject_id, role, text_sealed, route)
            values (tenant, told_id, conversation, turn, subject, 'assistant', told, told_route);
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
        intent = new_intent, finished_at = now() where tenant_id = tenant and id = turn;
end $$;

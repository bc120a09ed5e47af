-- scope: control
-- What the two commits of a turn share, whatever schema their rows lie in.

-- Enters the app role, the schema and the caller (search path, tenant, user, scope) for this transaction only.
create function enter(caller text[]) returns void language plpgsql as $$
begin
    perform set_config('role', 'desk_app', true), set_config('search_path', caller[1], true),
        set_config('app.tenant', caller[2], true), set_config('app.user', caller[3], true),
        set_config('app.scope', caller[4], true);
end $$;

-- Takes the one writer's place of a conversation, or waits in its order: (fence, whether it runs, whom it stops).
-- With `reject` a busy conversation is refused by the index. Two that come at once both find nobody; the index lets
-- one of them run, and the other one waits. `interrupt` cancels all that are before it.
create function join_queue(
    turn uuid, tenant uuid, conversation uuid, subject uuid, double_texting text, lease interval, most int,
    out fence bigint, out running boolean, out interrupts uuid[]
) language plpgsql as $$
begin
    running := true;
    interrupts := '{}';
    if double_texting = 'reject' then
        insert into desk_control.turn_queue as q (turn_id, tenant_id, conversation_id, subject_id, lease_until)
            values (turn, tenant, conversation, subject, now() + lease) returning q.fence into fence;
        return;
    end if;
    insert into desk_control.turn_queue as q (turn_id, tenant_id, conversation_id, subject_id, lease_until)
        select turn, tenant, conversation, subject, now() + lease
        where not exists (select from desk_control.turn_queue w where w.conversation_id = conversation)
        on conflict (conversation_id) where q.running do nothing returning q.fence into fence;
    if fence is not null then
        return;
    end if;
    if (select count(*) from desk_control.turn_queue w where w.conversation_id = conversation) > most then
        raise exception 'too many turns wait in conversation %', conversation using errcode = 'DG002';
    end if;
    running := false;
    insert into desk_control.turn_queue as q
        (turn_id, tenant_id, conversation_id, subject_id, lease_until, running, attempts)
        values (turn, tenant, conversation, subject, now(), false, 0) returning q.fence into fence;
    if double_texting = 'interrupt' then
        with stopped as (
            update desk_control.turn_queue q set cancelled = true
            where q.conversation_id = conversation and q.turn_id <> turn returning q.turn_id
        ) select coalesce(array_agg(turn_id), '{}') into interrupts from stopped;
    end if;
end $$;

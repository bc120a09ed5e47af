-- scope: placement
-- The rights of a person: everything of theirs can go, can be taken away to another subject, and consents are kept.
-- And the audit becomes a chain.

-- Deletes about `most` rows of a person, a conversation counted as 50, and gives how many went; when they are fewer,
-- nothing is left.
create function erase_rows(person uuid, most int) returns int language plpgsql as $$
declare
    gone int;
    total int := 0;
begin
    loop
        gone := erase_batch(person, most - total);
        total := total + gone;
        exit when gone = 0 or total >= most;
    end loop;
    return total;
end $$;

-- One step of it. What hangs on a conversation, a turn, a handoff or an account goes with it. The tables are found by
-- their policy, so that one that is made tomorrow is emptied too.
create function erase_batch(person uuid, most int) returns int language plpgsql as $$
declare
    talks uuid[];
    own text;
    gone int;
    total int := 0;
begin
    delete from desk_control.turn_queue where subject_id = person;
    update handoffs set state = 'queued', claimed_by = null, waiting_since = coalesce(waiting_since, now()),
        due_at = coalesce(due_at, now()), updated_at = now() where claimed_by = person;
    delete from messages where ctid = any (array(select ctid from messages where subject_id = person limit most));
    get diagnostics gone = row_count;
    if gone >= most then
        return gone;
    end if;
    total := gone;
    talks := array(select id from conversations where subject_id = person limit greatest(1, (most + 49) / 50));
    if talks <> '{}' then
        delete from desk_control.deliveries where tenant_id = (select desk_control.app_tenant())
            and ids ->> 'conversation_id' = any (talks::text[]);
        delete from usage u using turns t where t.id = u.turn_id and t.conversation_id = any (talks);
        delete from conversations where id = any (talks);
        return total + 50 * cardinality(talks);
    end if;
    for own in
        select c.relname from pg_policy p join pg_class c on c.oid = p.polrelid
        where p.polname = 'person' and c.relnamespace = current_schema()::regnamespace and c.relname <> 'subjects'
            and not exists (select from pg_constraint f join pg_policy o on o.polrelid = f.confrelid
                where f.conrelid = c.oid and f.contype = 'f' and f.confdeltype = 'c' and o.polname = 'person'
                    and f.confrelid <> 'subjects'::regclass)
    loop
        execute format('delete from %1$I where ctid = any (array(select ctid from %1$I where subject_id = $1 limit $2))',
            own) using person, most;
        get diagnostics gone = row_count;
        total := total + gone;
    end loop;
    return total;
end $$;
create index usage_of_subject on usage (subject_id);
create index sessions_of_subject on sessions (subject_id);
create index checkpoints_of_subject on checkpoints (subject_id);
create index checkpoint_writes_of_subject on checkpoint_writes (subject_id);

-- What a person agreed to and took back, by the version of the text that they were shown. Rows are added, never changed.
create table consents (
    tenant_id     uuid not null,
    id            uuid not null,
    subject_id    uuid not null,
    purpose       text not null check (purpose ~ '^[a-z][a-z0-9_.-]{0,63}$'),
    text_version  text not null check (length(text_version) between 1 and 64),
    granted       boolean not null,
    at            timestamptz not null default now(),
    primary key (tenant_id, id)
);
create index consents_of_subject on consents (subject_id, id);
select desk_control.fence_person('consents');

-- Conversations may move to another subject of the tenant, and what hangs on them follows.
do $$
declare
    held record;
begin
    for held in
        select c.conrelid::regclass as target, c.conname, pg_get_constraintdef(c.oid) as definition
        from pg_constraint c where c.contype = 'f' and c.connamespace = current_schema()::regnamespace
            and c.confrelid in ('conversations'::regclass, 'turns'::regclass)
    loop
        execute format('alter table %s drop constraint %I, add constraint %2$I %s on update cascade',
            held.target, held.conname, held.definition);
    end loop;
end $$;

-- The chain over the audit: each seal stands on the one before it. `hash` anybody can check against an export; `mac` can
-- only be made with a key of the installation.
create table audit_seals (
    tenant_id  uuid not null,
    number     bigint not null,
    audit_id   uuid not null,
    sealed_at  timestamptz not null,
    hash       bytea not null,
    mac        bytea not null,
    primary key (tenant_id, number),
    unique (tenant_id, audit_id)
);
select desk_control.fence_tenant('audit_seals');
create policy staff_only on audit_seals as restrictive using ((select desk_control.app_is_staff()));
revoke update, delete on audit_seals from desk_app;
create index audit_by_time on audit (tenant_id, at, id);

-- Deletes sealed rows older than so many days, at least 30, up to the first one that stays, and their seals but the
-- last, on which the rest of the chain stands; gives the number of that one, or null. Nobody may delete otherwise.
create function prune_audit(days int, most int) returns bigint language plpgsql security definer
set search_path from current as $$
declare
    tenant uuid := desk_control.app_tenant();
    last bigint;
begin
    if days < 30 or not desk_control.app_is_staff() then
        raise exception 'an audit row is kept for at least 30 days';
    end if;
    select max(number) into last from (
        select number from audit_seals where tenant_id = tenant order by number limit most
    ) oldest where number < coalesce((
        select min(s.number) from audit_seals s join audit a on a.tenant_id = tenant and a.id = s.audit_id
        where s.tenant_id = tenant and a.at >= now() - make_interval(days => days)), 'infinity'::float8)
        and exists (select from audit_seals s join audit a on a.tenant_id = tenant and a.id = s.audit_id
            where s.tenant_id = tenant and s.number <= oldest.number);
    if last is null then
        return null;
    end if;
    delete from audit a using audit_seals s
        where a.tenant_id = tenant and s.tenant_id = tenant and s.audit_id = a.id and s.number <= last;
    delete from audit_seals where tenant_id = tenant and number < last;
    return last;
end $$;
revoke execute on function prune_audit(int, int) from public;
grant execute on function prune_audit(int, int) to desk_app;

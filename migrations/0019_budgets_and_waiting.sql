-- scope: placement
-- What models cost a tenant and each of its people by day, and what running turns may still spend.

-- Turns of one tenant end at the same time, so its day is kept in parts, and none waits for another's row.
create table spend (
    tenant_id  uuid not null,
    day        date not null,  -- in UTC, as all days here
    part       smallint not null,
    usd        numeric(14, 6) not null,
    primary key (tenant_id, day, part)
);
select desk_control.fence_tenant('spend');

create table subject_spend (
    tenant_id   uuid not null,
    subject_id  uuid not null,
    day         date not null,
    usd         numeric(14, 6) not null,
    primary key (subject_id, day, tenant_id),
    foreign key (tenant_id, subject_id) references subjects (tenant_id, id) on delete cascade
);
select desk_control.fence_person('subject_spend');

-- Counts as long as its turn is in the queue. The commit that takes the turn out of it writes what was spent.
create table budget_reservations (
    tenant_id   uuid not null,
    turn_id     uuid not null,
    subject_id  uuid not null,
    usd         numeric(14, 6) not null,
    primary key (turn_id, tenant_id)
);
select desk_control.fence_person('budget_reservations');
create index budget_reservations_of_tenant on budget_reservations (tenant_id);

-- That a tenant's budget is used up is told once a day or month.
create table budget_alarms (
    tenant_id  uuid not null,
    budget     text not null check (budget in ('day', 'month')),
    since      date not null,
    at         timestamptz not null default now(),
    primary key (tenant_id, budget, since)
);
select desk_control.fence_tenant('budget_alarms');

create function note_spend() returns trigger language plpgsql as $$
declare
    today date := (now() at time zone 'UTC')::date;
begin
    insert into spend as s (tenant_id, day, part, usd)
        values (new.tenant_id, today, abs(hashtext(new.turn_id::text) % 16), new.cost_usd)
        on conflict (tenant_id, day, part) do update set usd = s.usd + excluded.usd;
    insert into subject_spend as s (tenant_id, subject_id, day, usd)
        values (new.tenant_id, new.subject_id, today, new.cost_usd)
        on conflict (subject_id, day, tenant_id) do update set usd = s.usd + excluded.usd;
    return null;
end $$;
create trigger usage_is_spent after insert on usage for each row when (new.cost_usd > 0)
    execute function note_spend();

-- Keeps `estimate` for a turn if every budget that is not null has room, and gives null; else the name of the first
-- that has none. A second call of a turn takes the place of its first.
create function reserve_budget(
    caller text[], turn uuid, estimate double precision,
    subject_day double precision, subject_month double precision,
    tenant_day double precision, tenant_month double precision
) returns text language plpgsql as $$
declare
    tenant uuid := caller[2];
    subject uuid := caller[3];
    today date := (now() at time zone 'UTC')::date;
    over text;
begin
    perform desk_control.enter(caller);
    -- A tenant's sum is everybody's, whoever asks.
    perform set_config('app.scope', 'worker', true);
    -- One at a time for a tenant: what each finds free must still be free when it writes.
    perform pg_advisory_xact_lock(hashtextextended(tenant::text, 0));
    delete from budget_reservations r where r.tenant_id = tenant and (r.turn_id = turn
        or not exists (select from desk_control.turn_queue q where q.turn_id = r.turn_id));
    select case
        when mine.day + held.mine + estimate > subject_day then 'subject_day'
        when mine.month + held.mine + estimate > subject_month then 'subject_month'
        when ours.day + held.ours + estimate > tenant_day then 'tenant_day'
        when ours.month + held.ours + estimate > tenant_month then 'tenant_month'
    end into over
    from (
        select coalesce(sum(s.usd), 0) as month, coalesce(sum(s.usd) filter (where s.day = today), 0) as day
        from spend s where s.tenant_id = tenant and s.day >= date_trunc('month', today)::date
    ) ours, (
        select coalesce(sum(s.usd), 0) as month, coalesce(sum(s.usd) filter (where s.day = today), 0) as day
        from subject_spend s where s.tenant_id = tenant and s.subject_id = subject
            and s.day >= date_trunc('month', today)::date
    ) mine, (
        select coalesce(sum(r.usd), 0) as ours,
            coalesce(sum(r.usd) filter (where r.subject_id = subject), 0) as mine
        from budget_reservations r where r.tenant_id = tenant
    ) held;
    if over is null then
        insert into budget_reservations (tenant_id, turn_id, subject_id, usd)
            values (tenant, turn, subject, estimate);
    end if;
    perform set_config('app.scope', caller[4], true);
    return over;
end $$;

-- Whom a timer may have to look after stands in the control schema too, so that it asks no tenant without any.
create function note_waiting() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' or new.state not in ('queued', 'human', 'ticketed')
            or (new.state <> 'queued' and (new.due_at is null or new.escalated_at is not null)) then
        delete from desk_control.waiting_handoffs w where w.handoff_id = old.id;
    else
        insert into desk_control.waiting_handoffs as w (handoff_id, tenant_id, queued, due_at)
            values (new.id, new.tenant_id, new.state = 'queued',
                case when new.escalated_at is null then new.due_at end)
            on conflict (handoff_id) do update set queued = excluded.queued, due_at = excluded.due_at;
    end if;
    return null;
end $$;
create trigger waiting_is_noted after insert or update or delete on handoffs for each row
    execute function note_waiting();

-- The owner stands under forced row-level security too; it is lifted to note whom there is already.
alter table handoffs no force row level security;
update handoffs set state = state where state in ('queued', 'human', 'ticketed');
alter table handoffs force row level security;

-- In which hours a tenant had turns, so that jobs leave out those who had none. A turn in an hour that is noted
-- already writes nothing.
create function note_active() returns trigger language plpgsql as $$
begin
    insert into desk_control.active_hours (tenant_id, hour)
        values (new.tenant_id, date_trunc('hour', new.accepted_at)) on conflict do nothing;
    return null;
end $$;
create trigger activity_is_noted after insert on turns for each row execute function note_active();

-- The same for the audit, so that only chains that have grown are sealed. An hour that is noted already is not
-- written again: writers of one tenant do not wait for each other.
create function note_audited() returns trigger language plpgsql as $$
begin
    insert into desk_control.audited_hours (tenant_id, hour)
        values (new.tenant_id, date_trunc('hour', now())) on conflict do nothing;
    return null;
end $$;
create trigger audit_is_noted after insert on audit for each row execute function note_audited();

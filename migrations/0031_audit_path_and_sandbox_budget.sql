-- scope: placement
-- As in 0030: what runs as the owner looks among temporary tables last.
do $$ begin
    execute format('alter function prune_audit(int, int) set search_path to %I, pg_temp', current_schema);
end $$;

-- A run in the sandbox is in no queue. What it keeps counts until it is paid, or its process must have died.
alter table budget_reservations add column kept_until timestamptz;

-- As in 0019, and for such runs.
create or replace function reserve_budget(
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
        or not exists (select from desk_control.turn_queue q where q.turn_id = r.turn_id)
            and coalesce(r.kept_until < now(), true));
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
        insert into budget_reservations (tenant_id, turn_id, subject_id, usd, kept_until)
            values (tenant, turn, subject, estimate, case
                when not exists (select from desk_control.turn_queue q where q.turn_id = turn)
                then now() + interval '5 minutes' end);
    end if;
    perform set_config('app.scope', caller[4], true);
    return over;
end $$;

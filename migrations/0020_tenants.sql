-- scope: control
-- Tenants come, are suspended and go; some live in a schema of their own, which only a role of their own may enter.

-- The tenant of those who run the installation: it has no customers, and cannot be suspended, moved or removed.
insert into tenants (id, slug, name) values ('00000000-0000-7000-8000-000000000001', 'platform', 'Platform')
    on conflict (slug) do nothing;
alter table tenants add constraint tenants_platform
    check (slug <> 'platform' or (status = 'active' and placement = 'shared'));
alter table tenants add column suspended_at timestamptz;
create function keep_platform() returns trigger language plpgsql as $$
begin
    raise exception 'the tenant platform cannot be removed' using errcode = 'DG004';
end $$;
create trigger platform_stays before delete on tenants for each row when (old.slug = 'platform')
    execute function keep_platform();

-- Ids and times only. A row stands here while somebody is in the queue, or may come to wait too long.
create table waiting_handoffs (
    handoff_id  uuid primary key,
    tenant_id   uuid not null,
    queued      boolean not null,
    due_at      timestamptz
);
create index waiting_handoffs_of_tenant on waiting_handoffs (tenant_id);
grant select, insert, update, delete on waiting_handoffs to desk_app;

-- Kept for some days, so that a job which could not run then still finds whom it has to work for.
create table active_hours (
    tenant_id  uuid not null,
    hour       timestamptz not null,
    primary key (tenant_id, hour)
);
create index active_hours_by_hour on active_hours (hour);
-- Nobody knows yet who was active before. A tenant's oldest row stays: since then it has had turns.
insert into active_hours (tenant_id, hour) select id, date_trunc('hour', now()) from tenants
    union select id, date_trunc('hour', created_at) from tenants;

-- In which hours a tenant's audit got rows, until all of them are sealed.
create table audited_hours (
    tenant_id  uuid not null,
    hour       timestamptz not null,
    primary key (tenant_id, hour)
);
insert into audited_hours (tenant_id, hour) select id, date_trunc('hour', now()) from tenants;
grant select, insert, update, delete on active_hours, audited_hours to desk_app;

create index turn_queue_of_tenant on turn_queue (tenant_id);

-- As before, but into the role that the caller names: its placement's. One that names none is of an earlier release.
create or replace function enter(caller text[]) returns void language plpgsql as $$
begin
    perform set_config('role', coalesce(caller[5], 'desk_app'), true), set_config('search_path', caller[1], true),
        set_config('app.tenant', caller[2], true), set_config('app.user', caller[3], true),
        set_config('app.scope', caller[4], true);
end $$;

-- The roles of placements are members of this one, which may do in the control schema what desk_app may.
do $$ begin
    if not exists (select from pg_roles where rolname = 'desk_placed') then
        create role desk_placed nologin nosuperuser nobypassrls;
    end if;
end $$;

-- Gives another role what desk_app may do in a schema.
create function share_grants(place text, taker text) returns void language plpgsql as $$
declare
    granted record;
begin
    execute format('grant usage on schema %I to %I', place, taker);
    for granted in
        select c.relname, case c.relkind when 'S' then 'sequence' else 'table' end as kind, a.privilege_type
        from pg_class c cross join lateral aclexplode(c.relacl) a
        where c.relnamespace = place::regnamespace and a.grantee = 'desk_app'::regrole
    loop
        execute format('grant %s on %s %I.%I to %I',
            granted.privilege_type, granted.kind, place, granted.relname, taker);
    end loop;
    for granted in
        select p.oid::regprocedure as called
        from pg_proc p cross join lateral aclexplode(p.proacl) a
        where p.pronamespace = place::regnamespace and a.grantee = 'desk_app'::regrole
    loop
        execute format('grant execute on function %s to %I', granted.called, taker);
    end loop;
end $$;

-- A schema of one tenant's own belongs to the role of its name, and to desk_app no more.
create function hand_over(place text) returns void language plpgsql as $$
begin
    perform desk_control.share_grants(place, place);
    execute format('revoke all on all tables in schema %I from desk_app', place);
    execute format('revoke all on all sequences in schema %I from desk_app', place);
    execute format('revoke all on all functions in schema %I from desk_app', place);
    execute format('revoke all on schema %I from desk_app', place);
end $$;
revoke execute on function share_grants(text, text), hand_over(text) from public;

-- scope: control
-- What is cross-tenant by nature. Ids and states only: never a word that a customer wrote.

create table tenants (
    id          uuid primary key,
    slug        text not null unique check (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    name        text not null,
    placement   text not null default 'shared' check (placement ~ '^[a-z][a-z0-9_]{0,62}$'),
    status      text not null default 'active' check (status in ('active', 'suspended')),
    settings    jsonb not null default '{}',
    created_at  timestamptz not null default now()
);

-- Fences only grow, over all conversations and processes.
create sequence fences;

create table turn_queue (
    turn_id          uuid primary key,
    tenant_id        uuid not null,
    conversation_id  uuid not null,
    subject_id       uuid not null,
    fence            bigint not null default nextval('fences'),
    lease_until      timestamptz not null,
    attempts         int not null default 1,
    accepted_at      timestamptz not null default now()
);

-- One writer per conversation: the second one finds this index in its way.
create unique index turn_queue_one_writer on turn_queue (conversation_id);
create index turn_queue_orphans on turn_queue (lease_until);

create table api_keys (
    id            uuid primary key,
    tenant_id     uuid not null references tenants (id) on delete cascade,
    name          text not null,
    secret_hash   bytea not null,
    created_at    timestamptz not null default now(),
    expires_at    timestamptz,
    revoked_at    timestamptz,
    last_used_at  timestamptz
);

create table login_links (
    id       uuid primary key,
    used_at  timestamptz not null default now()
);

-- The caller, as `tenant_tx` sets it for one transaction; null when nobody was set, so that nothing matches.
create function app_tenant() returns uuid language sql stable parallel safe
    as $$ select nullif(current_setting('app.tenant', true), '')::uuid $$;
create function app_user() returns uuid language sql stable parallel safe
    as $$ select nullif(current_setting('app.user', true), '')::uuid $$;
create function app_is_staff() returns boolean language sql stable parallel safe
    as $$ select coalesce(current_setting('app.scope', true), '') in ('agent', 'admin', 'worker') $$;

-- Fences a tenant's table: the tenant must match, and on a person's rows also the person, unless staff asks.
create function fence_tenant(target regclass) returns void language plpgsql as $$
begin
    execute format('alter table %s enable row level security', target);
    execute format('alter table %s force row level security', target);
    execute format(
        'create policy tenant on %s using (tenant_id = (select desk_control.app_tenant()))', target);
    execute format('grant select, insert, update, delete on %s to desk_app', target);
end $$;

create function fence_person(target regclass, person text default 'subject_id') returns void
language plpgsql as $$
begin
    perform desk_control.fence_tenant(target);
    execute format(
        'create policy person on %s as restrictive using (%I = (select desk_control.app_user())'
        ' or (select desk_control.app_is_staff()))', target, person);
end $$;

-- Leaves the queue as the first act of a final commit; fails the transaction if another process owns the turn.
create function pass_fence(turn uuid, held bigint) returns void language plpgsql as $$
begin
    delete from desk_control.turn_queue where turn_id = turn and fence = held;
    if not found then
        raise exception 'turn % is fenced', turn using errcode = 'DG001';
    end if;
end $$;

-- The same question in the middle of a turn: still ours?
create function hold_fence(turn uuid, held bigint) returns void language plpgsql as $$
begin
    perform from desk_control.turn_queue where turn_id = turn and fence = held for key share;
    if not found then
        raise exception 'turn % is fenced', turn using errcode = 'DG001';
    end if;
end $$;

grant usage on schema desk_control to desk_app;
grant usage on sequence fences to desk_app;
grant select, insert, update, delete on tenants, turn_queue, api_keys, login_links to desk_app;

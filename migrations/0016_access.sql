-- scope: control
-- What is asked before the tenant is known: how often somebody guessed, and which site a widget stands on.

-- Who is guessed at may not exist, and nor may the tenant; the hash is keyed and says neither.
create table login_attempts (
    identity_hash  bytea primary key,
    failures       int not null default 0,
    locked_until   timestamptz not null default now(),
    last_at        timestamptz not null default now()
);
create index login_attempts_by_age on login_attempts (last_at);

alter table api_keys add column rights text[] not null default '{relay,faqs.read}';
alter table api_keys alter column rights drop default;
create index api_keys_of_tenant on api_keys (tenant_id, id);

create table sites (
    id          uuid primary key,
    tenant_id   uuid not null references tenants (id) on delete cascade,
    key         text not null unique,
    name        text not null,
    origins     text[] not null,
    created_at  timestamptz not null default now(),
    revoked_at  timestamptz
);
create index sites_of_tenant on sites (tenant_id, id);

-- Counts up when a tenant's widget secret is replaced; the one before stays good until the next time.
alter table tenants add column widget_secret_version int not null default 1;

grant select, insert, update, delete on login_attempts, sites to desk_app;

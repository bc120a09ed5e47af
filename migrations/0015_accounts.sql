-- scope: placement
-- Accounts with a password, what keeps them signed in, and until when what was signed for a person counts.

-- What was signed for a person before this moment is refused; null is never.
alter table subjects add column valid_after timestamptz;

create table accounts (
    tenant_id      uuid not null,
    subject_id     uuid not null,
    state          text not null check (state in ('pending', 'active', 'disabled')),
    role           text not null check (role in ('user', 'agent', 'admin', 'platform')),
    email_sealed   bytea not null,
    password_hash  text,
    created_at     timestamptz not null default now(),
    primary key (tenant_id, subject_id),
    foreign key (tenant_id, subject_id) references subjects (tenant_id, id) on delete cascade
);
create index accounts_by_age on accounts (tenant_id, state, created_at);
select desk_control.fence_person('accounts');

-- One code of a kind at a time; it stands in a mail, and here only as a hash.
create table account_codes (
    tenant_id   uuid not null,
    subject_id  uuid not null,
    purpose     text not null check (purpose in ('verify', 'reset', 'known')),
    code_hash   bytea not null,
    created_at  timestamptz not null default now(),
    expires_at  timestamptz not null,
    primary key (tenant_id, subject_id, purpose),
    foreign key (tenant_id, subject_id) references accounts (tenant_id, subject_id) on delete cascade
);
select desk_control.fence_person('account_codes');

-- All that came from one login are a family; one that is used twice ends its family.
create table refresh_tokens (
    tenant_id    uuid not null,
    id           uuid not null,
    family_id    uuid not null,
    subject_id   uuid not null,
    secret_hash  bytea not null,
    began_at     timestamptz not null,
    expires_at   timestamptz not null,
    used_at      timestamptz,
    primary key (tenant_id, id),
    foreign key (tenant_id, subject_id) references accounts (tenant_id, subject_id) on delete cascade
);
create index refresh_tokens_of_family on refresh_tokens (tenant_id, family_id);
create index refresh_tokens_of_subject on refresh_tokens (tenant_id, subject_id);
create index refresh_tokens_by_age on refresh_tokens (expires_at);
select desk_control.fence_person('refresh_tokens');

-- scope: placement
-- What the jobs stand on: a quick way to the turns that still hold raw input, hourly totals, and the name of the
-- model that made a FAQ's vectors.

-- A client's key is printable ASCII, so none can begin with the mark of a freed one.
create index turns_to_clear on turns (tenant_id, id) where not starts_with(idempotency_key, 'freed·');

create table usage_hourly (
    tenant_id          uuid not null,
    hour               timestamptz not null,
    route              text not null,  -- `failed` for turns without an answer, `all` for every turn of the hour
    turns              int not null,
    p50_ms             int not null,
    p95_ms             int not null,
    prompt_tokens      bigint not null,
    completion_tokens  bigint not null,
    cost_usd           numeric(14, 6) not null,
    primary key (tenant_id, hour, route)
);
select desk_control.fence_tenant('usage_hourly');
create policy staff_only on usage_hourly as restrictive using ((select desk_control.app_is_staff()));

-- Every vector that exists today was made by this model; from now on who stores vectors says by which.
alter table faqs add column embedder text default 'all-MiniLM-L6-v2-int8';
alter table faqs alter column embedder drop default;

-- How many messages the conversation had when it was last summarised.
alter table conversations add column summarised int not null default 0;

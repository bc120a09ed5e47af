-- scope: placement
-- What a tenant knows and sells. Vectors live in their own narrow tables, so that an exact scan reads little else.

create table faqs (
    tenant_id    uuid not null,
    id           uuid not null,
    external_id  text not null,
    category     text,
    language     text not null default 'en',
    question     text not null,
    answer       text,
    version      int not null default 1,
    updated_at   timestamptz not null default now(),
    words        tsvector generated always as (
                     to_tsvector('simple', question || ' ' || coalesce(answer, ''))) stored,
    primary key (tenant_id, id)
);
create unique index faqs_external on faqs (tenant_id, external_id);
create index faqs_words on faqs using gin (words);
select desk_control.fence_tenant('faqs');

create table faq_versions (
    tenant_id   uuid not null,
    faq_id      uuid not null,
    version     int not null,
    question    text not null,
    answer      text,
    created_at  timestamptz not null default now(),
    primary key (tenant_id, faq_id, version),
    foreign key (tenant_id, faq_id) references faqs (tenant_id, id) on delete cascade
);
select desk_control.fence_tenant('faq_versions');

create table faq_embeddings (
    tenant_id  uuid not null,
    faq_id     uuid not null,
    part       int not null,
    embedding  vector not null,
    primary key (tenant_id, faq_id, part),
    foreign key (tenant_id, faq_id) references faqs (tenant_id, id) on delete cascade
);
select desk_control.fence_tenant('faq_embeddings');

create table products (
    tenant_id    uuid not null,
    sku          text not null,
    title        text not null,
    authors      text[] not null default '{}',
    genres       text[] not null default '{}',
    price        text not null,
    rating       real not null default 0,
    stock        int not null default 0,
    description  text not null default '',
    embedding    vector,
    primary key (tenant_id, sku)
);
select desk_control.fence_tenant('products');

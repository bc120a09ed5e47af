-- scope: placement
-- The life of a FAQ: a draft, from when to when it is shown, its other wordings, how often it answered; and its words
-- in the forms of its own language.

alter table faqs
    add column draft boolean not null default false,
    add column publish_at timestamptz,
    add column expires_at timestamptz,
    add column aliases text[] not null default '{}',
    add constraint faqs_shown_for_a_while check (expires_at > publish_at);
-- Few FAQs have any of these, so a search learns at once that there is nothing to leave out.
create index faqs_not_always_shown on faqs (tenant_id)
    where draft or publish_at is not null or expires_at is not null;
-- A draft is the staff's, whatever the application lets through.
create policy drafts on faqs as restrictive for select using (not draft or (select desk_control.app_is_staff()));
create index faqs_of_category on faqs (tenant_id, category, external_id);

-- How words of a language are cut to their stems; `simple` leaves those of every other language as they are.
create function text_search_of(language text) returns regconfig language sql immutable parallel safe as $$
    select case split_part(lower(language), '-', 1)
        when 'en' then 'pg_catalog.english'::regconfig
        when 'de' then 'pg_catalog.german'::regconfig
        when 'fr' then 'pg_catalog.french'::regconfig
        when 'es' then 'pg_catalog.spanish'::regconfig
        when 'it' then 'pg_catalog.italian'::regconfig
        when 'nl' then 'pg_catalog.dutch'::regconfig
        when 'pt' then 'pg_catalog.portuguese'::regconfig
        else 'pg_catalog.simple'::regconfig end
$$;
drop index faqs_words;
alter table faqs drop column words;
alter table faqs add column words tsvector generated always as (
    to_tsvector(text_search_of(language), question || ' ' || coalesce(answer, ''))) stored;
create index faqs_words on faqs using gin (words);

-- Answers that cited a FAQ, by day; added up in the processes and written together. Ids and numbers only.
create table faq_hits (
    tenant_id  uuid not null,
    faq_id     uuid not null,
    day        date not null,
    hits       bigint not null,
    primary key (tenant_id, faq_id, day),
    foreign key (tenant_id, faq_id) references faqs (tenant_id, id) on delete cascade
);
select desk_control.fence_tenant('faq_hits');
create policy staff_only on faq_hits as restrictive using ((select desk_control.app_is_staff()));

-- scope: placement
-- Questions that had no answer, and the gaps in a tenant's knowledge that they make together. No word of a customer is
-- kept here: a question is opened from its message, under its person's key, each time that it is read.
create table faq_gaps (
    tenant_id     uuid not null,
    id            uuid not null,
    -- What the FAQs would answer by now; a job looks again and again.
    answered      boolean not null default false,
    dismissed_at  timestamptz,
    faq_id        uuid,
    primary key (tenant_id, id),
    foreign key (tenant_id, faq_id) references faqs (tenant_id, id) on delete set null (faq_id)
);
create index faq_gaps_of_faq on faq_gaps (tenant_id, faq_id) where faq_id is not null;
select desk_control.fence_tenant('faq_gaps');
create policy staff_only on faq_gaps as restrictive using ((select desk_control.app_is_staff()));

-- `nearness` is the mean cosine to the questions of the same gap. A question that is like no other has no gap.
create table faq_gap_questions (
    tenant_id      uuid not null,
    turn_id        uuid not null,
    subject_id     uuid not null,
    gap_id         uuid,
    embedder       text not null,
    vector_sealed  bytea not null,
    nearness       real not null default 1,
    primary key (tenant_id, turn_id),
    foreign key (tenant_id, gap_id) references faq_gaps (tenant_id, id) on delete set null (gap_id),
    foreign key (tenant_id, turn_id, subject_id) references turns (tenant_id, id, subject_id)
        on update cascade on delete cascade
);
create index faq_gap_questions_of_gap on faq_gap_questions (tenant_id, gap_id);
select desk_control.fence_person('faq_gap_questions');
create policy staff_only on faq_gap_questions as restrictive using ((select desk_control.app_is_staff()));

-- What had no answer is looked for among all turns of some months.
create index turns_without_answer on turns (tenant_id, id) where route = 'fallback';

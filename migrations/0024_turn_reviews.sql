-- scope: placement
-- What an admin made of a turn who looked at it again: a label, and what it was turned into. No word of the customer.
create table turn_reviews (
    tenant_id    uuid not null,
    turn_id      uuid not null,
    subject_id   uuid not null,
    label        text not null check (label in
        ('right', 'wrong', 'incomplete', 'knowledge_missing', 'intent_missed', 'not_ours', 'unclear')),
    became       text check (became in ('case', 'faq')),
    reviewed_at  timestamptz not null default now(),
    primary key (tenant_id, turn_id),
    foreign key (tenant_id, turn_id, subject_id) references turns (tenant_id, id, subject_id)
        on update cascade on delete cascade
);
select desk_control.fence_person('turn_reviews');
create policy staff_only on turn_reviews as restrictive using ((select desk_control.app_is_staff()));

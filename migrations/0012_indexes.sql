-- scope: placement
-- An index that begins with the tenant fits every statement under row-level security. While a table is new and has no
-- statistics, such an index looks as good as the primary key, and the plan that is kept then reads all of a tenant's
-- rows for each one. Ids are unique over all tenants, so these begin with the id that they are for.

-- One index finds a person's conversations and is what rows that hang on them refer to. It is without `updated_at`, so
-- that what a turn changes on its conversation is in no index.
drop index conversations_of_subject;
alter table conversations drop constraint conversations_tenant_id_id_subject_id_key cascade;
alter table conversations add constraint conversations_of_subject unique (subject_id, id, tenant_id);
alter table conversations set (fillfactor = 80);
alter table turns add foreign key (tenant_id, conversation_id, subject_id)
    references conversations (tenant_id, id, subject_id) on delete cascade;
alter table messages add foreign key (tenant_id, conversation_id, subject_id)
    references conversations (tenant_id, id, subject_id) on delete cascade;
alter table handoffs add foreign key (tenant_id, conversation_id, subject_id)
    references conversations (tenant_id, id, subject_id) on delete cascade;

drop index turns_idempotency;
create unique index turns_idempotency on turns (idempotency_key, subject_id);
drop index turns_of_conversation;
create index turns_of_conversation on turns (conversation_id, accepted_at);

drop index messages_of_conversation;
create index messages_of_conversation on messages (conversation_id, id);
drop index messages_of_subject;
create index messages_of_subject on messages (subject_id, id);

drop index handoff_events_of_conversation;
create index handoff_events_of_conversation on handoff_events (conversation_id, number);
drop index handoff_events_of_handoff;
create index handoff_events_of_handoff on handoff_events (handoff_id);
drop index agent_replies_of_handoff;
create index agent_replies_of_handoff on agent_replies (handoff_id);

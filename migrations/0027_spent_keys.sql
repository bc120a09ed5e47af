-- scope: placement
-- Keys of turns whose conversation was deleted, as hashes, for as long as keys are kept at all: a client that never heard
-- of the deletion and sends its key again does not have done anew what was done.
create table spent_keys (
    tenant_id   uuid not null,
    subject_id  uuid not null,
    key_hash    bytea not null,
    spent_at    timestamptz not null default now(),
    primary key (tenant_id, subject_id, key_hash)
);
create index spent_keys_to_forget on spent_keys (tenant_id, spent_at);
select desk_control.fence_person('spent_keys');

create function hash_key(idempotency_key text) returns bytea language sql immutable parallel safe
    as $$ select sha256(convert_to(idempotency_key, 'UTF8')) $$;

-- Before the conversation goes, and its turns with it; locked first, so that no further turn comes between.
create function spend_keys(of_conversation uuid) returns void language sql as $$
    select from conversations where id = of_conversation for update;
    insert into spent_keys (tenant_id, subject_id, key_hash)
        select tenant_id, subject_id, hash_key(idempotency_key) from turns
        where conversation_id = of_conversation and not starts_with(idempotency_key, 'freed·')
        on conflict do nothing
$$;

-- After the insert, which waits for a deletion that is under way: this looks again, and sees what the deletion left.
create function refuse_spent() returns trigger language plpgsql as $$
begin
    if exists (select from spent_keys s where s.tenant_id = new.tenant_id and s.subject_id = new.subject_id
            and s.key_hash = hash_key(new.idempotency_key)) then
        raise exception 'the conversation of this key was deleted' using errcode = 'DG004';
    end if;
    return null;
end $$;
create trigger refuse_spent after insert on turns for each row execute function refuse_spent();

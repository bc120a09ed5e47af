-- scope: control
-- One outbox for all that is told outside the page: a delivery goes to the tenant's own service or to a mailbox.

alter table webhook_deliveries rename to deliveries;
alter index webhook_deliveries_pkey rename to deliveries_pkey;
alter table deliveries
    add column channel text not null default 'webhook' check (channel in ('webhook', 'mail'));
alter table deliveries alter column channel drop default;
alter table deliveries rename constraint webhook_deliveries_kind_check to deliveries_kind_check;
alter table deliveries drop constraint webhook_deliveries_state_check;
-- `needless`: when its time came there was nobody to tell, or no reason any more.
alter table deliveries add constraint deliveries_state_check
    check (state in ('waiting', 'delivered', 'needless', 'dead'));
drop index webhook_deliveries_due;
create index deliveries_due on deliveries (channel, tenant_id, due_at) where state = 'waiting';

-- What stands in the outbox for a mail address: the same for one address of a tenant, and no way back to it.
create function recipient_id(tenant uuid, address text) returns uuid language sql immutable parallel safe
    as $$ select encode(substring(sha256(convert_to(tenant || ':' || lower(address), 'UTF8')) for 16), 'hex')::uuid $$;

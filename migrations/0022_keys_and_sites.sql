-- scope: control
-- A service's keys and a widget's sites are their tenant's, too. Before the tenant is known they are asked for by the
-- one transaction that says that it receives somebody: it may read all, note a key's use, and nothing else.
create function app_receives() returns boolean language sql stable parallel safe
    as $$ select coalesce(current_setting('app.scope', true), '') = 'reception' $$;

select fence_tenant('api_keys');
create policy reception_reads on api_keys for select using ((select app_receives()));
create policy reception_notes_use on api_keys for update using ((select app_receives()))
    with check ((select app_receives()));

select fence_tenant('sites');
create policy reception_reads on sites for select using ((select app_receives()));

-- scope: control
-- Before its tenant is known, a key is found by itself and its secret's hash alone, and a site by its key. Functions
-- ask, which run as the owner: so no transaction of the application may read, or change, all tenants' rows.
drop policy reception_reads on api_keys;
drop policy reception_notes_use on api_keys;
drop policy reception_reads on sites;
drop function app_receives();

-- Row-level security is forced on the owner, too.
create policy reception on api_keys to current_user using (true);
create policy reception on sites to current_user using (true);

-- The key, if it holds; notes its use at most once a minute. How long a wrong hash takes tells nothing of the secret.
create function receive_api_key(presented uuid, hash bytea) returns setof api_keys language sql security definer
set search_path from current as $$
    update api_keys set last_used_at = now()
        where id = presented and secret_hash = hash and revoked_at is null
        and coalesce(expires_at > now(), true) and coalesce(last_used_at < now() - interval '1 minute', true);
    select * from api_keys
        where id = presented and secret_hash = hash and revoked_at is null and coalesce(expires_at > now(), true);
$$;

create function receive_site(presented text) returns setof sites language sql stable security definer
set search_path from current as $$
    select * from sites where key = presented and revoked_at is null;
$$;

-- Every origin on which some tenant's widget stands.
create function site_origins() returns setof text language sql stable security definer
set search_path from current as $$
    select distinct unnest(origins) from sites where revoked_at is null;
$$;

revoke execute on function receive_api_key(uuid, bytea), receive_site(text), site_origins() from public;
grant execute on function receive_api_key(uuid, bytea), receive_site(text), site_origins() to desk_app, desk_placed;

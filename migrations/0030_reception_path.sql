-- scope: control
-- What runs as the owner looks for names here alone, and last of all among temporary tables, where it otherwise
-- begins. Taking the right to make such tables away is the first belt, this is the second.
alter function receive_api_key(uuid, bytea) set search_path to desk_control, pg_temp;
alter function receive_site(text) set search_path to desk_control, pg_temp;
alter function site_origins() set search_path to desk_control, pg_temp;

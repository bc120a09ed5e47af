-- scope: placement
-- As in 0030: what runs as the owner looks among temporary tables last.
do $$ begin
    execute format('alter function prune_audit(int, int) set search_path to %I, pg_temp', current_schema);
end $$;

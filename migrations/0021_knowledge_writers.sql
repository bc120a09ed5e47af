-- scope: placement
-- What a tenant knows is read by everybody of it and written by its staff alone, whatever the application lets through.
do $$
declare
    known text;
begin
    foreach known in array array['faqs', 'faq_versions', 'faq_embeddings', 'products'] loop
        execute format('create policy staff_insert on %I as restrictive for insert'
            ' with check ((select desk_control.app_is_staff()))', known);
        execute format('create policy staff_update on %I as restrictive for update'
            ' using ((select desk_control.app_is_staff()))', known);
        execute format('create policy staff_delete on %I as restrictive for delete'
            ' using ((select desk_control.app_is_staff()))', known);
    end loop;
end $$;

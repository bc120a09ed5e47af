#!/bin/sh
# The role of the app: row security binds it, so it is neither superuser nor owner of a table.
set -eu

psql --set ON_ERROR_STOP=1 --set password="$DESK_APP_PASSWORD" \
    --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE ROLE desk_app LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'password';
SQL

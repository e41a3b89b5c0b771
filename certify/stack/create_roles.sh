#!/bin/sh
# The two roles and the database, for a PostgreSQL server of your own: certify_owner migrates, certify_app is what Certify runs as.
# The official postgres image runs this once, on an empty volume; by hand run it as a superuser, with psql's own variables
# (PGHOST, PGUSER, PGPASSWORD …) saying where.
set -eu
psql --set ON_ERROR_STOP=1 --no-psqlrc --dbname "${POSTGRES_DB:-postgres}" --username "${POSTGRES_USER:-${PGUSER:-postgres}}" \
    --set owner_password="${OWNER_DB_PASSWORD:?}" --set app_password="${APP_DB_PASSWORD:?}" <<'SQL'
CREATE ROLE certify_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE certify_app LOGIN PASSWORD :'app_password';
CREATE DATABASE certify OWNER certify_owner ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE certify FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE certify TO certify_app;
SQL

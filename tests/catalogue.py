"""Everything that a database holds beside the rows of its users, as lines that can be compared with those of another one."""

from django.db import connection

HERE = "'public'::regnamespace"
#: What differs between two databases that are the same: which migrations were recorded, and in which order names got numbers.
NUMBERED = {
    "django_migrations": "SELECT NULL WHERE FALSE",
    "django_content_type": "SELECT jsonb_build_array(app_label, model) FROM django_content_type",
    "auth_permission": """
        SELECT jsonb_build_array(app_label, model, codename, name)
        FROM auth_permission JOIN django_content_type AS type ON type.id = content_type_id""",
}
#: A place is counted anew, since a column that was dropped leaves a gap in `attnum`.
QUERIES = {
    "column": f"""
        SELECT attrelid::regclass, row_number() OVER (PARTITION BY attrelid ORDER BY attnum), attname,
            format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid), attidentity, attgenerated, attstorage,
            attcompression, attstattarget, attcollation::regcollation, attoptions, attacl, col_description(attrelid, attnum)
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE relnamespace = {HERE} AND relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND attnum > 0 AND NOT attisdropped""",
    "constraint": f"""
        SELECT coalesce(nullif(conrelid, 0)::regclass::text, contypid::regtype::text), conname, pg_get_constraintdef(oid),
            condeferrable, condeferred, convalidated, obj_description(oid, 'pg_constraint')
        FROM pg_constraint WHERE connamespace = {HERE}""",
    "trigger": """
        SELECT tgrelid::regclass, tgname, pg_get_triggerdef(oid), tgenabled, obj_description(oid, 'pg_trigger')
        FROM pg_trigger WHERE NOT tgisinternal""",
    "index": f"""
        SELECT indrelid::regclass, pg_class.oid::regclass, pg_get_indexdef(pg_class.oid), indisvalid, indisclustered,
            indisreplident, reloptions, obj_description(pg_class.oid, 'pg_class')
        FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE relnamespace = {HERE}""",
    "function": f"""
        SELECT pg_proc.oid::regprocedure, CASE WHEN prokind = 'a' THEN '' ELSE pg_get_functiondef(pg_proc.oid) END, proacl,
            proowner::regrole, obj_description(pg_proc.oid, 'pg_proc')
        FROM pg_proc WHERE pronamespace = {HERE}
            AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')""",
    "table": f"""
        SELECT pg_class.oid::regclass, relkind, relpersistence, reloptions, relrowsecurity, relforcerowsecurity, relreplident,
            reltablespace, relam, relowner::regrole, relacl, obj_description(pg_class.oid, 'pg_class'),
            CASE WHEN relkind IN ('v', 'm') THEN pg_get_viewdef(pg_class.oid) END
        FROM pg_class WHERE relnamespace = {HERE} AND relkind NOT IN ('i', 'I')""",
    "sequence": f"""
        SELECT seqrelid::regclass, seqtypid::regtype, seqstart, seqincrement, seqmin, seqmax, seqcache, seqcycle,
            refobjid::regclass, refobjsubid > 0
        FROM pg_sequence JOIN pg_class ON pg_class.oid = seqrelid
        LEFT JOIN pg_depend ON objid = seqrelid AND classid = 'pg_class'::regclass AND deptype IN ('a', 'i')
        WHERE relnamespace = {HERE}""",
    "type": f"SELECT oid::regtype, typtype, typowner::regrole, typacl FROM pg_type WHERE typnamespace = {HERE}",
    "label of a type": "SELECT enumtypid::regtype, enumsortorder, enumlabel FROM pg_enum",
    "rule": "SELECT schemaname, tablename, rulename, definition FROM pg_rules WHERE schemaname = 'public'",
    "policy": "SELECT polrelid::regclass, polname, pg_get_expr(polqual, polrelid), polroles FROM pg_policy",
    "statistics": "SELECT stxrelid::regclass, stxname, pg_get_statisticsobjdef(oid), stxstattarget FROM pg_statistic_ext",
    "event trigger": "SELECT evtname, evtevent, evtfoid::regproc, evtenabled FROM pg_event_trigger",
    "extension": "SELECT extname, extversion, extnamespace::regnamespace FROM pg_extension",
    "schema": "SELECT nspname, nspowner::regrole, nspacl FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_'",
    "privileges of what comes": "SELECT defaclrole::regrole, defaclnamespace, defaclobjtype, defaclacl FROM pg_default_acl",
    "setting": """
        SELECT setrole, setconfig FROM pg_db_role_setting
        WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())""",
}


def catalogue() -> set[tuple]:
    """What the catalogue of the database says about the schema: a kind, then the values as text."""
    lines = set()
    with connection.cursor() as cursor:
        for kind, query in QUERIES.items():
            cursor.execute(query)
            lines.update((kind, *map(str, row)) for row in cursor.fetchall())
    return lines


def rows() -> set[tuple]:
    """Every row of every table as JSON, and how far each sequence has come that counts rows of ours."""
    lines = set()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT relname FROM pg_class WHERE relnamespace = {HERE} AND relkind IN ('r', 'p') ORDER BY 1")
        for (table,) in cursor.fetchall():
            cursor.execute(NUMBERED.get(table, f"SELECT to_jsonb(one) FROM {table} AS one"))
            lines.update(("row", table, str(row[0])) for row in cursor.fetchall())
        cursor.execute("SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'")
        numbered = tuple(f"{table}_id_seq" for table in NUMBERED)
        lines.update(("counted", name, str(value)) for name, value in cursor.fetchall() if name not in numbered)
    return lines

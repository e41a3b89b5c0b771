"""Those whose access is reviewed may be erased as well, and have marks of their own: “erased identity 12”, “erased account 5”.

A trigger of `certify_refuse_change` may say of what kind the number in a column is: `identity_name=identity_id@inventory.identity`.
Without a kind it is a person who uses Certify.
"""

from django.db import migrations

FUNCTIONS = """
CREATE OR REPLACE FUNCTION ledger_mark(person text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN person LIKE 'inventory.%' THEN 'erased ' || split_part(split_part(person, ':', 1), '.', 2) ELSE 'erased person' END
           || ' ' || split_part(person, ':', 2)
$$;

CREATE OR REPLACE FUNCTION ledger_is_erasure(was jsonb, becomes jsonb, personal text[]) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT COALESCE(bool_and(EXISTS (
        SELECT FROM unnest(personal) AS named (words)
        CROSS JOIN LATERAL (SELECT split_part(named.words, '=', 2) AS words) AS whose
        JOIN ledger_erasure AS erasure ON erasure.person = CASE
            WHEN whose.words LIKE '%@%' THEN split_part(whose.words, '@', 2) || ':' || (was ->> split_part(whose.words, '@', 1))
            ELSE ledger_person_of(was ->> whose.words) END
        WHERE split_part(named.words, '=', 1) = changed.key
          AND changed.value IN (to_jsonb(ledger_mark(erasure.person)), ledger_masked(was -> changed.key, erasure.person))
    )), FALSE)
    FROM jsonb_each(becomes) AS changed WHERE changed.value IS DISTINCT FROM was -> changed.key
$$;
"""

UNDO = """
CREATE OR REPLACE FUNCTION ledger_mark(person text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT 'erased person ' || split_part(person, ':', 2)
$$;

CREATE OR REPLACE FUNCTION ledger_is_erasure(was jsonb, becomes jsonb, personal text[]) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT COALESCE(bool_and(EXISTS (
        SELECT FROM unnest(personal) AS named (words)
        JOIN ledger_erasure AS erasure ON erasure.person = ledger_person_of(was ->> split_part(named.words, '=', 2))
        WHERE split_part(named.words, '=', 1) = changed.key
          AND changed.value IN (to_jsonb(ledger_mark(erasure.person)), ledger_masked(was -> changed.key, erasure.person))
    )), FALSE)
    FROM jsonb_each(becomes) AS changed WHERE changed.value IS DISTINCT FROM was -> changed.key
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0040_long_entries_as_they_are")]

    operations = [migrations.RunSQL(FUNCTIONS, UNDO)]

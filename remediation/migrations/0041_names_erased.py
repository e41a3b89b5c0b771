"""The names of those who reported, asked, decided and objected may become the mark of somebody who was erased."""

from django.db import migrations

PERSONAL = {"remediation_attempt": ("by_name=by_id",), "remediation_applyresult": ("by_name=by_id",)}
ASKED = "task_id, reason, control, expires_on, requested_by_id, requested_by_name, requested_at, entry_uid"
OBJECTED = "task_id, person_id, person_name, reason, at, answer_by, entry_uid"
WHO_ENDED = """
ALTER TABLE remediation_riskexception DISABLE TRIGGER remediation_riskexception_asked;
UPDATE remediation_riskexception AS exception SET ended_by_ref = entry.actor_id FROM ledger_entry AS entry
WHERE entry.kind = 'exception:ended' AND entry.payload_json -> 'data' ->> 'exception' = exception.id::text;
ALTER TABLE remediation_riskexception ENABLE TRIGGER remediation_riskexception_asked;
"""
EXCEPTION = """
    CREATE OR REPLACE FUNCTION remediation_exception_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF ({old}) IS DISTINCT FROM ({new}) OR OLD.state IN ('declined', 'ended') THEN{unless}
            RAISE EXCEPTION 'refused: what was asked for and what has ended does not change';
        END IF;
        RETURN NEW;
    END $$;
    DROP TRIGGER remediation_riskexception_asked ON remediation_riskexception;
    CREATE TRIGGER remediation_riskexception_asked BEFORE UPDATE ON remediation_riskexception FOR EACH ROW
        EXECUTE FUNCTION remediation_exception_kept({personal});
"""
OBJECTION = """
    CREATE OR REPLACE FUNCTION remediation_objection_same() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.state <> 'open' OR ({old}) IS DISTINCT FROM ({new}) THEN{unless}
            RAISE EXCEPTION 'refused: what somebody objected does not change, and an answer is final';
        END IF;
        RETURN NEW;
    END $$;
    DROP TRIGGER remediation_objection_same ON remediation_objection;
    CREATE TRIGGER remediation_objection_same BEFORE UPDATE ON remediation_objection FOR EACH ROW
        EXECUTE FUNCTION remediation_objection_same({personal});
"""
UNLESS = """
            IF ledger_is_erasure(to_jsonb(OLD), to_jsonb(NEW), TG_ARGV) THEN
                RETURN NEW;
            END IF;"""


def named(personal):
    return ", ".join(f"'{one}'" for one in personal)


def guarded(function, columns, *personal):
    """A function that refuses changes, with the columns that erasing may change; and as it was."""
    old, new = (", ".join(f"{row}.{name.strip()}" for name in columns.split(",")) for row in ("OLD", "NEW"))
    return migrations.RunSQL(
        function.format(old=old, new=new, unless=UNLESS, personal=named(personal)),
        function.format(old=old, new=new, unless="", personal=""),
    )


def kept(table, personal):
    """The trigger that refuses changes, anew, with the columns that erasing may change."""
    drop = f"DROP TRIGGER {table}_kept ON {table}; CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW"
    return migrations.RunSQL(
        f"{drop} EXECUTE FUNCTION certify_refuse_change({named(personal)})",
        f"{drop} EXECUTE FUNCTION certify_refuse_change()",
    )


class Migration(migrations.Migration):
    dependencies = [("remediation", "0040_ended_by"), ("ledger", "0031_persons_kept")]

    operations = [
        migrations.RunSQL(WHO_ENDED, migrations.RunSQL.noop),
        *(kept(table, personal) for table, personal in PERSONAL.items()),
        guarded(
            EXCEPTION,
            ASKED,
            "requested_by_name=requested_by_id",
            "decided_by_name=decided_by_id",
            "ended_by_name=ended_by_ref",
        ),
        guarded(OBJECTION, OBJECTED, "person_name=person_id", "answered_by_name=answered_by_id"),
    ]

"""Commitments are made by the database, and what tables say of a person changes only when they are erased, and only to the mark.

A trigger of `certify_refuse_change` may name columns and whose they are: `reviewer_name=reviewer_id`. Such a column, and no other, may
become “erased person 7” (in a column of changes: the values of name, email and username), once `ledger_erasure` has people.user:7 and when the row is theirs. Whose a row is says the number of a
person, a reference such as people.user:7, or the id of an entry, whose actor it is.
"""

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION ledger_commit_person(person text, particulars text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    salt bytea := sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
    made text := encode(sha256(convert_to(E'certify-person/1\\n', 'UTF8') || salt || convert_to(particulars, 'UTF8')), 'hex');
BEGIN
    INSERT INTO ledger_personrecord (commitment, person, particulars, salt) VALUES (made, person, particulars, salt);
    RETURN made;
END $$;

CREATE FUNCTION ledger_mark(person text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT 'erased person ' || split_part(person, ':', 2)
$$;

CREATE FUNCTION ledger_particular(reference jsonb, part text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN EXISTS (SELECT FROM ledger_erasure WHERE person = reference ->> 'id') THEN ledger_mark(reference ->> 'id')
        ELSE COALESCE(reference ->> part, (
            SELECT record.particulars::json ->> part FROM ledger_personrecord AS record
            WHERE record.commitment = reference ->> 'person' AND record.particulars <> ''), '') END
$$;

CREATE FUNCTION ledger_person_of(holder text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN holder ~ '^[0-9]+$' THEN 'people.user:' || holder
                WHEN holder ~ '^[0-9a-f]{8}-' THEN (SELECT actor_id FROM ledger_entry WHERE uid = holder::uuid)
                ELSE holder END
$$;

CREATE FUNCTION ledger_masked(changes jsonb, person text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN jsonb_typeof(changes) = 'object' THEN (
        SELECT COALESCE(jsonb_object_agg(field.key, CASE WHEN field.key IN ('name', 'email', 'username')
            THEN jsonb_build_array(ledger_mark(person), ledger_mark(person)) ELSE field.value END), '{}')
        FROM jsonb_each(changes) AS field) END
$$;

CREATE FUNCTION ledger_is_erasure(was jsonb, becomes jsonb, personal text[]) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT COALESCE(bool_and(EXISTS (
        SELECT FROM unnest(personal) AS named (words)
        JOIN ledger_erasure AS erasure ON erasure.person = ledger_person_of(was ->> split_part(named.words, '=', 2))
        WHERE split_part(named.words, '=', 1) = changed.key
          AND changed.value IN (to_jsonb(ledger_mark(erasure.person)), ledger_masked(was -> changed.key, erasure.person))
    )), FALSE)
    FROM jsonb_each(becomes) AS changed WHERE changed.value IS DISTINCT FROM was -> changed.key
$$;

CREATE OR REPLACE FUNCTION certify_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND TG_NARGS > 0 THEN
        IF ledger_is_erasure(to_jsonb(OLD), to_jsonb(NEW), TG_ARGV) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE FUNCTION ledger_keep_person() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.commitment, NEW.person) IS DISTINCT FROM (OLD.commitment, OLD.person) OR NEW.salt IS NOT NULL OR NEW.particulars <> ''
       OR NOT EXISTS (SELECT FROM ledger_erasure WHERE person = OLD.person) THEN
        RAISE EXCEPTION 'ledger_personrecord: only erasing takes particulars away: UPDATE refused' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION ledger_keep_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM ledger_entry WHERE uid = NEW.entry_uid AND kind = 'person:erased' AND subject = NEW.person) THEN
        RAISE EXCEPTION 'ledger_erasure: no entry says that % was erased', NEW.person USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER ledger_personrecord_kept BEFORE UPDATE ON ledger_personrecord FOR EACH ROW EXECUTE FUNCTION ledger_keep_person();
CREATE TRIGGER ledger_personrecord_never_deleted BEFORE DELETE ON ledger_personrecord
    FOR EACH ROW EXECUTE FUNCTION certify_refuse_delete();
CREATE TRIGGER ledger_erasure_entered BEFORE INSERT ON ledger_erasure FOR EACH ROW EXECUTE FUNCTION ledger_keep_erased();
DROP TRIGGER auditlog_logentry_append_only ON auditlog_logentry;
CREATE TRIGGER auditlog_logentry_append_only BEFORE UPDATE OR DELETE ON auditlog_logentry FOR EACH ROW
    EXECUTE FUNCTION certify_refuse_change('object_repr=object_pk', 'changes=object_pk', 'actor_email=actor_id');
CREATE TRIGGER ledger_erasure_append_only BEFORE UPDATE OR DELETE ON ledger_erasure
    FOR EACH ROW EXECUTE FUNCTION certify_refuse_change();
"""

UNDO = """
DROP TRIGGER auditlog_logentry_append_only ON auditlog_logentry;
CREATE TRIGGER auditlog_logentry_append_only BEFORE UPDATE OR DELETE ON auditlog_logentry FOR EACH ROW
    EXECUTE FUNCTION certify_refuse_change();
DROP TRIGGER ledger_erasure_append_only ON ledger_erasure;
DROP TRIGGER ledger_erasure_entered ON ledger_erasure;
DROP TRIGGER ledger_personrecord_never_deleted ON ledger_personrecord;
DROP TRIGGER ledger_personrecord_kept ON ledger_personrecord;
DROP FUNCTION ledger_keep_erased();
DROP FUNCTION ledger_keep_person();
CREATE OR REPLACE FUNCTION certify_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
DROP FUNCTION ledger_is_erasure(jsonb, jsonb, text[]);
DROP FUNCTION ledger_masked(jsonb, text);
DROP FUNCTION ledger_person_of(text);
DROP FUNCTION ledger_particular(jsonb, text);
DROP FUNCTION ledger_mark(text);
DROP FUNCTION ledger_commit_person(text, text);
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0030_persons"), ("auditlog", "0017_add_actor_email")]

    operations = [migrations.RunSQL(FUNCTIONS, UNDO)]

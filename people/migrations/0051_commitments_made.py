"""Each change of a person's name, address or sign-in name makes a new commitment, whoever makes it and however."""

from django.db import migrations

MAKE = """
CREATE FUNCTION people_user_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.erased_at IS NOT NULL AND (OLD.name, OLD.email, OLD.username, OLD.erased_at, OLD.is_active)
           IS DISTINCT FROM (NEW.name, NEW.email, NEW.username, NEW.erased_at, NEW.is_active) THEN
            RAISE EXCEPTION 'refused: % was erased', OLD.name USING ERRCODE = 'insufficient_privilege';
        END IF;
        NEW.commitment := OLD.commitment;
        IF NEW.erased_at IS NOT NULL OR (OLD.commitment <> '' AND (OLD.name, OLD.email, OLD.username)
           IS NOT DISTINCT FROM (NEW.name, NEW.email, NEW.username)) THEN
            RETURN NEW;
        END IF;
    END IF;
    NEW.commitment := ledger_commit_person('people.user:' || NEW.id, '{"email":' || to_json(NEW.email::text)::text
        || ',"id":' || to_json('people.user:' || NEW.id)::text || ',"name":' || to_json(NEW.name::text)::text
        || ',"username":' || to_json(NEW.username::text)::text || '}');
    RETURN NEW;
END $$;

CREATE TRIGGER people_user_committed BEFORE INSERT OR UPDATE ON people_user FOR EACH ROW EXECUTE FUNCTION people_user_commit();
"""

UNDO = """
DROP TRIGGER people_user_committed ON people_user;
DROP FUNCTION people_user_commit();
"""


class Migration(migrations.Migration):
    dependencies = [("people", "0050_commitments"), ("ledger", "0031_persons_kept")]

    operations = [migrations.RunSQL(MAKE, UNDO)]

"""All that the ledger's migrations came to, for new databases: its tables, and that the database refuses to change the log.

A database that has some of the migrations it replaces goes on through them; one that has them all counts it as done.

Commitments are made by the database, and what tables say of a person changes only when they are erased, and only to the mark. A
trigger of `certify_refuse_change` may name columns and whose they are: `reviewer_name=reviewer_id`. Such a column, and no other, may
become “erased person 7” (in a column of changes: the values of name, email and username), once `ledger_erasure` has people.user:7 and
when the row is theirs. Whose a row is says the number of a person, a reference such as people.user:7, or the id of an entry, whose
actor it is. Those whose access is reviewed may be erased as well, and have marks of their own: “erased identity 12”, “erased account
5”; of what kind the number in a column is, says `identity_name=identity_id@inventory.identity`.
"""

import django.db.models.deletion
import django.db.models.functions.comparison
import uuid
from django.db import migrations, models

from certify.lib.together import Together

#: Trigger functions for every floor.
REFUSALS = """
CREATE FUNCTION certify_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND TG_NARGS > 0 THEN
        IF ledger_is_erasure(to_jsonb(OLD), to_jsonb(NEW), TG_ARGV) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE FUNCTION certify_refuse_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% keeps its rows for ever: DELETE refused', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
"""
DROP_REFUSALS = """
DROP FUNCTION certify_refuse_delete();
DROP FUNCTION certify_refuse_change();
"""

#: What an entry holds in place of a name, whose a row is, and what may become of a name.
PERSONS = """
CREATE FUNCTION ledger_commit_person(person text, particulars text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    salt bytea := sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
    made text := encode(sha256(convert_to(E'certify-person/1\\n', 'UTF8') || salt || convert_to(particulars, 'UTF8')), 'hex');
BEGIN
    INSERT INTO ledger_personrecord (commitment, person, particulars, salt) VALUES (made, person, particulars, salt);
    RETURN made;
END $$;

CREATE FUNCTION ledger_mark(person text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN person LIKE 'inventory.%' THEN 'erased ' || split_part(split_part(person, ':', 1), '.', 2) ELSE 'erased person' END
           || ' ' || split_part(person, ':', 2)
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
DROP_PERSONS = """
DROP FUNCTION ledger_is_erasure(jsonb, jsonb, text[]);
DROP FUNCTION ledger_masked(jsonb, text);
DROP FUNCTION ledger_person_of(text);
DROP FUNCTION ledger_particular(jsonb, text);
DROP FUNCTION ledger_mark(text);
DROP FUNCTION ledger_commit_person(text, text);
"""

PERSONS_KEPT = """
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
"""
DROP_PERSONS_KEPT = """
DROP TRIGGER ledger_erasure_entered ON ledger_erasure;
DROP TRIGGER ledger_personrecord_never_deleted ON ledger_personrecord;
DROP TRIGGER ledger_personrecord_kept ON ledger_personrecord;
DROP FUNCTION ledger_keep_erased();
DROP FUNCTION ledger_keep_person();
"""

#: An entry is what its hash says, and waits for its place in the tree. Long entries are stored as they are: to compress one costs an
#: act on many rows more than all else that its entries cost.
ENTRIES = """
ALTER TABLE ledger_entry
    ADD CONSTRAINT entry_leaf_hash_fits CHECK (leaf_hash = sha256('\\x00'::bytea || convert_to(payload, 'UTF8'))),
    ADD CONSTRAINT entry_payload_size CHECK (octet_length(payload) <= 65535),
    ALTER COLUMN payload SET STORAGE EXTERNAL,
    ALTER COLUMN payload_json SET STORAGE EXTERNAL;

CREATE FUNCTION ledger_queue_entries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger_pending (entry_id) SELECT id FROM added;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_entry_queue AFTER INSERT ON ledger_entry
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger_queue_entries();
"""
DROP_ENTRIES = """
DROP TRIGGER ledger_entry_queue ON ledger_entry;
DROP FUNCTION ledger_queue_entries();
ALTER TABLE ledger_entry
    DROP CONSTRAINT entry_leaf_hash_fits,
    DROP CONSTRAINT entry_payload_size,
    ALTER COLUMN payload SET STORAGE EXTENDED,
    ALTER COLUMN payload_json SET STORAGE EXTENDED;
"""

#: The log, its tree, and the evidence beside it: cosignatures, anchors, which key signed what, and who was erased.
APPEND_ONLY = (
    "ledger_entry",
    "ledger_leaf",
    "ledger_node",
    "ledger_checkpoint",
    "ledger_absorbedchange",
    "ledger_cosignature",
    "ledger_anchor",
    "ledger_keyterm",
    "ledger_erasure",
)
#: A user who appears in django-auditlog's table can therefore not be deleted, only deactivated.
AUDITLOG = ("object_repr=object_pk", "changes=object_pk", "actor_email=actor_id")


def append_only(table, personal=()):
    """The trigger that refuses changes, with the columns that erasing may change."""
    named = ", ".join(f"'{one}'" for one in personal)
    return migrations.RunSQL(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}"
        f" FOR EACH ROW EXECUTE FUNCTION certify_refuse_change({named})",
        f"DROP TRIGGER {table}_append_only ON {table}",
    )


class Migration(migrations.Migration):

    initial = True

    replaces = [
        ('ledger', '0001_initial'),
        ('ledger', '0002_append_only'),
        ('ledger', '0003_auditlog_append_only'),
        ('ledger', '0010_cosignatures_and_anchors'),
        ('ledger', '0011_guards_append_only'),
        ('ledger', '0012_verification'),
        ('ledger', '0020_key_terms'),
        ('ledger', '0021_key_terms_append_only'),
        ('ledger', '0022_publications'),
        ('ledger', '0030_persons'),
        ('ledger', '0031_persons_kept'),
        ('ledger', '0040_long_entries_as_they_are'),
        ('ledger', '0050_subjects_erased'),
    ]

    dependencies = [
        ('auditlog', '0017_add_actor_email'),
    ]

    operations = [
        Together([
            migrations.CreateModel(
                name='Checkpoint',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('size', models.BigIntegerField(unique=True)),
                    ('root', models.BinaryField(max_length=32)),
                    ('note', models.TextField()),
                    ('at', models.DateTimeField()),
                ],
                options={
                    'ordering': ('size',),
                },
            ),
            migrations.CreateModel(
                name='Entry',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('uid', models.UUIDField(default=uuid.uuid4, unique=True)),
                    ('kind', models.CharField(max_length=40)),
                    ('subject', models.CharField(max_length=100)),
                    ('actor_id', models.CharField(max_length=80)),
                    ('actor_name', models.CharField(blank=True, max_length=200)),
                    ('at', models.DateTimeField()),
                    ('payload', models.TextField()),
                    ('payload_json', models.GeneratedField(db_persist=True, expression=django.db.models.functions.comparison.Cast(models.F('payload'), models.JSONField()), output_field=models.JSONField())),
                    ('leaf_hash', models.BinaryField(max_length=32)),
                ],
                options={
                    'verbose_name_plural': 'entries',
                    'ordering': ('id',),
                    'indexes': [
                        models.Index(fields=['subject', 'id'], name='entry_subject'),
                        models.Index(fields=['kind', 'id'], name='entry_kind'),
                    ],
                },
            ),
            migrations.CreateModel(
                name='AbsorbedChange',
                fields=[
                    ('change_id', models.BigIntegerField(primary_key=True, serialize=False)),
                    ('entry', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, to='ledger.entry')),
                ],
            ),
            migrations.CreateModel(
                name='Leaf',
                fields=[
                    ('index', models.BigIntegerField(primary_key=True, serialize=False)),
                    ('hash', models.BinaryField(max_length=32)),
                    ('entry', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='leaf', to='ledger.entry')),
                ],
                options={
                    'ordering': ('index',),
                },
            ),
            migrations.CreateModel(
                name='Node',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('level', models.PositiveSmallIntegerField()),
                    ('index', models.BigIntegerField()),
                    ('hash', models.BinaryField(max_length=32)),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('level', 'index'), name='node_once')],
                },
            ),
            migrations.CreateModel(
                name='Pending',
                fields=[
                    ('entry', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, primary_key=True, serialize=False, to='ledger.entry')),
                ],
            ),
            migrations.CreateModel(
                name='AnchorFailure',
                fields=[
                    ('channel', models.CharField(max_length=20, primary_key=True, serialize=False)),
                    ('reason', models.TextField()),
                    ('at', models.DateTimeField()),
                ],
            ),
            migrations.CreateModel(
                name='Cosignature',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('witness', models.CharField(max_length=200)),
                    ('line', models.TextField()),
                    ('line_sha256', models.CharField(max_length=64, unique=True)),
                    ('stated_at', models.DateTimeField()),
                    ('at', models.DateTimeField()),
                    ('entry_uid', models.UUIDField()),
                    ('checkpoint', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='cosignatures', to='ledger.checkpoint')),
                ],
                options={
                    'ordering': ('checkpoint', 'id'),
                },
            ),
            migrations.CreateModel(
                name='Anchor',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('channel', models.CharField(max_length=20)),
                    ('target', models.CharField(max_length=500)),
                    ('receipt', models.BinaryField()),
                    ('detail', models.JSONField()),
                    ('at', models.DateTimeField()),
                    ('entry_uid', models.UUIDField()),
                    ('checkpoint', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='anchors', to='ledger.checkpoint')),
                ],
                options={
                    'ordering': ('id',),
                    'indexes': [models.Index(fields=['channel', '-id'], name='anchor_channel')],
                },
            ),
            migrations.CreateModel(
                name='Verification',
                fields=[
                    ('id', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                    ('position', models.BigIntegerField(default=0)),
                    ('roots', models.BinaryField(default=b'')),
                    ('known_good', models.BigIntegerField(default=0)),
                    ('is_broken', models.BooleanField(default=False)),
                    ('problems', models.JSONField(default=list)),
                    ('begun_at', models.DateTimeField()),
                    ('checked_at', models.DateTimeField()),
                    ('ended_at', models.DateTimeField(null=True)),
                    ('ended_size', models.BigIntegerField(null=True)),
                ],
                options={
                    'constraints': [
                        models.CheckConstraint(condition=models.Q(('id', 1)), name='verification_is_one'),
                        models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('ended_size__isnull', True)), models.Q(('ended_at__isnull', False), ('ended_size__isnull', False)), _connector='OR'), name='verification_ended_together'),
                    ],
                },
            ),
            migrations.CreateModel(
                name='KeyTerm',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('verifier', models.CharField(max_length=300, unique=True)),
                    ('since', models.BigIntegerField(unique=True)),
                    ('note', models.TextField(blank=True)),
                    ('at', models.DateTimeField()),
                    ('entry_uid', models.UUIDField(null=True)),
                ],
                options={
                    'ordering': ('since',),
                    'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('entry_uid__isnull', True), ('note', ''), ('since', 0)), models.Q(('entry_uid__isnull', False), ('since__gt', 0), models.Q(('note', ''), _negated=True)), _connector='OR'), name='key_term_has_its_statement')],
                },
            ),
            migrations.CreateModel(
                name='Publication',
                fields=[
                    ('target', models.CharField(max_length=500, primary_key=True, serialize=False)),
                    ('size', models.BigIntegerField()),
                    ('failure', models.TextField(blank=True)),
                    ('at', models.DateTimeField()),
                ],
            ),
            migrations.CreateModel(
                name='Erasure',
                fields=[
                    ('person', models.CharField(max_length=80, primary_key=True, serialize=False)),
                    ('at', models.DateTimeField()),
                    ('entry_uid', models.UUIDField(unique=True)),
                ],
            ),
            migrations.CreateModel(
                name='PersonRecord',
                fields=[
                    ('commitment', models.CharField(max_length=64, primary_key=True, serialize=False)),
                    ('person', models.CharField(db_index=True, max_length=80)),
                    ('particulars', models.TextField(blank=True, help_text='Canonical JSON: email, id, name, username.')),
                    ('salt', models.BinaryField(max_length=32, null=True)),
                ],
                options={
                    'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('particulars', ''), ('salt__isnull', True)), models.Q(('salt__isnull', False), models.Q(('particulars', ''), _negated=True)), _connector='OR'), name='person_record_whole_or_erased')],
                },
            ),
        ]),
        migrations.RunSQL(PERSONS, DROP_PERSONS),
        migrations.RunSQL(REFUSALS, DROP_REFUSALS),
        migrations.RunSQL(PERSONS_KEPT, DROP_PERSONS_KEPT),
        migrations.RunSQL(ENTRIES, DROP_ENTRIES),
        *[append_only(table) for table in APPEND_ONLY],
        append_only("auditlog_logentry", AUDITLOG),
    ]

"""All that the migrations of people after the first came to, for new databases.

The first stays as it is: django-auditlog needs its users, the ledger keeps django-auditlog's table, and the rest of people is kept by
functions of the ledger. A database that has some of the migrations this one replaces goes on through them; one that has them all
counts it as done.
"""

import datetime

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

from certify.lib.together import Together

#: Each change of a person's name, address or sign-in name makes a new commitment, whoever makes it and however.
COMMITMENTS = """
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
DROP_COMMITMENTS = """
DROP TRIGGER people_user_committed ON people_user;
DROP FUNCTION people_user_commit();
"""
#: People who were there with the first migration already: what they do from now on is entered without their name.
COMMIT_EVERYBODY = "UPDATE people_user SET name = name WHERE commitment = ''"

#: Tokens are kept for ever, and what one may do never changes: what was done with it keeps its meaning.
TOKENS = """
    CREATE FUNCTION people_token_same() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (OLD.name, OLD.sha256, OLD.scopes, OLD.things, OLD.created_at, OLD.created_by_id, OLD.expires_at)
           IS DISTINCT FROM (NEW.name, NEW.sha256, NEW.scopes, NEW.things, NEW.created_at, NEW.created_by_id, NEW.expires_at)
           OR (OLD.revoked_at IS NOT NULL AND OLD.revoked_at IS DISTINCT FROM NEW.revoked_at) THEN
            RAISE EXCEPTION 'refused: a token does not change, and stays revoked';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER people_apitoken_same BEFORE UPDATE ON people_apitoken FOR EACH ROW EXECUTE FUNCTION people_token_same();
    CREATE TRIGGER people_apitoken_kept BEFORE DELETE ON people_apitoken FOR EACH ROW EXECUTE FUNCTION certify_refuse_delete();
"""
DROP_TOKENS = """
    DROP TRIGGER people_apitoken_kept ON people_apitoken;
    DROP TRIGGER people_apitoken_same ON people_apitoken;
    DROP FUNCTION people_token_same();
"""

#: Of what was deleted only that it is off the disk is written, once.
DELETIONS = """
    CREATE FUNCTION people_deletion_same() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (OLD.run_id, OLD.key, OLD.sha256, OLD.moment) IS DISTINCT FROM (NEW.run_id, NEW.key, NEW.sha256, NEW.moment)
           OR OLD.gone_at IS NOT NULL THEN
            RAISE EXCEPTION 'refused: what was deleted stays written down';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER people_deletion_same BEFORE UPDATE ON people_deletion FOR EACH ROW EXECUTE FUNCTION people_deletion_same();
    CREATE TRIGGER people_deletion_kept BEFORE DELETE ON people_deletion FOR EACH ROW EXECUTE FUNCTION certify_refuse_delete();
"""
DROP_DELETIONS = """
    DROP TRIGGER people_deletion_kept ON people_deletion;
    DROP TRIGGER people_deletion_same ON people_deletion;
    DROP FUNCTION people_deletion_same();
"""

#: People and their mail are kept: the database itself refuses to delete them.
NEVER_DELETED = ("people_user", "people_mail")
#: Holds, rules and runs of retention are append-only, but for the mark of somebody who was erased.
APPEND_ONLY = {
    "people_legalhold": "'by_name=by_id'",
    "people_holdrelease": "'by_name=by_id'",
    "people_retentionrule": "'by_name=by_id'",
    "people_retentionrun": "",
}


def trigger(name, table, definition):
    return migrations.RunSQL(f"CREATE TRIGGER {name} {definition}", f"DROP TRIGGER {name} ON {table}")


def never_deleted(table):
    return trigger(
        f"{table}_no_delete", table, f"BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION certify_refuse_delete()"
    )


def append_only(table, personal):
    """The trigger that refuses changes, with the columns that erasing may change."""
    return trigger(
        f"{table}_kept",
        table,
        f"BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION certify_refuse_change({personal})",
    )


class Migration(migrations.Migration):

    replaces = [
        ('people', '0002_triggers'),
        ('people', '0010_working_hours'),
        ('people', '0030_language'),
        ('people', '0020_single_keys'),
        ('people', '0040_api_tokens'),
        ('people', '0041_api_tokens_kept'),
        ('people', '0050_commitments'),
        ('people', '0051_commitments_made'),
        ('people', '0052_commit_everybody'),
        ('people', '0060_second_factor'),
        ('people', '0061_retention'),
        ('people', '0062_retention_kept'),
    ]

    #: Of the ledger the migration whose functions are called here, not its newest: a database half way has no more.
    dependencies = [
        ('people', '0001_initial'),
        ('ledger', '0031_persons_kept'),
    ]

    operations = [
        Together([
            migrations.AddField(
                model_name='user',
                name='time_zone',
                field=models.CharField(blank=True, db_default='', default='', help_text='IANA name; empty: the usual one.', max_length=64),
            ),
            migrations.AddField(
                model_name='user',
                name='works_from',
                field=models.TimeField(db_default=datetime.time(8, 0), default=datetime.time(8, 0)),
            ),
            migrations.AddField(
                model_name='user',
                name='works_to',
                field=models.TimeField(db_default=datetime.time(18, 0), default=datetime.time(18, 0)),
            ),
            migrations.AddField(
                model_name='user',
                name='working_days',
                field=django.contrib.postgres.fields.ArrayField(base_field=models.PositiveSmallIntegerField(), db_default=[1, 2, 3, 4, 5], help_text='1 is Monday.', size=None),
            ),
            migrations.AddField(
                model_name='user',
                name='language',
                field=models.CharField(blank=True, db_default='', default='', help_text="Code; empty: the browser's or the usual one.", max_length=10),
            ),
            migrations.AddField(
                model_name='user',
                name='single_keys',
                field=models.BooleanField(db_default=True, default=True, help_text='Whether single letters act on pages.'),
            ),
            migrations.AddField(
                model_name='user',
                name='commitment',
                field=models.CharField(db_default='', editable=False, help_text='What entries hold in place of the name.', max_length=64),
            ),
            migrations.AddField(
                model_name='user',
                name='erased_at',
                field=models.DateTimeField(editable=False, null=True),
            ),
            migrations.AddConstraint(
                model_name='user',
                constraint=models.CheckConstraint(condition=models.Q(('works_to__gt', models.F('works_from'))), name='user_works_some_time'),
            ),
            migrations.AddConstraint(
                model_name='user',
                constraint=models.CheckConstraint(condition=models.Q(('working_days__contained_by', [1, 2, 3, 4, 5, 6, 7]), ('working_days__len__gte', 1)), name='user_works_some_day'),
            ),
            migrations.AlterField(
                model_name='mail',
                name='state',
                field=models.CharField(choices=[('queued', 'Queued'), ('sent', 'Sent'), ('failed', 'Failed'), ('skipped', 'Not needed')], default='queued', max_length=10),
            ),
            migrations.CreateModel(
                name='ApiToken',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(help_text='What it is for; stands with everything it did.', max_length=120)),
                    ('sha256', models.CharField(help_text='Of the token.', max_length=64, unique=True)),
                    ('hint', models.CharField(help_text='Its first characters, to know it again.', max_length=12)),
                    ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), size=None)),
                    ('things', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=80), size=None)),
                    ('created_at', models.DateTimeField()),
                    ('expires_at', models.DateTimeField()),
                    ('revoked_at', models.DateTimeField(null=True)),
                    ('revoked_by_name', models.CharField(blank=True, max_length=200)),
                    ('used_on', models.DateField(help_text='The last day on which it was used, UTC.', null=True)),
                    ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ('-id',),
                    'constraints': [
                        models.UniqueConstraint(django.db.models.functions.text.Lower('name'), condition=models.Q(('revoked_at__isnull', True)), name='token_named_once'),
                        models.CheckConstraint(condition=models.Q(('scopes__len__gte', 1), ('things__len__gte', 1)), name='token_may_something'),
                    ],
                },
            ),
            migrations.CreateModel(
                name='SecondFactor',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('secret', models.TextField(help_text='Encrypted under SECRET_KEY.')),
                    ('recovery', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=64), help_text='SHA-256 of each recovery code that was not used.', size=None)),
                    ('last_step', models.BigIntegerField(help_text='The half minute of the last code that was taken: none works twice.')),
                    ('failures', models.PositiveIntegerField(default=0, help_text='In a row.')),
                    ('failed_at', models.DateTimeField(help_text='The last of them.', null=True)),
                    ('created_at', models.DateTimeField()),
                    ('person', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='second_factor', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ('id',),
                    'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('failed_at__isnull', True), ('failures', 0)), models.Q(('failed_at__isnull', False), ('failures__gt', 0)), _connector='OR'), name='factor_failures_have_a_time')],
                },
            ),
            migrations.CreateModel(
                name='LegalHold',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(max_length=120)),
                    ('reason', models.TextField()),
                    ('everything', models.BooleanField(default=False)),
                    ('campaigns', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, size=None)),
                    ('systems', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=80), default=list, help_text='Keys of sources.', size=None)),
                    ('people', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=80), default=list, help_text='people.user:… and inventory.identity:…', size=None)),
                    ('from_on', models.DateField(null=True)),
                    ('to_on', models.DateField(help_text='The last day, included.', null=True)),
                    ('by_name', models.CharField(max_length=200)),
                    ('at', models.DateTimeField()),
                    ('entry_uid', models.UUIDField(unique=True)),
                    ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ('-id',),
                    'constraints': [
                        models.CheckConstraint(condition=models.Q(models.Q(('from_on__isnull', True), ('to_on__isnull', True)), models.Q(('from_on__isnull', False), ('to_on__gte', models.F('from_on')), ('to_on__isnull', False)), _connector='OR'), name='hold_span_has_two_ends'),
                        models.CheckConstraint(condition=models.Q(('everything', True), ('campaigns__len__gte', 1), ('systems__len__gte', 1), ('people__len__gte', 1), ('from_on__isnull', False), _connector='OR'), name='hold_covers_something'),
                    ],
                },
            ),
            migrations.CreateModel(
                name='HoldRelease',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('reason', models.TextField()),
                    ('by_name', models.CharField(max_length=200)),
                    ('at', models.DateTimeField()),
                    ('entry_uid', models.UUIDField(unique=True)),
                    ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('hold', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='release', to='people.legalhold')),
                ],
                options={
                    'ordering': ('id',),
                },
            ),
            migrations.CreateModel(
                name='RetentionRule',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(choices=[('mails', 'Texts of mails'), ('proofs', 'Files of proofs and answers'), ('loads', 'Uploaded files of loads'), ('sheets', 'Spreadsheets of reviewers'), ('packs', 'Evidence packs'), ('sign-ins', 'Counters of failed sign-ins'), ('leavers', 'Particulars of people who left')], max_length=12)),
                    ('number', models.PositiveIntegerField(help_text='1, 2, 3 … of the kind.')),
                    ('days', models.PositiveIntegerField(help_text='Empty: for good.', null=True)),
                    ('reason', models.TextField()),
                    ('by_name', models.CharField(max_length=200)),
                    ('at', models.DateTimeField()),
                    ('entry_uid', models.UUIDField(unique=True)),
                    ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ('kind', 'number'),
                    'constraints': [
                        models.UniqueConstraint(fields=('kind', 'number'), name='retention_rule_once'),
                        models.CheckConstraint(condition=models.Q(('days__isnull', True), ('days__gte', 1), _connector='OR'), name='retention_rule_some_days'),
                    ],
                },
            ),
            migrations.CreateModel(
                name='RetentionRun',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('at', models.DateTimeField()),
                    ('count', models.PositiveIntegerField()),
                    ('oldest_at', models.DateTimeField()),
                    ('newest_at', models.DateTimeField()),
                    ('digest', models.CharField(help_text='SHA-256 over the sorted lines “key sha256” of what went, hex.', max_length=64)),
                    ('entry_uid', models.UUIDField(unique=True)),
                    ('rule', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='runs', to='people.retentionrule')),
                ],
                options={
                    'ordering': ('-id',),
                    'constraints': [models.CheckConstraint(condition=models.Q(('count__gte', 1)), name='retention_run_deleted_something')],
                },
            ),
            migrations.CreateModel(
                name='Deletion',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('key', models.CharField(help_text='Where the file lay, or people.mail:…', max_length=255, unique=True)),
                    ('sha256', models.CharField(max_length=64)),
                    ('moment', models.DateTimeField(help_text='Its age was counted from here.')),
                    ('gone_at', models.DateTimeField(help_text='Empty: the file may still be on the disk; the next run takes it off.', null=True)),
                    ('run', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deletions', to='people.retentionrun')),
                ],
                options={
                    'ordering': ('id',),
                    'indexes': [models.Index(condition=models.Q(('gone_at__isnull', True)), fields=['id'], name='deletion_unfinished')],
                },
            ),
        ]),
        *[never_deleted(table) for table in NEVER_DELETED],
        *[append_only(table, personal) for table, personal in APPEND_ONLY.items()],
        migrations.RunSQL(TOKENS, DROP_TOKENS),
        migrations.RunSQL(DELETIONS, DROP_DELETIONS),
        migrations.RunSQL(COMMITMENTS, DROP_COMMITMENTS),
        migrations.RunSQL(COMMIT_EVERYBODY, migrations.RunSQL.noop),
    ]

"""All that the inventory's migrations came to, for new databases: its tables, and what the database refuses of them, whoever asks.

A database that has some of the migrations it replaces goes on through them; one that has them all counts it as done.
"""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models

from certify.lib.together import Together

#: Rows that others refer to.
NEVER_DELETED = ("inventory_source", "inventory_identity", "inventory_account", "inventory_entitlement", "inventory_grant")
#: What was read, what rows said before, and what somebody wrote about a right stay as they were written; the names of whoever did it,
#: and of identities, may become the mark of somebody who was erased.
APPEND_ONLY = {
    "inventory_snapshot": ("loaded_by_name=loaded_by_id",),
    "inventory_snapshotfile": (),
    "inventory_rejectedrow": (),
    "inventory_formeridentity": ("name=identity_id@inventory.identity", "email=identity_id@inventory.identity"),
    "inventory_formerentitlement": (),
    "inventory_entitlementdescription": ("by_name=by_id",),
}

#: Whose a former account's name is, is known by the key of its holder: an app that erases finds such rows itself, which is what the
#: kind `inventory.holder` stands for, that nobody has.
FORMER_ACCOUNTS = """
CREATE FUNCTION inventory_keep_former_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF to_jsonb(NEW) - 'name' = to_jsonb(OLD) - 'name' AND EXISTS (
            SELECT FROM ledger_erasure AS erasure WHERE NEW.name = ledger_mark(erasure.person) AND erasure.person = COALESCE(
                (SELECT 'inventory.identity:' || holder.id FROM inventory_identity AS holder WHERE holder.key = OLD.identity_key),
                'inventory.account:' || OLD.account_id)) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER inventory_formeraccount_kept BEFORE UPDATE OR DELETE ON inventory_formeraccount FOR EACH ROW
    EXECUTE FUNCTION inventory_keep_former_account('name=identity_key@inventory.holder');
"""
DROP_FORMER_ACCOUNTS = """
DROP TRIGGER inventory_formeraccount_kept ON inventory_formeraccount;
DROP FUNCTION inventory_keep_former_account();
"""


def kept(table, events, function, personal=()):
    """The trigger that refuses, with the columns that erasing may change."""
    named = ", ".join(f"'{one}'" for one in personal)
    return migrations.RunSQL(
        f"CREATE TRIGGER {table}_kept BEFORE {events} ON {table} FOR EACH ROW EXECUTE FUNCTION {function}({named})",
        f"DROP TRIGGER {table}_kept ON {table}",
    )


class Migration(migrations.Migration):

    initial = True

    replaces = [
        ('inventory', '0001_initial'),
        ('inventory', '0002_triggers'),
        ('inventory', '0003_former_rows'),
        ('inventory', '0004_former_rows_kept'),
        ('inventory', '0010_tags'),
        ('inventory', '0011_descriptions_and_credentials'),
        ('inventory', '0012_descriptions_kept'),
        ('inventory', '0013_grant_versions'),
        ('inventory', '0050_names_erased'),
        ('inventory', '0080_identity_linked_in'),
        ('inventory', '0090_subjects_erased'),
    ]

    #: Of other apps the migrations that are needed here, not their newest: a database half way has no more.
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ('ledger', '0050_subjects_erased'),
    ]

    operations = [
        Together([
            migrations.CreateModel(
                name='Source',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('key', models.SlugField(max_length=80, unique=True)),
                    ('name', models.CharField(max_length=200)),
                    ('description', models.TextField(blank=True)),
                    ('created_at', models.DateTimeField(auto_now_add=True)),
                    ('owner', models.ForeignKey(blank=True, help_text='The system owner, who removes access there.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='owned_sources', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ('name',),
                },
            ),
            migrations.CreateModel(
                name='Snapshot',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('number', models.PositiveIntegerField(help_text='1, 2, 3 … within the source.')),
                    ('completeness', models.CharField(choices=[('full', 'Full'), ('partial', 'Partial'), ('unknown', 'Unknown')], max_length=10)),
                    ('extraction_note', models.TextField(help_text='How the files were extracted; the auditor reads it.')),
                    ('extracted_at', models.DateTimeField(blank=True, null=True)),
                    ('loaded_at', models.DateTimeField()),
                    ('loaded_by_name', models.CharField(max_length=200)),
                    ('rows_read', models.PositiveBigIntegerField()),
                    ('rows_loaded', models.PositiveBigIntegerField()),
                    ('rows_rejected', models.PositiveBigIntegerField()),
                    ('grants_open', models.PositiveBigIntegerField(help_text='Open grants of the source after this load.')),
                    ('grants_started', models.PositiveBigIntegerField()),
                    ('grants_changed', models.PositiveBigIntegerField()),
                    ('grants_ended', models.PositiveBigIntegerField()),
                    ('entry_uid', models.UUIDField(unique=True)),
                    ('loaded_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('source', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='snapshots', to='inventory.source')),
                ],
                options={
                    'ordering': ('-id',),
                    'constraints': [
                        models.UniqueConstraint(fields=('source', 'number'), name='snapshot_number_once'),
                        models.CheckConstraint(condition=models.Q(('rows_read', django.db.models.expressions.CombinedExpression(models.F('rows_loaded'), '+', models.F('rows_rejected')))), name='snapshot_rows_balance'),
                        models.CheckConstraint(condition=models.Q(('completeness', 'full'), ('grants_ended', 0), _connector='OR'), name='snapshot_only_full_ends_grants'),
                    ],
                },
            ),
            migrations.CreateModel(
                name='Identity',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('key', models.CharField(max_length=200, unique=True)),
                    ('name', models.CharField(blank=True, max_length=300)),
                    ('email', models.CharField(blank=True, max_length=320)),
                    ('kind', models.CharField(choices=[('employee', 'Employee'), ('contractor', 'Contractor'), ('supplier', 'Supplier'), ('service', 'Service account'), ('workload', 'Workload'), ('agent', 'AI agent'), ('unknown', 'Unknown')], default='unknown', max_length=12)),
                    ('status', models.CharField(choices=[('active', 'Active'), ('inactive', 'Inactive'), ('unknown', 'Unknown')], default='unknown', max_length=10)),
                    ('department', models.CharField(blank=True, max_length=200)),
                    ('title', models.CharField(blank=True, max_length=200)),
                    ('location', models.CharField(blank=True, max_length=200)),
                    ('manager_key', models.CharField(blank=True, max_length=200)),
                    ('owner_key', models.CharField(blank=True, max_length=200)),
                    ('supplier', models.CharField(blank=True, max_length=200)),
                    ('start_on', models.DateField(null=True)),
                    ('end_on', models.DateField(null=True)),
                    ('manager', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reports', to='inventory.identity')),
                    ('owner', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='owned', to='inventory.identity')),
                    ('user', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='identity', to=settings.AUTH_USER_MODEL)),
                    ('gone_in', models.ForeignKey(db_constraint=False, help_text='The FULL snapshot of its source that no longer had it.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='inventory.snapshot')),
                    ('snapshot', models.ForeignKey(db_constraint=False, help_text='Where it was last seen.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='inventory.snapshot')),
                    ('source', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='identities', to='inventory.source')),
                    ('first_in', models.ForeignKey(db_constraint=False, help_text='The snapshot that first told of it; empty where that was not recorded yet.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='inventory.snapshot')),
                    ('linked_in', models.ForeignKey(db_constraint=False, help_text='The snapshot that tied it to its user; empty where that was not recorded yet.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='inventory.snapshot')),
                ],
                options={
                    'verbose_name_plural': 'identities',
                    'ordering': ('key',),
                },
            ),
            migrations.CreateModel(
                name='Account',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('key', models.CharField(max_length=300)),
                    ('name', models.CharField(blank=True, max_length=300)),
                    ('identity_key', models.CharField(blank=True, help_text='As the file says, known or not.', max_length=200)),
                    ('identity', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='accounts', to='inventory.identity')),
                    ('source', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='accounts', to='inventory.source')),
                    ('credential_created_at', models.DateTimeField(null=True)),
                    ('credential_kind', models.CharField(choices=[('password', 'Password'), ('key', 'Key'), ('secret', 'Secret'), ('token', 'Token'), ('certificate', 'Certificate'), ('federated', 'Federated or short-lived'), ('none', 'None'), ('unknown', 'Unknown')], default='unknown', max_length=12)),
                    ('credential_rotated_at', models.DateTimeField(help_text='Its age counts from here; empty: from when it was created.', null=True)),
                ],
                options={
                    'ordering': ('source_id', 'key'),
                    'constraints': [models.UniqueConstraint(fields=('source', 'key'), name='account_once')],
                },
            ),
            migrations.CreateModel(
                name='SnapshotFile',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(choices=[('identities', 'Identities'), ('entitlements', 'Entitlements'), ('grants', 'Grants')], max_length=15)),
                    ('file_name', models.CharField(max_length=255)),
                    ('sha256', models.CharField(max_length=64)),
                    ('size', models.PositiveBigIntegerField(help_text='Bytes as uploaded.')),
                    ('rows_read', models.PositiveBigIntegerField()),
                    ('rows_loaded', models.PositiveBigIntegerField()),
                    ('rows_rejected', models.PositiveBigIntegerField()),
                    ('rows_unread', models.PositiveBigIntegerField(default=0, help_text='Rejected for what they say, not for standing there twice. A file with such rows ends and proves nothing.')),
                    ('snapshot', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='files', to='inventory.snapshot')),
                ],
                options={
                    'ordering': ('id',),
                    'constraints': [
                        models.UniqueConstraint(fields=('snapshot', 'kind'), name='snapshot_file_kind_once'),
                        models.CheckConstraint(condition=models.Q(('rows_read', django.db.models.expressions.CombinedExpression(models.F('rows_loaded'), '+', models.F('rows_rejected')))), name='snapshot_file_rows_balance'),
                        models.CheckConstraint(condition=models.Q(('rows_unread__lte', models.F('rows_rejected'))), name='snapshot_file_unread_rejected'),
                    ],
                },
            ),
            migrations.CreateModel(
                name='RejectedRow',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('line', models.PositiveBigIntegerField(help_text='Line of the file on which the row begins, 1 is the header.')),
                    ('field', models.CharField(blank=True, max_length=60)),
                    ('reason', models.TextField()),
                    ('raw', models.TextField()),
                    ('file', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='rejected_rows', to='inventory.snapshotfile')),
                ],
                options={
                    'ordering': ('file_id', 'line', 'id'),
                },
            ),
            migrations.CreateModel(
                name='LoadJob',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('state', models.CharField(choices=[('uploaded', 'Uploaded'), ('check_queued', 'Waiting to be checked'), ('checking', 'Checking'), ('checked', 'Checked'), ('queued', 'Waiting to be loaded'), ('loading', 'Loading'), ('loaded', 'Loaded'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='uploaded', max_length=15)),
                    ('completeness', models.CharField(choices=[('full', 'Full'), ('partial', 'Partial'), ('unknown', 'Unknown')], default='unknown', max_length=10)),
                    ('extraction_note', models.TextField()),
                    ('extracted_at', models.DateTimeField(blank=True, null=True)),
                    ('progress_rows', models.PositiveBigIntegerField(default=0)),
                    ('report', models.JSONField(default=dict, help_text='Counts and the first rejected rows of the check.')),
                    ('error', models.TextField(blank=True)),
                    ('accept_large_drop', models.BooleanField(default=False)),
                    ('created_at', models.DateTimeField(auto_now_add=True)),
                    ('changed_at', models.DateTimeField(auto_now=True)),
                    ('requested_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('snapshot', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='load', to='inventory.snapshot')),
                    ('source', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='loads', to='inventory.source')),
                ],
                options={
                    'ordering': ('-id',),
                    'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('snapshot__isnull', False), ('state', 'loaded')), models.Q(models.Q(('state', 'loaded'), _negated=True), ('snapshot__isnull', True)), _connector='OR'), name='load_snapshot_only_when_loaded')],
                },
            ),
            migrations.CreateModel(
                name='LoadFile',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(choices=[('identities', 'Identities'), ('entitlements', 'Entitlements'), ('grants', 'Grants')], max_length=15)),
                    ('file_name', models.CharField(max_length=255)),
                    ('stored_as', models.CharField(help_text='Path below the upload directory.', max_length=255)),
                    ('sha256', models.CharField(max_length=64)),
                    ('size', models.PositiveBigIntegerField()),
                    ('columns', models.JSONField(default=list, help_text='Header of the file, in order.')),
                    ('mapping', models.JSONField(default=dict, help_text="Our field → the file's column.")),
                    ('job', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='files', to='inventory.loadjob')),
                ],
                options={
                    'ordering': ('id',),
                    'constraints': [models.UniqueConstraint(fields=('job', 'kind'), name='load_file_kind_once')],
                },
            ),
            migrations.CreateModel(
                name='FormerAccount',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(blank=True, max_length=300)),
                    ('identity_key', models.CharField(blank=True, max_length=200)),
                    ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='former', to='inventory.account')),
                    ('until', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='inventory.snapshot')),
                    ('credential_created_at', models.DateTimeField(null=True)),
                    ('credential_kind', models.CharField(choices=[('password', 'Password'), ('key', 'Key'), ('secret', 'Secret'), ('token', 'Token'), ('certificate', 'Certificate'), ('federated', 'Federated or short-lived'), ('none', 'None'), ('unknown', 'Unknown')], default='unknown', max_length=12)),
                    ('credential_rotated_at', models.DateTimeField(null=True)),
                ],
                options={
                    'ordering': ('account_id', 'until_id'),
                    'constraints': [models.UniqueConstraint(fields=('account', 'until'), name='former_account_once')],
                },
            ),
            migrations.CreateModel(
                name='FormerIdentity',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(blank=True, max_length=300)),
                    ('email', models.CharField(blank=True, max_length=320)),
                    ('kind', models.CharField(choices=[('employee', 'Employee'), ('contractor', 'Contractor'), ('supplier', 'Supplier'), ('service', 'Service account'), ('workload', 'Workload'), ('agent', 'AI agent'), ('unknown', 'Unknown')], max_length=12)),
                    ('status', models.CharField(choices=[('active', 'Active'), ('inactive', 'Inactive'), ('unknown', 'Unknown')], max_length=10)),
                    ('department', models.CharField(blank=True, max_length=200)),
                    ('title', models.CharField(blank=True, max_length=200)),
                    ('location', models.CharField(blank=True, max_length=200)),
                    ('manager_key', models.CharField(blank=True, max_length=200)),
                    ('owner_key', models.CharField(blank=True, max_length=200)),
                    ('supplier', models.CharField(blank=True, max_length=200)),
                    ('start_on', models.DateField(null=True)),
                    ('end_on', models.DateField(null=True)),
                    ('is_gone', models.BooleanField()),
                    ('identity', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='former', to='inventory.identity')),
                    ('until', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='inventory.snapshot')),
                ],
                options={
                    'verbose_name_plural': 'former identities',
                    'ordering': ('identity_id', 'until_id'),
                    'constraints': [models.UniqueConstraint(fields=('identity', 'until'), name='former_identity_once')],
                },
            ),
            migrations.CreateModel(
                name='Entitlement',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('key', models.CharField(max_length=300)),
                    ('name', models.CharField(blank=True, max_length=300)),
                    ('kind', models.CharField(choices=[('role', 'Role'), ('group', 'Group'), ('permission', 'Permission'), ('unknown', 'Unknown')], default='unknown', max_length=12)),
                    ('description', models.TextField(blank=True, help_text='As its file says. What its owner wrote stands beside it, in `described`.')),
                    ('privileged', models.CharField(choices=[('yes', 'Yes'), ('no', 'No'), ('unknown', 'Unknown')], default='unknown', max_length=7)),
                    ('owner_key', models.CharField(blank=True, max_length=200)),
                    ('owner', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='owned_entitlements', to='inventory.identity')),
                    ('gone_in', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='inventory.snapshot')),
                    ('snapshot', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='inventory.snapshot')),
                    ('source', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='entitlements', to='inventory.source')),
                    ('tags', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list, help_text='Words its file gives it: lower case, sorted, each once.', size=None)),
                    ('described', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='inventory.entitlementdescription')),
                ],
                options={
                    'ordering': ('source_id', 'key'),
                    'constraints': [models.UniqueConstraint(fields=('source', 'key'), name='entitlement_once')],
                },
            ),
            migrations.CreateModel(
                name='Grant',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('path', models.TextField(blank=True, help_text='How the account comes to have it; empty when direct or not known.')),
                    ('granted_at', models.DateTimeField(null=True)),
                    ('granted_by', models.CharField(blank=True, max_length=200)),
                    ('last_used_at', models.DateTimeField(help_text='Empty means unknown, not never.', null=True)),
                    ('expires_at', models.DateTimeField(null=True)),
                    ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='grants', to='inventory.account')),
                    ('entitlement', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='grants', to='inventory.entitlement')),
                    ('closed_in', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='inventory.snapshot')),
                    ('first_seen', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='inventory.snapshot')),
                    ('opened_in', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='inventory.snapshot')),
                    ('source', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='grants', to='inventory.source')),
                ],
                options={
                    'ordering': ('id',),
                    'indexes': [
                        models.Index(fields=['source', 'opened_in', 'closed_in'], name='grant_source_time'),
                        models.Index(condition=models.Q(('closed_in__isnull', True)), fields=['entitlement'], name='grant_entitlement_open'),
                        models.Index(condition=models.Q(('closed_in__isnull', False)), fields=['account', 'entitlement'], name='grant_versions'),
                    ],
                    'constraints': [
                        models.UniqueConstraint(condition=models.Q(('closed_in__isnull', True)), fields=('account', 'entitlement', 'path'), name='grant_open_once'),
                        models.CheckConstraint(condition=models.Q(('closed_in__isnull', True), ('closed_in__gt', models.F('opened_in')), _connector='OR'), name='grant_closed_after_opened'),
                        models.CheckConstraint(condition=models.Q(('first_seen__lte', models.F('opened_in'))), name='grant_first_seen_not_later'),
                    ],
                },
            ),
            migrations.CreateModel(
                name='FormerEntitlement',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(blank=True, max_length=300)),
                    ('kind', models.CharField(choices=[('role', 'Role'), ('group', 'Group'), ('permission', 'Permission'), ('unknown', 'Unknown')], max_length=12)),
                    ('description', models.TextField(blank=True)),
                    ('privileged', models.CharField(choices=[('yes', 'Yes'), ('no', 'No'), ('unknown', 'Unknown')], max_length=7)),
                    ('owner_key', models.CharField(blank=True, max_length=200)),
                    ('entitlement', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='former', to='inventory.entitlement')),
                    ('until', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='inventory.snapshot')),
                    ('tags', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list, size=None)),
                ],
                options={
                    'ordering': ('entitlement_id', 'until_id'),
                    'constraints': [models.UniqueConstraint(fields=('entitlement', 'until'), name='former_entitlement_once')],
                },
            ),
            migrations.CreateModel(
                name='EntitlementDescription',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('text', models.TextField(blank=True)),
                    ('file_said', models.TextField(blank=True, help_text='What the file said of it then.')),
                    ('how', models.CharField(choices=[('form', 'On the page'), ('file', 'From a file')], max_length=4)),
                    ('by_name', models.CharField(max_length=200)),
                    ('at', models.DateTimeField()),
                    ('entry_uid', models.UUIDField(unique=True)),
                    ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('entitlement', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='descriptions', to='inventory.entitlement')),
                ],
                options={
                    'ordering': ('entitlement_id', 'id'),
                },
            ),
        ]),
        *[kept(table, "DELETE", "certify_refuse_delete") for table in NEVER_DELETED],
        *[kept(table, "UPDATE OR DELETE", "certify_refuse_change", personal) for table, personal in APPEND_ONLY.items()],
        migrations.RunSQL(FORMER_ACCOUNTS, DROP_FORMER_ACCOUNTS),
    ]

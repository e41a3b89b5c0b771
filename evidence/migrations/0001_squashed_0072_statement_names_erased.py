"""All that the migrations of evidence came to, for new databases: its tables, and what the database refuses of them, whoever asks.

A database that has some of the migrations it replaces goes on through them; one that has them all counts it as done.
"""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from certify.lib.together import Together

NEVER_DELETED = ("evidence_auditperiod", "evidence_evidencepack")
#: Seals, loaded catalogues, who answered for a control, what was stated about controls, and what was drawn, concluded, signed, asked
#: and answered; the names of those who did it may become the mark of somebody who was erased.
APPEND_ONLY = {
    "evidence_seal": ("by_name=by_id",),
    "evidence_frameworkfile": (),
    "evidence_controlduty": ("holder_name=holder_id", "by_name=by_id"),
    "evidence_statement": ("by_name=by_id",),
    "evidence_sample": ("drawn_by_name=drawn_by_id",),
    "evidence_populationrow": (),
    "evidence_samplerow": (),
    "evidence_rowconclusion": ("by_name=by_id",),
    "evidence_samplesignoff": ("by_name=by_id",),
    "evidence_auditrequest": (),
    "evidence_requestpost": ("by_name=by_id",),
}


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
        ('evidence', '0001_initial'),
        ('evidence', '0002_triggers'),
        ('evidence', '0010_seals'),
        ('evidence', '0011_seals_kept'),
        ('evidence', '0020_framework_files'),
        ('evidence', '0021_framework_files_kept'),
        ('evidence', '0022_control_duties'),
        ('evidence', '0023_control_duties_kept'),
        ('evidence', '0024_period_scope'),
        ('evidence', '0030_audit_desk'),
        ('evidence', '0031_audit_desk_kept'),
        ('evidence', '0050_names_erased'),
        ('evidence', '0060_invitations'),
        ('evidence', '0070_statements'),
        ('evidence', '0071_statements_kept'),
        ('evidence', '0080_leaver_days'),
        ('evidence', '0072_statement_names_erased'),
    ]

    #: Of other apps the migrations that are needed here, not their newest: a database half way has no more.
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ('inventory', '0010_tags'),
        ('campaigns', '0110_against_advice'),
        ('ledger', '0031_persons_kept'),
    ]

    operations = [
        Together([
            migrations.CreateModel(
                name='AuditPeriod',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(max_length=200, unique=True)),
                    ('framework', models.CharField(help_text='Code of a catalogue, such as soc2.', max_length=30)),
                    ('from_on', models.DateField()),
                    ('to_on', models.DateField(help_text='The last day of the period, included.')),
                    ('open_until', models.DateField(help_text='The last day on which the auditors may read.')),
                    ('created_at', models.DateTimeField()),
                    ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('kinds', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=12), default=list, help_text='Identity kinds in scope; empty: all.', size=None)),
                    ('outside', models.TextField(blank=True, default='', help_text='What is outside the scope, and why.')),
                    ('systems', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=80), default=list, help_text='Keys of sources in scope; empty: all.', size=None)),
                    ('leaver_days', models.PositiveSmallIntegerField(default=1, help_text="So many days after somebody's last day their access must be gone.")),
                    ('auditors', models.ManyToManyField(blank=True, related_name='audit_periods', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ('-from_on', 'name'),
                    'constraints': [models.CheckConstraint(condition=models.Q(('to_on__gte', models.F('from_on'))), name='period_ends_after_it_begins')],
                },
            ),
            migrations.CreateModel(
                name='EvidencePack',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('state', models.CharField(choices=[('requested', 'Being built'), ('ready', 'Ready'), ('failed', 'Failed')], default='requested', max_length=10)),
                    ('requested_at', models.DateTimeField()),
                    ('checkpoint_size', models.PositiveBigIntegerField(help_text='Entries under the sealing checkpoint.', null=True)),
                    ('counts', models.JSONField(default=dict)),
                    ('stored_as', models.CharField(blank=True, help_text='Path below the pack directory.', max_length=255)),
                    ('sha256', models.CharField(blank=True, max_length=64)),
                    ('size', models.PositiveBigIntegerField(null=True)),
                    ('built_at', models.DateTimeField(null=True)),
                    ('error', models.TextField(blank=True)),
                    ('period', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='packs', to='evidence.auditperiod')),
                    ('requested_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ('-id',),
                    'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('built_at__isnull', False), ('size__isnull', False), ('state', 'ready')), models.Q(models.Q(('state', 'ready'), _negated=True), ('built_at__isnull', True), ('size__isnull', True)), _connector='OR'), name='pack_ready_facts_together')],
                },
            ),
            migrations.CreateModel(
                name='Seal',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('statement', models.TextField()),
                    ('by_name', models.CharField(max_length=200)),
                    ('at', models.DateTimeField()),
                    ('counts', models.JSONField(help_text='Items, removals and findings at that moment: see evidence.sealing.')),
                    ('entry_uid', models.UUIDField(unique=True)),
                    ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('campaign', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='seal', to='campaigns.campaign')),
                ],
                options={
                    'ordering': ('id',),
                },
            ),
            migrations.CreateModel(
                name='FrameworkFile',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('code', models.CharField(max_length=30)),
                    ('version', models.PositiveIntegerField()),
                    ('document', models.TextField(help_text='docs/schemas/framework.json')),
                    ('sha256', models.CharField(max_length=64)),
                    ('loaded_at', models.DateTimeField()),
                    ('entry_uid', models.UUIDField(unique=True)),
                    ('loaded_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ('code', 'version'),
                    'constraints': [models.UniqueConstraint(fields=('code', 'version'), name='framework_version_once')],
                },
            ),
            migrations.CreateModel(
                name='ControlDuty',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('control', models.CharField(help_text='A reference such as soc2:CC6.3.', max_length=60)),
                    ('duty', models.CharField(choices=[('process_owner', 'Process owner'), ('approver', 'Approver'), ('evidence_holder', 'Evidence holder'), ('operator', 'Operator')], max_length=20)),
                    ('holder_name', models.CharField(blank=True, help_text='As it was then.', max_length=200)),
                    ('by_name', models.CharField(max_length=200)),
                    ('at', models.DateTimeField()),
                    ('entry_uid', models.UUIDField(unique=True)),
                    ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('holder', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='control_duties', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ('id',),
                    'indexes': [models.Index(fields=['control', 'duty', 'id'], name='duty_of_control')],
                    'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('holder__isnull', True), ('holder_name', '')), models.Q(('holder__isnull', False), models.Q(('holder_name', ''), _negated=True)), _connector='OR'), name='duty_holder_facts_together')],
                },
            ),
            migrations.CreateModel(
                name='Sample',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('population', models.CharField(choices=[('items', 'Items of closed reviews'), ('privileged', 'Privileged grants of closed reviews'), ('revocations', 'Revocations: items to be removed or reduced'), ('leavers', 'Leavers: people who left in the period')], max_length=12)),
                    ('campaigns', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, help_text='The closed campaigns it is drawn from.', size=None)),
                    ('strata_by', models.CharField(blank=True, choices=[('', 'Not divided'), ('system', 'System'), ('campaign', 'Review'), ('outcome', 'Outcome'), ('kind', 'Kind of identity')], max_length=10)),
                    ('seed', models.CharField(max_length=64)),
                    ('size', models.PositiveIntegerField()),
                    ('population_count', models.PositiveBigIntegerField()),
                    ('population_root', models.CharField(help_text="RFC 6962 root over the population's rows, hex.", max_length=64)),
                    ('rows_root', models.CharField(help_text='RFC 6962 root over the drawn rows, hex.', max_length=64)),
                    ('strata', models.JSONField(help_text='[{stratum, population, drawn}], by name.')),
                    ('statement', models.JSONField(help_text="The population's completeness: counts that balance. See evidence.populations.")),
                    ('drawn_by_name', models.CharField(max_length=200)),
                    ('drawn_at', models.DateTimeField()),
                    ('entry_uid', models.UUIDField(unique=True)),
                    ('drawn_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('period', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='samples', to='evidence.auditperiod')),
                ],
                options={
                    'ordering': ('-id',),
                    'constraints': [models.CheckConstraint(condition=models.Q(('size__gte', 1), ('size__lte', models.F('population_count'))), name='sample_within_population')],
                },
            ),
            migrations.CreateModel(
                name='PopulationRow',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('place', models.PositiveIntegerField(help_text='1, 2, 3 … in the order of the root.')),
                    ('key', models.CharField(help_text='Its id, which never changes: item/CAMPAIGN/NUMBER or identity/NUMBER.', max_length=60)),
                    ('stratum', models.CharField(blank=True, max_length=80)),
                    ('sample', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='population_rows', to='evidence.sample')),
                ],
                options={
                    'ordering': ('sample_id', 'place'),
                    'constraints': [models.UniqueConstraint(fields=('sample', 'place'), name='population_place_once')],
                },
            ),
            migrations.CreateModel(
                name='SampleRow',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('number', models.PositiveIntegerField(help_text='1 … size.')),
                    ('key', models.CharField(max_length=60)),
                    ('stratum', models.CharField(blank=True, max_length=80)),
                    ('label', models.CharField(help_text='What it is called on pages.', max_length=700)),
                    ('identity', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='inventory.identity')),
                    ('item', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='campaigns.reviewitem')),
                    ('sample', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='rows', to='evidence.sample')),
                ],
                options={
                    'ordering': ('sample_id', 'number'),
                    'constraints': [
                        models.UniqueConstraint(fields=('sample', 'number'), name='sample_row_once'),
                        models.CheckConstraint(condition=models.Q(models.Q(('identity__isnull', False), ('item__isnull', True)), models.Q(('identity__isnull', True), ('item__isnull', False)), _connector='OR'), name='sample_row_is_one_thing'),
                    ],
                },
            ),
            migrations.CreateModel(
                name='RowConclusion',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('conclusion', models.CharField(choices=[('no_exception', 'No exception'), ('exception', 'Exception')], max_length=12)),
                    ('note', models.TextField(blank=True)),
                    ('by_name', models.CharField(max_length=200)),
                    ('at', models.DateTimeField()),
                    ('entry_uid', models.UUIDField(unique=True)),
                    ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('row', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='conclusions', to='evidence.samplerow')),
                ],
                options={
                    'ordering': ('id',),
                    'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('conclusion', 'exception'), _negated=True), models.Q(('note', ''), _negated=True), _connector='OR'), name='conclusion_exception_says_why')],
                },
            ),
            migrations.CreateModel(
                name='AuditRequest',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('title', models.CharField(max_length=200)),
                    ('at', models.DateTimeField()),
                    ('period', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='requests', to='evidence.auditperiod')),
                    ('sample', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='requests', to='evidence.sample')),
                    ('row', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='requests', to='evidence.samplerow')),
                ],
                options={
                    'ordering': ('-id',),
                    'constraints': [models.CheckConstraint(condition=models.Q(('row__isnull', True), ('sample__isnull', False), _connector='OR'), name='request_row_has_its_sample')],
                },
            ),
            migrations.CreateModel(
                name='SampleSignOff',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('statement', models.TextField()),
                    ('no_exception', models.PositiveIntegerField()),
                    ('exception', models.PositiveIntegerField()),
                    ('conclusions_root', models.CharField(help_text='RFC 6962 root over the conclusions that count, hex.', max_length=64)),
                    ('by_name', models.CharField(max_length=200)),
                    ('at', models.DateTimeField()),
                    ('entry_uid', models.UUIDField(unique=True)),
                    ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('sample', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='sign_off', to='evidence.sample')),
                ],
                options={
                    'ordering': ('id',),
                },
            ),
            migrations.CreateModel(
                name='RequestPost',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(choices=[('ask', 'Asked'), ('answer', 'Answered'), ('close', 'Closed')], max_length=10)),
                    ('text', models.TextField()),
                    ('file_name', models.CharField(blank=True, max_length=255)),
                    ('file_sha256', models.CharField(blank=True, max_length=64)),
                    ('file_size', models.PositiveBigIntegerField(null=True)),
                    ('stored_as', models.CharField(blank=True, help_text='Path below the data directory.', max_length=255)),
                    ('by_name', models.CharField(max_length=200)),
                    ('at', models.DateTimeField()),
                    ('entry_uid', models.UUIDField(unique=True)),
                    ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('request', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='posts', to='evidence.auditrequest')),
                ],
                options={
                    'ordering': ('id',),
                    'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('file_name', ''), ('file_sha256', ''), ('file_size__isnull', True), ('stored_as', '')), models.Q(models.Q(('file_name', ''), _negated=True), models.Q(('file_sha256', ''), _negated=True), ('file_size__isnull', False), models.Q(('stored_as', ''), _negated=True)), _connector='OR'), name='post_file_facts_together')],
                },
            ),
            migrations.CreateModel(
                name='Invitation',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('sent', models.PositiveIntegerField()),
                    ('by', models.ForeignKey(help_text='Who invited last.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('at', models.DateTimeField(help_text='When.')),
                    ('auditor', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='audit_invitations', to=settings.AUTH_USER_MODEL)),
                    ('period', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='invitations', to='evidence.auditperiod')),
                ],
                options={
                    'ordering': ('id',),
                    'constraints': [models.UniqueConstraint(fields=('period', 'auditor'), name='invitation_once')],
                },
            ),
            migrations.CreateModel(
                name='Statement',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('framework', models.CharField(help_text='Code of a catalogue, such as soc2.', max_length=30)),
                    ('kind', models.CharField(choices=[('applicability', 'Applicability'), ('risk', 'Risk and its treatment'), ('user_control', 'Complementary user-entity control'), ('subservice', 'Subservice organisation'), ('internal_audit', 'Internal audit'), ('nonconformity', 'Nonconformity'), ('management_review', 'Management review')], max_length=20)),
                    ('number', models.PositiveIntegerField(help_text='1, 2, 3 … of its framework and kind.')),
                    ('version', models.PositiveIntegerField()),
                    ('control', models.CharField(blank=True, help_text='The control that it is about, if it is about one.', max_length=60)),
                    ('facts', models.JSONField(help_text='What is stated: the fields of its kind.')),
                    ('withdrawn', models.TextField(blank=True, help_text='Why it holds no more; empty: it holds.')),
                    ('by_name', models.CharField(max_length=200)),
                    ('at', models.DateTimeField()),
                    ('entry_uid', models.UUIDField(unique=True)),
                    ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ('framework', 'kind', 'number', 'version'),
                    'constraints': [
                        models.UniqueConstraint(fields=('framework', 'kind', 'number', 'version'), name='statement_version_once'),
                        models.CheckConstraint(condition=models.Q(models.Q(('kind', 'applicability'), models.Q(('control', ''), _negated=True)), models.Q(models.Q(('kind', 'applicability'), _negated=True), ('control', '')), _connector='OR'), name='statement_applicability_has_its_control'),
                    ],
                },
            ),
        ]),
        *[kept(table, "DELETE", "certify_refuse_delete") for table in NEVER_DELETED],
        *[kept(table, "UPDATE OR DELETE", "certify_refuse_change", personal) for table, personal in APPEND_ONLY.items()],
    ]

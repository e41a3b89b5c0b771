"""Tables of what is set up before a campaign: definitions, groups, absences, scopes and what is left out of them."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

TABLES = [
    migrations.CreateModel(
        name='CampaignDefinition',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('name', models.CharField(max_length=200, unique=True)),
            ('purpose', models.TextField(blank=True, help_text='Shown to reviewers.')),
            ('controls', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), default=list, size=None)),
            ('scope', models.JSONField(default=dict)),
            ('reviewer_chain', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('manager', 'Manager of the person'), ('managers_manager', "Manager's manager"), ('entitlement_owner', 'Owner of the entitlement'), ('system_owner', 'Owner of the system'), ('identity_owner', 'Owner of the account or agent'), ('person', 'Named person'), ('group', 'Group of reviewers'), ('attribute', 'By an attribute'), ('fallback', 'Named fallback reviewer'), ('control_owner', 'Owner of the control'), ('reassigned', 'Reassigned'), ('asked_next', 'Asked because somebody did not know'), ('second_look', 'Second look')], max_length=20), default=list, size=None)),
            ('duration_days', models.PositiveSmallIntegerField(default=14)),
            ('removal_days', models.PositiveSmallIntegerField(default=7, help_text='Days a removal may take.')),
            ('reason_for_every_removal', models.BooleanField(default=False)),
            ('reason_for_every_keep', models.BooleanField(default=False)),
            ('is_archived', models.BooleanField(default=False)),
            ('created_at', models.DateTimeField(auto_now_add=True)),
            ('changed_at', models.DateTimeField(auto_now=True)),
            ('fallback_reviewer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('owner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='owned_definitions', to=settings.AUTH_USER_MODEL)),
            ('plan', models.JSONField(default=dict, help_text='Stages, strategies, independence: see campaigns.plans.')),
            ('cadence', models.CharField(choices=[('none', 'Whenever it is needed'), ('monthly', 'Every month'), ('quarterly', 'Every quarter'), ('half_yearly', 'Every half-year'), ('yearly', 'Every year')], default='none', help_text='How often it is run.', max_length=12)),
            ('kind', models.CharField(choices=[('people', 'By people'), ('system', 'By system'), ('entitlement', 'By role or right'), ('privileged', 'Privileged access'), ('non_human', 'Service accounts and AI agents'), ('external', 'External workers and suppliers'), ('leavers', 'Leavers check'), ('delta', 'What is new or changed'), ('conflicts', 'Conflicts of duties only'), ('person', 'One person'), ('other', 'Something else')], default='other', max_length=12)),
            ('schedule', models.JSONField(default=dict, help_text='When it is due: see campaigns.recurrence. Empty: whenever it is launched.')),
            ('scheduled_at', models.DateTimeField(help_text='When the schedule was set; it expects nothing that opens before.', null=True)),
            ('quality', models.JSONField(default=dict, help_text='Thresholds of how people review: see campaigns.measures.')),
            ('ladder', models.JSONField(default=dict, help_text='Who is reminded when: see campaigns.ladder.')),
            ('watched', models.JSONField(default=dict, help_text='Events it asks about when they happen: {kinds, per_day}. Empty: none.')),
            ('watched_on', models.DateField(help_text='The last day on which events were looked for.', null=True)),
            ('watched_since', models.DateField(help_text='When watching began; days that passed before are no events.', null=True)),
            ('watched_snapshot', models.BigIntegerField(default=0, help_text='The last snapshot in which events were looked for.')),
            ('removal_limit', models.PositiveSmallIntegerField(help_text='Percent of a system above which removals wait for a second person; empty: no share waits.', null=True)),
            ('last_holder_waits', models.BooleanField(default=True, help_text='Removals after which nobody holds a privileged right wait for a second person.')),
            ('objection_days', models.PositiveSmallIntegerField(help_text='Days in which whoever loses access may object beforehand; empty: they are not told.', null=True)),
            ('removals_begin', models.CharField(choices=[('close', 'When the campaign closes'), ('sign_off', 'At sign-off, as soon as submitted answers settle an item')], db_default='close', default='close', max_length=10)),
        ],
        options={
            'ordering': ('name',),
            'constraints': [
                models.CheckConstraint(condition=models.Q(('duration_days__gte', 1), ('duration_days__lte', 366)), name='definition_duration'),
                models.CheckConstraint(condition=models.Q(('removal_days__gte', 1)), name='definition_removal_days'),
            ],
        },
    ),
    migrations.CreateModel(
        name='ReviewerGroup',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('name', models.CharField(max_length=120, unique=True)),
            ('is_archived', models.BooleanField(default=False)),
            ('members', models.ManyToManyField(related_name='reviewer_groups', to=settings.AUTH_USER_MODEL)),
        ],
        options={
            'ordering': ('name',),
        },
    ),
    migrations.CreateModel(
        name='Delegation',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('begins_on', models.DateField()),
            ('ends_on', models.DateField()),
            ('campaigns', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), blank=True, default=list, size=None)),
            ('reason', models.TextField()),
            ('created_at', models.DateTimeField()),
            ('ended_at', models.DateTimeField(null=True)),
            ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('delegate', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='delegations_received', to=settings.AUTH_USER_MODEL)),
            ('principal', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='delegations_given', to=settings.AUTH_USER_MODEL)),
        ],
        options={
            'ordering': ('-id',),
            'indexes': [models.Index(condition=models.Q(('ended_at__isnull', True)), fields=['delegate', 'ends_on'], name='delegation_running')],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('ends_on__gte', models.F('begins_on'))), name='delegation_ends_after_it_begins'),
                models.CheckConstraint(condition=models.Q(('principal', models.F('delegate')), _negated=True), name='delegation_to_somebody_else'),
            ],
        },
    ),
    migrations.CreateModel(
        name='SavedScope',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('name', models.CharField(max_length=120, unique=True)),
            ('scope', models.JSONField(help_text='docs/schemas/scope.json')),
            ('is_archived', models.BooleanField(default=False)),
            ('changed_at', models.DateTimeField()),
            ('owner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
        ],
        options={
            'ordering': ('name',),
        },
    ),
    migrations.CreateModel(
        name='StandingExclusion',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('name', models.CharField(max_length=120)),
            ('reason', models.TextField()),
            ('ends_on', models.DateField(help_text='The last day on which it applies.')),
            ('identities', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=200), blank=True, default=list, size=None)),
            ('accounts', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=400), blank=True, default=list, size=None)),
            ('entitlements', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=400), blank=True, default=list, size=None)),
            ('created_at', models.DateTimeField()),
            ('ended_at', models.DateTimeField(null=True)),
            ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('ended_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('owner', models.ForeignKey(help_text='Answers for this list.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
        ],
        options={
            'ordering': ('name',),
            'constraints': [
                models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('name',), name='standing_exclusion_once'),
                models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('ended_by__isnull', True)), models.Q(('ended_at__isnull', False), ('ended_by__isnull', False)), _connector='OR'), name='standing_exclusion_ended_facts_together'),
                models.CheckConstraint(condition=models.Q(('accounts', []), ('entitlements', []), ('identities', []), _negated=True), name='standing_exclusion_covers_something'),
            ],
        },
    ),
    migrations.CreateModel(
        name='SavedFilter',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('name', models.CharField(max_length=60)),
            ('query', models.CharField(help_text='The address of the list, after its question mark.', max_length=2000)),
            ('saved_at', models.DateTimeField()),
            ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
        ],
        options={
            'ordering': ('name',),
            'constraints': [models.UniqueConstraint(fields=('user', 'name'), name='saved_filter_once')],
        },
    ),
    migrations.CreateModel(
        name='Sweep',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('name', models.CharField(max_length=40, unique=True)),
            ('ran_at', models.DateTimeField()),
        ],
    ),
]

"""Tables of duties to be kept apart: rules, conflicts, exceptions, and what an item's reviewer was told of them."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

TABLES = [
    migrations.CreateModel(
        name='SodEvaluation',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('at', models.DateTimeField()),
            ('snapshots', models.PositiveIntegerField(help_text='Snapshots there were.')),
            ('rules', models.PositiveIntegerField(help_text='Active rules.')),
            ('rules_digest', models.CharField(help_text='MD5 of what the active rules compared.', max_length=32)),
            ('standing', models.PositiveIntegerField(help_text='Conflicts that stand after it.')),
            ('begun', models.PositiveIntegerField()),
            ('ended', models.PositiveIntegerField()),
        ],
        options={
            'ordering': ('-id',),
        },
    ),
    migrations.CreateModel(
        name='SodRule',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('key', models.SlugField(max_length=80, unique=True)),
            ('name', models.CharField(max_length=200)),
            ('side_a_name', models.CharField(max_length=120)),
            ('side_a', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
            ('side_b_name', models.CharField(max_length=120)),
            ('side_b', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
            ('severity', models.CharField(choices=[('low', 'Low'), ('medium', 'Medium'), ('high', 'High'), ('critical', 'Critical')], max_length=10)),
            ('control', models.TextField(blank=True, help_text='What limits the harm where somebody has both, in words.')),
            ('is_active', models.BooleanField(default=True)),
            ('version', models.PositiveIntegerField(default=1)),
            ('changed_at', models.DateTimeField()),
            ('owner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
        ],
        options={
            'ordering': ('key',),
            'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('side_a', []), _negated=True), models.Q(('side_b', []), _negated=True)), name='sod_rule_has_two_sides')],
        },
    ),
    migrations.CreateModel(
        name='SodException',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('rule_version', models.PositiveIntegerField(help_text='It covers the rule as it was then, and no later change of its sides.')),
            ('identity_key', models.CharField(max_length=200)),
            ('identity_name', models.CharField(blank=True, max_length=300)),
            ('control', models.TextField(help_text='What limits the harm, in words.')),
            ('reason', models.TextField()),
            ('ends_on', models.DateField(help_text='The last day on which it covers the conflict, UTC.')),
            ('asked_by_name', models.CharField(max_length=200)),
            ('asked_at', models.DateTimeField()),
            ('entry_uid', models.UUIDField(unique=True)),
            ('asked_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('identity', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='inventory.identity')),
            ('rule', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='exceptions', to='campaigns.sodrule')),
        ],
        options={
            'ordering': ('-id',),
            'indexes': [models.Index(fields=['rule', 'identity'], name='sod_exception_of')],
        },
    ),
    migrations.CreateModel(
        name='SodExceptionRight',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('side', models.CharField(choices=[('a', 'First side'), ('b', 'Second side')], max_length=1)),
            ('words', models.TextField(help_text='System and right, as they were called then.')),
            ('entitlement', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='inventory.entitlement')),
            ('exception', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='rights', to='campaigns.sodexception')),
        ],
        options={
            'ordering': ('exception_id', 'side', 'id'),
            'constraints': [models.UniqueConstraint(fields=('exception', 'side', 'entitlement'), name='sod_exception_right_once')],
        },
    ),
    migrations.CreateModel(
        name='SodExceptionStep',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('code', models.CharField(choices=[('approved', 'Approved'), ('declined', 'Declined'), ('ended', 'Ended early')], max_length=10)),
            ('by_name', models.CharField(max_length=200)),
            ('reason', models.TextField(blank=True)),
            ('at', models.DateTimeField()),
            ('entry_uid', models.UUIDField(unique=True)),
            ('asked_by', models.ForeignKey(help_text="Copy of the exception's.", on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('exception', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='steps', to='campaigns.sodexception')),
        ],
        options={
            'ordering': ('id',),
            'constraints': [
                models.UniqueConstraint(condition=models.Q(('code__in', ('approved', 'declined'))), fields=('exception',), name='sod_exception_judged_once'),
                models.UniqueConstraint(condition=models.Q(('code', 'ended')), fields=('exception',), name='sod_exception_ended_once'),
                models.CheckConstraint(condition=models.Q(models.Q(('code', 'approved'), _negated=True), models.Q(('by', models.F('asked_by')), _negated=True), _connector='OR'), name='sod_exception_approved_by_somebody_else'),
            ],
        },
    ),
    migrations.CreateModel(
        name='SodConflict',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('holder', models.BigIntegerField()),
            ('found_at', models.DateTimeField()),
            ('ended_at', models.DateTimeField(null=True)),
            ('account', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='inventory.account')),
            ('identity', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='inventory.identity')),
            ('rule', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='conflicts', to='campaigns.sodrule')),
        ],
        options={
            'ordering': ('id',),
            'constraints': [
                models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('rule', 'holder'), name='sod_conflict_once'),
                models.CheckConstraint(condition=models.Q(models.Q(('account__isnull', True), ('holder', models.F('identity_id')), ('identity__isnull', False)), models.Q(('account__isnull', False), ('holder__lt', 0), ('identity__isnull', True)), _connector='OR'), name='sod_conflict_holder'),
            ],
        },
    ),
    migrations.CreateModel(
        name='SodConflictGrant',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('side', models.CharField(choices=[('a', 'First side'), ('b', 'Second side')], max_length=1)),
            ('conflict', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='parts', to='campaigns.sodconflict')),
            ('grant', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='inventory.grant')),
        ],
        options={
            'ordering': ('conflict_id', 'side', 'grant_id'),
            'constraints': [models.UniqueConstraint(fields=('conflict', 'side', 'grant'), name='sod_conflict_grant_once')],
        },
    ),
    migrations.CreateModel(
        name='ItemConflict',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('number', models.PositiveIntegerField(help_text='1 … n within the campaign, in the order of the conflict root.')),
            ('item_number', models.PositiveIntegerField()),
            ('rule', models.CharField(max_length=80)),
            ('name', models.CharField(max_length=200)),
            ('severity', models.CharField(choices=[('low', 'Low'), ('medium', 'Medium'), ('high', 'High'), ('critical', 'Critical')], max_length=10)),
            ('side', models.CharField(choices=[('a', 'First side'), ('b', 'Second side')], max_length=1)),
            ('duty', models.CharField(help_text='What the item itself lets people do.', max_length=120)),
            ('other_duty', models.CharField(max_length=120)),
            ('held', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
            ('held_count', models.PositiveIntegerField()),
            ('control', models.TextField(blank=True)),
            ('found_at', models.DateTimeField()),
            ('excepted_until', models.DateField(null=True)),
            ('exception_control', models.TextField(blank=True)),
            ('exception_by', models.CharField(blank=True, help_text='Who approved it: people.user:7; before that a name.', max_length=200)),
            ('leaf', models.BinaryField(max_length=32)),
            ('campaign', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='item_conflicts', to='campaigns.campaign')),
            ('conflict', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='campaigns.sodconflict')),
            ('item', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='conflicts', to='campaigns.reviewitem')),
        ],
        options={
            'ordering': ('campaign_id', 'number'),
            'constraints': [models.UniqueConstraint(fields=('campaign', 'number'), name='item_conflict_number_once')],
        },
    ),
]

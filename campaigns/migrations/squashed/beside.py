"""Tables of what stands beside the answers: findings, removals for silence, holds, events, advice and contexts."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

TABLES = [
    migrations.CreateModel(
        name='ItemOpened',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('at', models.DateTimeField()),
            ('assignment', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='openings', to='campaigns.assignment')),
            ('user', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
        ],
        options={
            'constraints': [models.UniqueConstraint(fields=('assignment', 'user'), name='item_opened_once')],
        },
    ),
    migrations.CreateModel(
        name='Finding',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('reviewer_name', models.CharField(max_length=200)),
            ('measure', models.CharField(choices=[('median_seconds', 'Median seconds'), ('under_3_seconds', 'Within 3 seconds, %'), ('bulk', 'In bulk, %'), ('streak', 'Same in a row'), ('privileged_opened', 'Privileged opened, %'), ('against_advice', 'Against recommendation, %')], max_length=20)),
            ('value', models.DecimalField(decimal_places=1, max_digits=9)),
            ('threshold', models.PositiveIntegerField()),
            ('decided', models.PositiveIntegerField(help_text='Decisions the value was measured over.')),
            ('found_at', models.DateTimeField()),
            ('entry_uid', models.UUIDField(unique=True)),
            ('campaign', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='findings', to='campaigns.campaign')),
            ('reviewer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('round', models.PositiveSmallIntegerField(default=1, help_text='1, and one more each time the reviewer was asked again before it was found.')),
        ],
        options={
            'ordering': ('id',),
            'constraints': [models.UniqueConstraint(fields=('campaign', 'reviewer', 'measure', 'round'), name='finding_once')],
        },
    ),
    migrations.CreateModel(
        name='FindingDisposition',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('choice', models.CharField(choices=[('accepted', 'Accepted'), ('re_ask', 'To be asked again')], max_length=10)),
            ('reason', models.TextField()),
            ('reopened', models.PositiveIntegerField(null=True)),
            ('by_name', models.CharField(max_length=200)),
            ('at', models.DateTimeField()),
            ('entry_uid', models.UUIDField(unique=True)),
            ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('finding', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='disposition', to='campaigns.finding')),
        ],
        options={
            'ordering': ('id',),
            'constraints': [models.CheckConstraint(condition=models.Q(('choice', 're_ask'), ('reopened__isnull', True), _connector='OR'), name='disposition_accepted_opens_nothing')],
        },
    ),
    migrations.CreateModel(
        name='SilenceApproval',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('approved_by_name', models.CharField(max_length=200)),
            ('reason', models.TextField()),
            ('count', models.PositiveIntegerField()),
            ('needs_second', models.BooleanField()),
            ('limits', models.JSONField()),
            ('at', models.DateTimeField()),
            ('entry_uid', models.UUIDField(unique=True)),
            ('approved_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('campaign', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='silence_approvals', to='campaigns.campaign')),
        ],
        options={
            'ordering': ('id',),
        },
    ),
    migrations.CreateModel(
        name='SilenceRemoval',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('item_number', models.PositiveIntegerField()),
            ('approval', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='removals', to='campaigns.silenceapproval')),
            ('campaign', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='campaigns.campaign')),
            ('item', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='silence_removals', to='campaigns.reviewitem')),
        ],
        options={
            'ordering': ('id',),
            'constraints': [models.UniqueConstraint(fields=('approval', 'item'), name='silence_removal_once')],
        },
    ),
    migrations.CreateModel(
        name='SilenceVerdict',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('code', models.CharField(choices=[('confirmed', 'Confirmed'), ('declined', 'Declined')], max_length=10)),
            ('by_name', models.CharField(max_length=200)),
            ('reason', models.TextField(blank=True)),
            ('at', models.DateTimeField()),
            ('entry_uid', models.UUIDField(unique=True)),
            ('approval', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='verdict', to='campaigns.silenceapproval')),
            ('approved_by', models.ForeignKey(help_text="Copy of the approval's.", on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
        ],
        options={
            'ordering': ('id',),
            'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('code', 'confirmed'), _negated=True), models.Q(('by', models.F('approved_by')), _negated=True), _connector='OR'), name='silence_confirmed_by_somebody_else')],
        },
    ),
    migrations.CreateModel(
        name='PaceNotice',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('decisions', models.PositiveSmallIntegerField()),
            ('milliseconds', models.PositiveIntegerField(help_text='From the first of them to the last.')),
            ('privileged', models.PositiveSmallIntegerField(help_text='How many of them are privileged.')),
            ('last_decision', models.BigIntegerField(help_text='Counting begins anew after it.')),
            ('at', models.DateTimeField()),
            ('entry_uid', models.UUIDField(unique=True)),
            ('campaign', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='pace_notices', to='campaigns.campaign')),
            ('reviewer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
        ],
        options={
            'ordering': ('id',),
        },
    ),
    migrations.CreateModel(
        name='RemovalHold',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('kind', models.CharField(choices=[('share', 'A large share of a system'), ('last_holder', 'The last who hold a privileged right')], max_length=12)),
            ('label', models.CharField(help_text='The system, or the right and its system.', max_length=700)),
            ('removals', models.PositiveIntegerField()),
            ('held', models.PositiveIntegerField()),
            ('limit', models.PositiveSmallIntegerField(help_text="Percent of the system; of the campaign's terms, where they say it.", null=True)),
            ('at', models.DateTimeField()),
            ('entry_uid', models.UUIDField(unique=True)),
            ('campaign', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='holds', to='campaigns.campaign')),
            ('source', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='inventory.source')),
        ],
        options={
            'ordering': ('id',),
        },
    ),
    migrations.CreateModel(
        name='HeldRemoval',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('item_number', models.PositiveIntegerField()),
            ('item', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='campaigns.reviewitem')),
            ('hold', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='items', to='campaigns.removalhold')),
        ],
        options={
            'ordering': ('id',),
            'constraints': [models.UniqueConstraint(fields=('hold', 'item'), name='held_removal_once')],
        },
    ),
    migrations.CreateModel(
        name='HoldVerdict',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('code', models.CharField(choices=[('confirmed', 'Confirmed'), ('declined', 'Declined')], max_length=10)),
            ('by_name', models.CharField(max_length=200)),
            ('reason', models.TextField(blank=True)),
            ('at', models.DateTimeField()),
            ('entry_uid', models.UUIDField(unique=True)),
            ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('hold', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='verdict', to='campaigns.removalhold')),
        ],
        options={
            'ordering': ('id',),
            'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('code', 'declined'), _negated=True), models.Q(('reason', ''), _negated=True), _connector='OR'), name='hold_declined_with_reason')],
        },
    ),
    migrations.CreateModel(
        name='AccessEvent',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('kind', models.CharField(choices=[('manager', 'Manager changed'), ('department', 'Department changed'), ('leaver', 'Somebody left and still has access'), ('privileged', 'New privileged access'), ('orphan', 'New account without a known person'), ('returned', 'Access is back after a removal'), ('ended', 'End date passed'), ('kept_until', 'Kept until a day that has passed')], max_length=20)),
            ('subject', models.CharField(max_length=400)),
            ('subject_name', models.CharField(help_text='The key of the person or account; of events found long ago, their name.', max_length=300)),
            ('occasion', models.CharField(max_length=80)),
            ('words', models.TextField(help_text='What happened, in a sentence.')),
            ('grants', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
            ('found_at', models.DateTimeField()),
            ('state', models.CharField(choices=[('waiting', 'Waiting'), ('asked', 'Asked about'), ('over', 'Nothing left to ask')], default='waiting', max_length=10)),
            ('campaign', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='access_events', to='campaigns.campaign')),
            ('definition', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='access_events', to='campaigns.campaigndefinition')),
        ],
        options={
            'ordering': ('-id',),
            'indexes': [models.Index(condition=models.Q(('state', 'waiting')), fields=['definition', 'id'], name='access_event_waiting')],
            'constraints': [
                models.UniqueConstraint(fields=('definition', 'kind', 'subject', 'occasion'), name='access_event_once'),
                models.CheckConstraint(condition=models.Q(models.Q(('campaign__isnull', False), ('state', 'asked')), models.Q(models.Q(('state', 'asked'), _negated=True), ('campaign__isnull', True)), _connector='OR'), name='access_event_asked_has_campaign'),
            ],
        },
    ),
    migrations.CreateModel(
        name='ItemAdvice',
        fields=[
            ('item', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='advice', serialize=False, to='campaigns.reviewitem')),
            ('recommendation', models.CharField(choices=[('keep', 'Keep'), ('remove', 'Remove'), ('look', 'Look closer')], max_length=6)),
            ('score', models.DecimalField(decimal_places=4, help_text='How much speaks for removing, from 0 to 1.', max_digits=5)),
            ('reasons', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), help_text='Sentences, the weightiest kind first.', size=None)),
            ('peers_holding', models.PositiveIntegerField(help_text='Of the peers, so many hold it.', null=True)),
            ('peers_total', models.PositiveIntegerField(null=True)),
            ('peers_label', models.CharField(blank=True, help_text='Which peers: “in Finance”.', max_length=250)),
            ('leaf', models.BinaryField(max_length=32)),
        ],
        options={
            'verbose_name_plural': 'item advice',
            'ordering': ('item_id',),
            'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('peers_holding__isnull', True), ('peers_total__isnull', True)), ('peers_holding__lte', models.F('peers_total')), _connector='OR'), name='advice_peers_together')],
        },
    ),
    migrations.CreateModel(
        name='ItemContext',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('number', models.PositiveIntegerField(help_text='1 … n within the campaign, in the order of the context root.')),
            ('item_number', models.PositiveIntegerField()),
            ('described_by', models.CharField(blank=True, help_text="Who wrote the item's description; empty: its file did.", max_length=40)),
            ('described_by_name', models.CharField(blank=True, max_length=200)),
            ('described_at', models.DateTimeField(null=True)),
            ('file_description', models.TextField(blank=True, help_text="What the file says where somebody else's words are shown.")),
            ('credential_kind', models.CharField(blank=True, max_length=12)),
            ('credential_at', models.DateTimeField(help_text='When it was made or last rotated.', null=True)),
            ('credential_limit', models.PositiveIntegerField(help_text='Days from which a static credential counted as old.')),
            ('leaf', models.BinaryField(max_length=32)),
            ('campaign', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='item_contexts', to='campaigns.campaign')),
            ('item', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='context', to='campaigns.reviewitem')),
        ],
        options={
            'ordering': ('campaign_id', 'number'),
            'constraints': [models.UniqueConstraint(fields=('campaign', 'number'), name='item_context_number_once')],
        },
    ),
]

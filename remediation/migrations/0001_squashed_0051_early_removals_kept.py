"""All that the migrations of remediation came to, for new databases: its tables, and what the database refuses of them, whoever asks.

A database that has some of the migrations it replaces goes on through them; one that has them all counts it as done.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from certify.lib.together import Together

#: Removals, exceptions, what was sent, tickets and objections.
NEVER_DELETED = (
    "remediation_remediationtask", "remediation_riskexception", "remediation_delivery", "remediation_sending", "remediation_ticket",
    "remediation_objection",
)
#: What was tried, verified, announced and reported; the names of whoever reported may become the mark of somebody who was erased.
APPEND_ONLY = {
    "remediation_attempt": "'by_name=by_id'",
    "remediation_verification": "",
    "remediation_return": "",
    "remediation_deliverytry": "",
    "remediation_announcement": "",
    "remediation_applyresult": "'by_name=by_id'",
    "remediation_withdrawal": "",
}

#: What was asked for does not change, but for the names of somebody who was erased.
EXCEPTIONS = """
    CREATE FUNCTION remediation_exception_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (OLD.task_id, OLD.reason, OLD.control, OLD.expires_on, OLD.requested_by_id, OLD.requested_by_name, OLD.requested_at, OLD.entry_uid) IS DISTINCT FROM (NEW.task_id, NEW.reason, NEW.control, NEW.expires_on, NEW.requested_by_id, NEW.requested_by_name, NEW.requested_at, NEW.entry_uid) OR OLD.state IN ('declined', 'ended') THEN
            IF ledger_is_erasure(to_jsonb(OLD), to_jsonb(NEW), TG_ARGV) THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'refused: what was asked for and what has ended does not change';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER remediation_riskexception_asked BEFORE UPDATE ON remediation_riskexception FOR EACH ROW
        EXECUTE FUNCTION remediation_exception_kept('requested_by_name=requested_by_id', 'decided_by_name=decided_by_id', 'ended_by_name=ended_by_ref');
"""
DROP_EXCEPTIONS = """
    DROP TRIGGER remediation_riskexception_asked ON remediation_riskexception; DROP FUNCTION remediation_exception_kept();
"""

#: What somebody objected never changes, and an answer is final, but for the names of somebody who was erased.
OBJECTIONS = """
    CREATE FUNCTION remediation_objection_same() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.state <> 'open' OR (OLD.task_id, OLD.person_id, OLD.person_name, OLD.reason, OLD.at, OLD.answer_by, OLD.entry_uid) IS DISTINCT FROM (NEW.task_id, NEW.person_id, NEW.person_name, NEW.reason, NEW.at, NEW.answer_by, NEW.entry_uid) THEN
            IF ledger_is_erasure(to_jsonb(OLD), to_jsonb(NEW), TG_ARGV) THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'refused: what somebody objected does not change, and an answer is final';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER remediation_objection_same BEFORE UPDATE ON remediation_objection FOR EACH ROW
        EXECUTE FUNCTION remediation_objection_same('person_name=person_id', 'answered_by_name=answered_by_id');
"""
DROP_OBJECTIONS = "DROP TRIGGER remediation_objection_same ON remediation_objection; DROP FUNCTION remediation_objection_same();"

#: What a message says does not change, nor for which kind it was made.
MESSAGES = """
    CREATE FUNCTION remediation_message_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (OLD.sending_id, OLD.task_id, OLD.key, OLD.body) IS DISTINCT FROM (NEW.sending_id, NEW.task_id, NEW.key, NEW.body) THEN
            RAISE EXCEPTION 'refused: what a message says does not change';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER remediation_delivery_same BEFORE UPDATE ON remediation_delivery FOR EACH ROW
        EXECUTE FUNCTION remediation_message_kept();

    CREATE FUNCTION remediation_kind_same() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.kind IS DISTINCT FROM NEW.kind THEN
            RAISE EXCEPTION 'refused: for which kind a message was made does not change';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER remediation_delivery_kind BEFORE UPDATE ON remediation_delivery FOR EACH ROW
        EXECUTE FUNCTION remediation_kind_same();
"""
DROP_MESSAGES = """
    DROP TRIGGER remediation_delivery_kind ON remediation_delivery; DROP FUNCTION remediation_kind_same();
    DROP TRIGGER remediation_delivery_same ON remediation_delivery; DROP FUNCTION remediation_message_kept();
"""

#: Tickets belong to their message for ever.
TICKETS = """
    CREATE FUNCTION remediation_ticket_same() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (OLD.delivery_id, OLD.ident) IS DISTINCT FROM (NEW.delivery_id, NEW.ident) THEN
            RAISE EXCEPTION 'refused: a ticket belongs to its message';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER remediation_ticket_same BEFORE UPDATE ON remediation_ticket FOR EACH ROW
        EXECUTE FUNCTION remediation_ticket_same();
"""
DROP_TICKETS = "DROP TRIGGER remediation_ticket_same ON remediation_ticket; DROP FUNCTION remediation_ticket_same();"


def kept(table, events, function, personal=""):
    """The trigger that refuses, with the columns that erasing may change."""
    return migrations.RunSQL(
        f"CREATE TRIGGER {table}_kept BEFORE {events} ON {table} FOR EACH ROW EXECUTE FUNCTION {function}({personal})",
        f"DROP TRIGGER {table}_kept ON {table}",
    )


class Migration(migrations.Migration):

    initial = True

    replaces = [
        ('remediation', '0001_initial'),
        ('remediation', '0002_triggers'),
        ('remediation', '0010_handling'),
        ('remediation', '0011_handling_kept'),
        ('remediation', '0012_exceptions'),
        ('remediation', '0013_exceptions_kept'),
        ('remediation', '0014_channels'),
        ('remediation', '0015_channels_kept'),
        ('remediation', '0016_connectors'),
        ('remediation', '0017_tickets_kept'),
        ('remediation', '0020_unchecked_verdicts'),
        ('remediation', '0021_results_and_objections'),
        ('remediation', '0022_results_and_objections_kept'),
        ('remediation', '0040_ended_by'),
        ('remediation', '0041_names_erased'),
        ('remediation', '0050_early_removals'),
        ('remediation', '0051_early_removals_kept'),
    ]

    #: Of other apps the migrations that are needed here, not their newest: a database half way has no more.
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ('people', '0040_api_tokens'),
        ('inventory', '0013_grant_versions'),
        ('campaigns', '0140_removals_begin'),
        ('ledger', '0031_persons_kept'),
    ]

    operations = [
        Together([
            migrations.CreateModel(
                name='RemediationTask',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('state', models.CharField(choices=[('announced', 'Announced, may be objected to'), ('open', 'To be removed'), ('sent', 'Handed on, no answer yet'), ('claimed_done', 'Reported done, cannot be verified yet'), ('verified_gone', 'Verified gone'), ('still_there', 'Still there'), ('returned', 'Came back'), ('excepted', 'Excepted'), ('closed', 'Closed on proof, never verified'), ('kept', 'Kept after an objection'), ('withdrawn', 'Withdrawn, not to be removed')], default='open', max_length=15)),
                    ('created_at', models.DateTimeField()),
                    ('due_at', models.DateTimeField()),
                    ('entry_uid', models.UUIDField()),
                    ('campaign', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='removals', to='campaigns.campaign')),
                    ('item', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='removal', to='campaigns.reviewitem')),
                    ('owner', models.ForeignKey(help_text='Who must do it.', on_delete=django.db.models.deletion.PROTECT, related_name='removals', to=settings.AUTH_USER_MODEL)),
                    ('present_in', models.ForeignKey(db_constraint=False, db_index=False, help_text='A snapshot that shows it: that of its campaign, or the one that last said something new.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='inventory.snapshot')),
                    ('source', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='removals', to='inventory.source')),
                    ('verified_in', models.ForeignKey(db_constraint=False, db_index=False, help_text='The FULL snapshot in which it was gone.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='inventory.snapshot')),
                    ('is_early', models.BooleanField(db_default=False, default=False, help_text='Began at sign-off, before its campaign closed.')),
                ],
                options={
                    'ordering': ('due_at', 'id'),
                    'indexes': [
                        models.Index(condition=models.Q(('state', 'verified_gone'), _negated=True), fields=['owner', 'due_at'], name='task_owner_open'),
                        models.Index(condition=models.Q(('state', 'verified_gone'), _negated=True), fields=['source'], name='task_source_open'),
                        models.Index(condition=models.Q(('is_early', True)), fields=['campaign'], name='task_early'),
                    ],
                    'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('state', 'verified_gone'), ('verified_in__isnull', False)), models.Q(models.Q(('state', 'verified_gone'), _negated=True), ('verified_in__isnull', True)), _connector='OR'), name='task_gone_has_its_snapshot')],
                },
            ),
            migrations.CreateModel(
                name='Attempt',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('note', models.TextField()),
                    ('proof_name', models.CharField(blank=True, max_length=255)),
                    ('proof_sha256', models.CharField(blank=True, max_length=64)),
                    ('proof_size', models.PositiveBigIntegerField(null=True)),
                    ('stored_as', models.CharField(blank=True, help_text='Path below the proof directory.', max_length=255)),
                    ('by_name', models.CharField(max_length=200)),
                    ('at', models.DateTimeField()),
                    ('entry_uid', models.UUIDField()),
                    ('by', models.ForeignKey(help_text='Empty: a program.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('task', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='attempts', to='remediation.remediationtask')),
                    ('kind', models.CharField(choices=[('claim', 'Reported done'), ('proof', 'Proof added'), ('list', 'Handed on in a list'), ('close', 'Closed on proof')], db_default='claim', default='claim', max_length=10)),
                    ('proof_link', models.URLField(blank=True, db_default='', help_text='Where the proof can be seen.', max_length=1000)),
                ],
                options={
                    'ordering': ('id',),
                    'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('proof_name', ''), ('proof_sha256', ''), ('proof_size__isnull', True), ('stored_as', '')), models.Q(models.Q(('proof_name', ''), _negated=True), models.Q(('proof_sha256', ''), _negated=True), ('proof_size__isnull', False), models.Q(('stored_as', ''), _negated=True)), _connector='OR'), name='attempt_proof_facts_together')],
                },
            ),
            migrations.CreateModel(
                name='Verification',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('verdict', models.CharField(choices=[('gone', 'Gone'), ('still_there', 'Still there')], max_length=12)),
                    ('at', models.DateTimeField()),
                    ('entry_uid', models.UUIDField()),
                    ('present_in', models.ForeignKey(db_constraint=False, db_index=False, help_text='The FULL snapshot before it that still showed the access: the other bound of the time of removal.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='inventory.snapshot')),
                    ('snapshot', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='inventory.snapshot')),
                    ('task', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='verifications', to='remediation.remediationtask')),
                ],
                options={
                    'ordering': ('id',),
                    'constraints': [models.UniqueConstraint(fields=('task', 'snapshot'), name='verification_once')],
                },
            ),
            migrations.CreateModel(
                name='Watched',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('up_to', models.BigIntegerField(help_text='Id of a snapshot: it and all before it have been looked at.')),
                    ('source', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='watched_removals', to='inventory.source')),
                ],
                options={
                    'ordering': ('source_id',),
                },
            ),
            migrations.CreateModel(
                name='Return',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('decision_entry_uid', models.UUIDField(null=True)),
                    ('later_entry_uid', models.UUIDField(null=True)),
                    ('later_outcome', models.CharField(blank=True, max_length=12)),
                    ('granted_by', models.CharField(blank=True, help_text='Who gave it again, as the file says.', max_length=200)),
                    ('due_at', models.DateTimeField()),
                    ('at', models.DateTimeField()),
                    ('entry_uid', models.UUIDField()),
                    ('gone_in', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='inventory.snapshot')),
                    ('seen_in', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='inventory.snapshot')),
                    ('task', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='returns', to='remediation.remediationtask')),
                ],
                options={
                    'ordering': ('id',),
                    'constraints': [models.UniqueConstraint(fields=('task', 'seen_in'), name='return_once')],
                },
            ),
            migrations.CreateModel(
                name='RiskException',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('reason', models.TextField()),
                    ('control', models.TextField(help_text='The compensating control: what limits or watches the risk meanwhile.')),
                    ('expires_on', models.DateField(help_text='The last day on which it holds, UTC.')),
                    ('state', models.CharField(choices=[('requested', 'Waits for approval'), ('approved', 'In force'), ('declined', 'Declined'), ('ended', 'Ended')], default='requested', max_length=10)),
                    ('requested_by_name', models.CharField(max_length=200)),
                    ('requested_at', models.DateTimeField()),
                    ('decided_by_name', models.CharField(blank=True, max_length=200)),
                    ('decided_at', models.DateTimeField(null=True)),
                    ('note', models.TextField(blank=True, help_text='What whoever decided said.')),
                    ('ended_at', models.DateTimeField(null=True)),
                    ('ended_by_name', models.CharField(blank=True, max_length=200)),
                    ('end_reason', models.CharField(blank=True, choices=[('expired', 'Its last day passed'), ('withdrawn', 'Withdrawn'), ('gone', 'The access is gone'), ('replaced', 'A new one took its place')], max_length=10)),
                    ('entry_uid', models.UUIDField(help_text='Ledger entry of the request.', unique=True)),
                    ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('requested_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('task', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='exceptions', to='remediation.remediationtask')),
                    ('ended_by_ref', models.CharField(blank=True, db_default='', default='', help_text='As in the ledger.', max_length=80)),
                ],
                options={
                    'ordering': ('expires_on', 'id'),
                    'indexes': [models.Index(condition=models.Q(('state', 'approved')), fields=['expires_on'], name='exception_running')],
                    'constraints': [
                        models.UniqueConstraint(condition=models.Q(('state', 'requested')), fields=('task',), name='exception_requested_once'),
                        models.UniqueConstraint(condition=models.Q(('state', 'approved')), fields=('task',), name='exception_in_force_once'),
                        models.CheckConstraint(condition=models.Q(models.Q(('decided_at__isnull', True), ('decided_by__isnull', True), ('decided_by_name', '')), models.Q(('decided_at__isnull', False), ('decided_by__isnull', False), models.Q(('decided_by_name', ''), _negated=True)), _connector='OR'), name='exception_decided_facts_together'),
                        models.CheckConstraint(condition=models.Q(models.Q(('state__in', ('approved', 'declined')), _negated=True), ('decided_by__isnull', False), _connector='OR'), name='exception_decided_by_somebody'),
                        models.CheckConstraint(condition=models.Q(('decided_by__isnull', True), models.Q(('decided_by', models.F('requested_by')), _negated=True), _connector='OR'), name='exception_decided_by_somebody_else'),
                        models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', False), ('state', 'ended'), models.Q(('end_reason', ''), _negated=True)), models.Q(models.Q(('state', 'ended'), _negated=True), ('end_reason', ''), ('ended_at__isnull', True)), _connector='OR'), name='exception_ended_facts_together'),
                    ],
                },
            ),
            migrations.CreateModel(
                name='Channel',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('url', models.URLField(max_length=1000)),
                    ('secret', models.TextField(help_text='Encrypted under SECRET_KEY.')),
                    ('former_secret', models.TextField(blank=True, help_text='Signs too, until `former_until`.')),
                    ('former_until', models.DateTimeField(null=True)),
                    ('is_on', models.BooleanField(default=False, help_text='Off: nothing is sent, what waits goes on waiting.')),
                    ('is_dry', models.BooleanField(default=True, help_text='Sendings are shown and not sent.')),
                    ('dried_at', models.DateTimeField(help_text='The last dry run under this address.', null=True)),
                    ('most', models.PositiveIntegerField(default=20, help_text='More than this at once need a second person.')),
                    ('percent', models.PositiveSmallIntegerField(default=5, help_text='So does more than this share of the open grants.')),
                    ('source', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='removal_channel', to='inventory.source')),
                    ('kind', models.CharField(db_default='webhook', default='webhook', max_length=20)),
                    ('settings', models.JSONField(db_default={}, default=dict)),
                    ('waits_until', models.DateTimeField(help_text='The other side asked for a pause; nothing is sent before.', null=True)),
                ],
                options={
                    'ordering': ('source__name',),
                    'constraints': [
                        models.CheckConstraint(condition=models.Q(('percent__gte', 1), ('percent__lte', 100)), name='channel_percent'),
                        models.CheckConstraint(condition=models.Q(('is_dry', True), ('dried_at__isnull', False), _connector='OR'), name='channel_dry_first'),
                    ],
                },
            ),
            migrations.CreateModel(
                name='Sending',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('by_name', models.CharField(max_length=200)),
                    ('at', models.DateTimeField()),
                    ('is_dry', models.BooleanField()),
                    ('count', models.PositiveIntegerField()),
                    ('limits', models.JSONField(help_text='{open, percent, most, needs_second, last_holders: [names that were left out]}')),
                    ('needs_second', models.BooleanField()),
                    ('decided_by_name', models.CharField(blank=True, max_length=200)),
                    ('decided_at', models.DateTimeField(null=True)),
                    ('is_confirmed', models.BooleanField(null=True)),
                    ('entry_uid', models.UUIDField(unique=True)),
                    ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('channel', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='sendings', to='remediation.channel')),
                    ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ('-id',),
                    'constraints': [models.CheckConstraint(condition=models.Q(('is_confirmed__isnull', True), models.Q(('is_confirmed', True), _negated=True), models.Q(('decided_by', models.F('by')), _negated=True), _connector='OR'), name='sending_confirmed_by_somebody_else')],
                },
            ),
            migrations.CreateModel(
                name='Delivery',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('key', models.UUIDField(unique=True)),
                    ('body', models.TextField(help_text='Exactly what is sent, each time.')),
                    ('state', models.CharField(choices=[('dry', 'Dry run, nothing was sent'), ('held', 'Waits for a second person'), ('queued', 'Waiting to be sent'), ('delivered', 'Delivered'), ('dead', 'Given up'), ('cancelled', 'Not needed any more')], max_length=10)),
                    ('tries', models.PositiveSmallIntegerField(default=0)),
                    ('next_at', models.DateTimeField(help_text='Not tried before; while it is being tried, when the worker counts as lost.')),
                    ('trying_since', models.DateTimeField(help_text='A worker is at it.', null=True)),
                    ('note', models.TextField(blank=True, help_text='What the last answer came to, in words.')),
                    ('channel', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deliveries', to='remediation.channel')),
                    ('task', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deliveries', to='remediation.remediationtask')),
                    ('sending', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deliveries', to='remediation.sending')),
                    ('kind', models.CharField(db_default='webhook', default='webhook', help_text='For which kind of channel it was made.', max_length=20)),
                ],
                options={
                    'ordering': ('-id',),
                    'indexes': [models.Index(condition=models.Q(('state', 'queued')), fields=['next_at', 'id'], name='delivery_queued')],
                    'constraints': [models.UniqueConstraint(condition=models.Q(('state__in', ('held', 'queued'))), fields=('task',), name='delivery_waiting_once')],
                },
            ),
            migrations.CreateModel(
                name='DeliveryTry',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('number', models.PositiveSmallIntegerField()),
                    ('url', models.TextField()),
                    ('began_at', models.DateTimeField()),
                    ('took_ms', models.PositiveIntegerField(null=True)),
                    ('request_sha256', models.CharField(max_length=64)),
                    ('status', models.PositiveSmallIntegerField(null=True)),
                    ('response', models.TextField(blank=True)),
                    ('error', models.TextField(blank=True)),
                    ('outcome', models.CharField(choices=[('dry', 'Dry run, nothing was sent'), ('held', 'Waits for a second person'), ('queued', 'Waiting to be sent'), ('delivered', 'Delivered'), ('dead', 'Given up'), ('cancelled', 'Not needed any more')], max_length=10)),
                    ('entry_uid', models.UUIDField()),
                    ('delivery', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='attempts', to='remediation.delivery')),
                    ('effect', models.CharField(blank=True, choices=[('taken', 'Taken on'), ('done', 'Done, as the system says'), ('already', 'Was so already, nothing was changed'), ('none', 'No effect'), ('unknown', 'Unknown whether it took effect')], db_default='', max_length=10)),
                    ('requests', models.TextField(blank=True, db_default='', help_text='What was asked for, a line each, where it is more than the message.')),
                ],
                options={
                    'ordering': ('id',),
                    'constraints': [models.UniqueConstraint(fields=('delivery', 'number'), name='delivery_try_once')],
                },
            ),
            migrations.CreateModel(
                name='Ticket',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('ident', models.CharField(help_text='Its id over there.', max_length=200)),
                    ('name', models.CharField(help_text='What people call it.', max_length=200)),
                    ('url', models.URLField(blank=True, max_length=1000)),
                    ('state', models.CharField(choices=[('open', 'Open'), ('done', 'Closed as done'), ('cancelled', 'Closed without being done'), ('missing', 'Cannot be found any more')], default='open', max_length=10)),
                    ('status', models.CharField(blank=True, help_text='In the words of its system.', max_length=200)),
                    ('opened_at', models.DateTimeField()),
                    ('looked_at', models.DateTimeField(null=True)),
                    ('next_at', models.DateTimeField(help_text='Looked at again not before; None: not any more.', null=True)),
                    ('error', models.TextField(blank=True, help_text='Why the last look showed nothing.')),
                    ('delivery', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='ticket', to='remediation.delivery')),
                ],
                options={
                    'ordering': ('-id',),
                    'indexes': [models.Index(condition=models.Q(('next_at__isnull', False)), fields=['next_at', 'id'], name='ticket_due')],
                },
            ),
            migrations.CreateModel(
                name='Announcement',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('until', models.DateTimeField(help_text='The last moment at which they may object.')),
                    ('is_waiting', models.BooleanField(help_text='Whether the removal waits for that moment: not where the right is privileged.')),
                    ('at', models.DateTimeField()),
                    ('entry_uid', models.UUIDField()),
                    ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='announcements', to=settings.AUTH_USER_MODEL)),
                    ('task', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='announcement', to='remediation.remediationtask')),
                ],
                options={
                    'ordering': ('id',),
                    'indexes': [models.Index(condition=models.Q(('is_waiting', True)), fields=['until'], name='announcement_waiting')],
                },
            ),
            migrations.CreateModel(
                name='ApplyResult',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('result', models.CharField(choices=[('applied', 'Applied'), ('failed', 'Failed'), ('not_supported', 'Not supported'), ('not_found', 'Not found')], max_length=15)),
                    ('description', models.TextField()),
                    ('key', models.CharField(blank=True, max_length=100)),
                    ('by_name', models.CharField(max_length=200)),
                    ('at', models.DateTimeField()),
                    ('entry_uid', models.UUIDField()),
                    ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('task', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='results', to='remediation.remediationtask')),
                    ('token', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='people.apitoken')),
                ],
                options={
                    'ordering': ('id',),
                    'constraints': [
                        models.UniqueConstraint(condition=models.Q(('key', ''), _negated=True), fields=('token', 'key'), name='result_key_once'),
                        models.CheckConstraint(condition=models.Q(models.Q(('by__isnull', False), ('token__isnull', True)), models.Q(('by__isnull', True), ('token__isnull', False)), _connector='OR'), name='result_by_one'),
                    ],
                },
            ),
            migrations.CreateModel(
                name='Objection',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('person_name', models.CharField(max_length=200)),
                    ('reason', models.TextField()),
                    ('at', models.DateTimeField()),
                    ('answer_by', models.DateTimeField(help_text='After this moment the removal goes on without an answer.')),
                    ('state', models.CharField(choices=[('open', 'Waits for an answer'), ('confirmed', 'The removal stands'), ('kept', 'The access is kept'), ('unanswered', 'Nobody answered; the removal goes on'), ('gone', 'The access is gone'), ('withdrawn', 'The removal was withdrawn')], default='open', max_length=12)),
                    ('answered_by_name', models.CharField(blank=True, max_length=200)),
                    ('answered_at', models.DateTimeField(null=True)),
                    ('answer', models.TextField(blank=True, help_text='Why it was decided so.')),
                    ('entry_uid', models.UUIDField(unique=True)),
                    ('answered_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='objections', to=settings.AUTH_USER_MODEL)),
                    ('reviewer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='objections_to_answer', to=settings.AUTH_USER_MODEL)),
                    ('task', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='objection', to='remediation.remediationtask')),
                ],
                options={
                    'ordering': ('answer_by', 'id'),
                    'indexes': [models.Index(condition=models.Q(('state', 'open')), fields=['answer_by'], name='objection_open')],
                    'constraints': [
                        models.CheckConstraint(condition=models.Q(models.Q(('answer', ''), ('answered_at__isnull', True), ('answered_by__isnull', True), ('answered_by_name', '')), models.Q(('answered_at__isnull', False), ('answered_by__isnull', False), models.Q(('answered_by_name', ''), _negated=True), models.Q(('answer', ''), _negated=True)), _connector='OR'), name='objection_answered_facts_together'),
                        models.CheckConstraint(condition=models.Q(models.Q(('state__in', ('confirmed', 'kept')), _negated=True), ('answered_by__isnull', False), _connector='OR'), name='objection_answered_by_somebody'),
                        models.CheckConstraint(condition=models.Q(('answered_by__isnull', True), models.Q(('answered_by', models.F('person')), _negated=True), _connector='OR'), name='objection_not_judged_by_its_author'),
                    ],
                },
            ),
            migrations.CreateModel(
                name='Withdrawal',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('reason', models.CharField(choices=[('reopened', 'The answers that decided it were opened again'), ('cancelled', 'The review was cancelled'), ('decided_otherwise', 'The review came to something else')], max_length=20)),
                    ('is_gone', models.BooleanField()),
                    ('at', models.DateTimeField()),
                    ('entry_uid', models.UUIDField(unique=True)),
                    ('task', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='withdrawals', to='remediation.remediationtask')),
                ],
                options={
                    'ordering': ('id',),
                    'constraints': [models.UniqueConstraint(condition=models.Q(('is_gone', True)), fields=('task',), name='withdrawal_gone_once')],
                },
            ),
        ]),
        *[kept(table, "DELETE", "certify_refuse_delete") for table in NEVER_DELETED],
        *[kept(table, "UPDATE OR DELETE", "certify_refuse_change", personal) for table, personal in APPEND_ONLY.items()],
        migrations.RunSQL(EXCEPTIONS, DROP_EXCEPTIONS),
        migrations.RunSQL(OBJECTIONS, DROP_OBJECTIONS),
        migrations.RunSQL(MESSAGES, DROP_MESSAGES),
        migrations.RunSQL(TICKETS, DROP_TICKETS),
    ]

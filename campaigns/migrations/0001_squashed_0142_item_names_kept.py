"""All that the migrations of campaigns came to, for new databases: their tables, and what the database refuses of them, whoever asks.

A database that has some of the migrations it replaces goes on through them; one that has them all counts it as done. The tables are in
the modules of `squashed`, which Django does not take for migrations.
"""

from django.conf import settings
from django.db import migrations

from certify.lib.together import Together

from .squashed import beside, definitions, endings, kept, reviews, sod


class Migration(migrations.Migration):

    initial = True

    replaces = [
        ('campaigns', '0001_initial'),
        ('campaigns', '0002_triggers'),
        ('campaigns', '0003_answers_per_reviewer'),
        ('campaigns', '0004_answers_kept'),
        ('campaigns', '0010_scopes'),
        ('campaigns', '0011_scope_documents'),
        ('campaigns', '0012_scopes_kept'),
        ('campaigns', '0020_schedules'),
        ('campaigns', '0021_occurrences_kept'),
        ('campaigns', '0040_findings'),
        ('campaigns', '0041_findings_kept'),
        ('campaigns', '0042_ladder'),
        ('campaigns', '0043_ladder_of_reminders'),
        ('campaigns', '0044_without_reminder_days'),
        ('campaigns', '0050_given_on'),
        ('campaigns', '0051_silence'),
        ('campaigns', '0052_silence_kept'),
        ('campaigns', '0053_second_look'),
        ('campaigns', '0054_second_look_kept'),
        ('campaigns', '0060_access_events'),
        ('campaigns', '0061_access_events_kept'),
        ('campaigns', '0090_desk_numbers'),
        ('campaigns', '0070_sod'),
        ('campaigns', '0071_sod_kept'),
        ('campaigns', '0080_removed_items'),
        ('campaigns', '0100_spreadsheets'),
        ('campaigns', '0072_item_conflicts'),
        ('campaigns', '0073_item_conflicts_kept'),
        ('campaigns', '0101_guards'),
        ('campaigns', '0102_guards_kept'),
        ('campaigns', '0081_advice'),
        ('campaigns', '0082_advice_kept'),
        ('campaigns', '0110_against_advice'),
        ('campaigns', '0111_last_holder_waits'),
        ('campaigns', '0112_exception_rights'),
        ('campaigns', '0113_exception_rights_kept'),
        ('campaigns', '0114_sweeps'),
        ('campaigns', '0115_finding_rounds'),
        ('campaigns', '0116_item_contexts'),
        ('campaigns', '0117_item_contexts_kept'),
        ('campaigns', '0120_objection_days'),
        ('campaigns', '0130_names_erased'),
        ('campaigns', '0131_who_approved'),
        ('campaigns', '0140_removals_begin'),
        ('campaigns', '0141_item_names'),
        ('campaigns', '0142_item_names_kept'),
    ]

    #: Of other apps the migrations that are needed here, not their newest: a database half way has no more.
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ('inventory', '0010_tags'),
        ('ledger', '0050_subjects_erased'),
    ]

    operations = [
        Together([*definitions.TABLES, *reviews.TABLES, *sod.TABLES, *beside.TABLES]),
        *kept.OPERATIONS,
        *endings.OPERATIONS,
    ]

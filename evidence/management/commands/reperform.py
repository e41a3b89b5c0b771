"""Computes the population of campaigns again from the readings, with the stored rule."""

from django.core.management.base import BaseCommand, CommandError

from campaigns.models import Campaign
from evidence import reperformance


class Command(BaseCommand):
    """`manage.py reperform [CAMPAIGN …]`: exits with 1 when a population does not come out as it was frozen."""

    help = "Computes the population of campaigns (all that were launched, or those named by id) again and shows the difference."

    def add_arguments(self, parser):
        """The campaigns."""
        parser.add_argument(
            "campaigns", nargs="*", type=int, metavar="CAMPAIGN", help="Ids of campaigns, as in their addresses."
        )

    def handle(self, *args, **options):
        """One line for each campaign, under it what differs."""
        found = Campaign.objects.filter(launch_entry_uid__isnull=False).order_by("pk")
        if options["campaigns"]:
            found = found.filter(pk__in=options["campaigns"])
        if missing := set(options["campaigns"]) - {one.pk for one in found}:
            raise CommandError(f"No launched campaign has the id {min(missing)}.")
        differing = [one.name for one in found if not self._show(one, reperformance.of(one))]
        if differing:
            raise CommandError(f"{len(differing)} of {len(found)} populations came out differently.")

    def _show(self, campaign: Campaign, result: reperformance.Result) -> bool:
        items, excluded = result.found
        verdict = "the same again" if result.is_empty else f"{result.total:,} rows differ"
        self.stdout.write(f"{campaign.pk} “{campaign.name}”: {items:,} items, {excluded:,} excluded: {verdict}")
        for row in result.rows:
            self.stdout.write(
                f"  {row.how}: {row.source} {row.account} {row.entitlement} {row.path} [{row.frozen_rule}] → [{row.found_rule}]"
            )
        if result.total > len(result.rows):
            self.stdout.write(f"  … the first {len(result.rows)} of {result.total:,}")
        if result.unkept:
            self.stdout.write(f"  rests also on the present state of: {', '.join(result.unkept)}")
        return result.is_empty

from django.core.management.base import BaseCommand, CommandError

from ledger import queries
from ledger.anchoring import CHANNELS
from ledger.models import AnchorFailure
from ledger.tasks import leave_anchor


class Command(BaseCommand):
    help = (
        "Leave the newest checkpoint in every channel that is configured, whether it is due or not. Exit status 1: one failed."
    )

    def handle(self, **options):
        used = [channel for channel in CHANNELS if channel.target()]
        if not used or queries.latest_checkpoint() is None:
            raise CommandError("No channel is configured (CERTIFY_ANCHOR_…), or nothing has been signed yet.", returncode=2)
        failed = []
        for channel in used:
            if leave_anchor(channel):
                self.stdout.write(f"{channel.label}: left at {channel.target()}.")
            else:
                failed.append(f"{channel.label}: {AnchorFailure.objects.get(pk=channel.name).reason}")
        if failed:
            raise CommandError("\n".join(failed), returncode=1)

"""`manage.py build_pack`: build a period's pack from the command line."""

import shutil
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from certify.lib.errors import DomainError
from certify.lib.files import located
from evidence import storage
from evidence.actions import packs
from evidence.models import AuditPeriod, EvidencePack
from ledger.actions import sequencing
from ledger.actors import SYSTEM
from people.models import User


class Command(BaseCommand):
    help = "Build the evidence pack of an audit period against the newest checkpoint, or an older one."

    def add_arguments(self, parser):
        parser.add_argument("period", help="name of the audit period")
        parser.add_argument("--by", required=True, help="sign-in name of the control owner who asks for it")
        parser.add_argument("--checkpoint-size", type=int, help="build against the checkpoint of this many entries")
        parser.add_argument("--output", type=Path, help="also copy the pack there")

    def handle(self, *, period: str, by: str, checkpoint_size: int | None, output: Path | None, **options) -> None:
        try:
            person = User.objects.get_by_natural_key(by)
            pack = packs.request(period_id=AuditPeriod.objects.get(name=period).pk, by=person)
            sequencing.sequence(by=SYSTEM)
            pack = packs.build(
                pack_id=pack.pk, checkpoint_size=checkpoint_size, by=person, progress=self._show, begun=self._begun
            )
        except User.DoesNotExist:
            raise CommandError(f"There is no user “{by}”.") from None
        except AuditPeriod.DoesNotExist:
            raise CommandError(f"There is no audit period “{period}”.") from None
        except DomainError as refusal:
            raise CommandError(refusal.message) from None
        if output:
            with storage.opened(pack.stored_as, pack.size) as source, output.open("wb") as target:
                shutil.copyfileobj(source, target)
        self.stdout.write(
            f"{output or self._place(pack)}\n{pack.size:,} bytes, SHA-256 {pack.sha256}, checkpoint of {pack.checkpoint_size:,} entries"
        )

    @staticmethod
    def _place(pack: EvidencePack) -> str:
        return pack.stored_as if "://" in pack.stored_as else str(located(pack.stored_as))

    def _show(self, percent: int, text: str) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"{percent:3} % {text}")

    def _begun(self, start: packs.Start) -> None:
        said = f"Begun anew: {start.anew}" if start.anew else f"Resumed after {start.kept} of {start.members} members"
        self.stderr.write(said)

"""`manage.py demo_code`: the code that the app of the sample auditor would show now."""

import os
from pathlib import Path

import pyotp
from django.core.management.base import BaseCommand, CommandError

from certify.stack.datadir import DataDirectory
from certify.stack.supervisor import MANAGE


class Command(BaseCommand):
    help = "Show the code of the second factor with which the sample auditor signs in. Each code works once."
    requires_system_checks = ()

    def add_arguments(self, parser):
        where = os.environ.get("CERTIFY_DATA_DIR") or MANAGE.parent / "var"
        parser.add_argument("--data", type=Path, default=Path(where), help="what `up` was given (CERTIFY_DATA_DIR)")

    def handle(self, *, data: Path, **options) -> None:
        rows = [row for row in DataDirectory(data).sign_ins() if row.get("secret")]
        if not rows:
            raise CommandError(f"There is no sample auditor with a second factor in {data}. `make demo FRESH=1` makes one.")
        for row in rows:
            self.stdout.write(
                f"{row['username']}  {pyotp.TOTP(row['secret']).now()}  (each half minute another; each works once)"
            )

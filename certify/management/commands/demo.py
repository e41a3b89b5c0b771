"""`manage.py demo`: load the sample company into an empty installation."""

import json
import os
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from certify.demo import load
from certify.lib import clock
from people.models import User


class Command(BaseCommand):
    help = "Load the invented sample company, with a finished and an open review. Does nothing when it is there already."

    def handle(self, **options) -> None:
        if load.is_loaded():
            self.stdout.write("The sample company is already loaded.")
            return
        if User.objects.exists():
            raise CommandError("This installation already has users. The sample company goes into an empty one only.")
        data = Path(settings.CERTIFY_DATA_DIR)
        with transaction.atomic():
            sign_ins = load.Demo(data / "sample-company", clock.now().date()).load()
            path = data / "demo-sign-ins.json"
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as target:
                json.dump(sign_ins, target, indent=1)
        self.stdout.write(f"Loaded {load.sample.COMPANY}.")

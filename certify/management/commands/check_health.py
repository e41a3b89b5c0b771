"""`manage.py check_health`: what the container engine asks from inside a container."""

import urllib.error
import urllib.request

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django_celery_beat.models import PeriodicTask

from certify.lib import clock

#: The sequencer is due every five seconds; beat that has not called it for this long has stopped.
BEAT_SILENCE_SECONDS = 90
BEAT_PULSE = "ledger.sequence_entries"


class Command(BaseCommand):
    help = "Exit with 0 when the web server of this container, or with --beat the beat, does its work."
    requires_system_checks = ()

    def add_arguments(self, parser):
        parser.add_argument("--beat", action="store_true", help="ask whether beat has lately called a task")
        parser.add_argument("--port", type=int, default=8000, help="where the web server listens")

    def handle(self, *, beat: bool, port: int, **options) -> None:
        self.stdout.write(self._beat() if beat else self._web(port))

    def _web(self, port: int) -> str:
        host = settings.ALLOWED_HOSTS[0].lstrip(".")
        request = urllib.request.Request(f"http://127.0.0.1:{port}/health/", headers={"Host": host})
        try:
            with urllib.request.urlopen(request, timeout=8) as answer:  # noqa: S310 - our own address
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            raise CommandError(error.read().decode()) from None
        except OSError as error:
            raise CommandError(str(error)) from None

    def _beat(self) -> str:
        last = PeriodicTask.objects.filter(name=BEAT_PULSE).values_list("last_run_at", flat=True).first()
        silence = (clock.now() - last).total_seconds() if last else None
        if silence is None or silence > BEAT_SILENCE_SECONDS:
            raise CommandError(f"beat last called {BEAT_PULSE} at {last}")
        return f"beat called {BEAT_PULSE} {silence:.0f} seconds ago"

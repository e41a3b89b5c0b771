"""The mail sweep by hand, or from cron where no Celery runs."""

from django.core.management.base import BaseCommand

from people.tasks import send_queued_mail


class Command(BaseCommand):
    """Send every mail that is due."""

    help = "Send every queued mail that is due."

    def handle(self, *args, **options):
        self.stdout.write(f"attempts: {send_queued_mail()}")

"""Celery: what the floors below wrote is swept into removals, verdicts and reminders. Each is safe to run twice."""

from celery import shared_task
from django.conf import settings

from ledger.actors import SYSTEM
from remediation import queries
from remediation.actions import delivering, exceptions, objections, reminders, removals, verification
from remediation.outgoing import addresses, posting


@shared_task(name="remediation.sweep_signed_off")
def sweep_signed_off() -> None:
    """Open removals for every closed campaign that revoked something."""
    for campaign in queries.campaigns_to_sweep().values_list("pk", flat=True):
        removals.open_for_campaign(campaign_id=campaign, by=SYSTEM)


@shared_task(name="remediation.verify_new_snapshots")
def verify_new_snapshots() -> None:
    """Check unproved removals against the FULL snapshots that came after them, oldest first."""
    for snapshot in queries.snapshots_to_verify():
        verification.verify_against(snapshot_id=snapshot, by=SYSTEM)


@shared_task(name="remediation.send_reminders")
def send_reminders() -> None:
    """Queue the day's digests to those who still have access to remove, and to the owners of reviews with late removals."""
    reminders.remind_owners(by=SYSTEM)
    reminders.escalate(by=SYSTEM)


@shared_task(name="remediation.follow_exceptions")
def follow_exceptions() -> None:
    """End exceptions whose last day has passed; tell people of those that end soon."""
    exceptions.expire(by=SYSTEM)
    exceptions.warn(by=SYSTEM)


@shared_task(name="remediation.follow_objections")
def follow_objections() -> None:
    """Let removals go on whose time for an objection, or for an answer to one, has passed."""
    objections.follow(by=SYSTEM)


#: Messages that one run of the sweep carries out at most; the next run goes on.
MESSAGES = 100


@shared_task(name="remediation.send_webhooks")
def send_webhooks() -> int:
    """Carry out the messages that are due, one at a time; returns how many were tried."""
    own = addresses.networks(settings.CERTIFY_WEBHOOK_NETWORKS)
    for done in range(MESSAGES):
        claimed = delivering.claim(by=SYSTEM)
        if claimed is None:
            return done
        answer = posting.post(claimed.url, claimed.body, claimed.headers, own)
        delivering.record(claimed=claimed, answer=answer, by=SYSTEM)
    return MESSAGES

"""Celery: what the floors below wrote is swept into removals, verdicts and reminders. Each is safe to run twice."""

from celery import shared_task
from django.conf import settings

from ledger.actors import SYSTEM
from remediation import early, queries
from remediation.actions import delivering, exceptions, following, objections, reminders, removals, verification, withdrawals
from remediation.connectors import KINDS
from remediation.outgoing import addresses


@shared_task(name="remediation.sweep_signed_off")
def sweep_signed_off() -> None:
    """Open removals for what campaigns revoked; stop those that began at sign-off and are not decided any more."""
    for campaign in queries.campaigns_to_sweep().values_list("pk", flat=True):
        removals.open_for_campaign(campaign_id=campaign, by=SYSTEM)
    for campaign in list(early.campaigns_to_follow().values_list("pk", flat=True)):
        withdrawals.follow(campaign_id=campaign, by=SYSTEM)


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


#: Messages, or tickets, that one run of a sweep carries out at most; the next run goes on.
MESSAGES = 100


@shared_task(name="remediation.send_webhooks")
def send_webhooks() -> int:
    """Carry out the messages that are due, of every kind, one at a time; returns how many were tried."""
    own = addresses.networks(settings.CERTIFY_WEBHOOK_NETWORKS)
    for done in range(MESSAGES):
        claimed = delivering.claim(by=SYSTEM)
        if claimed is None:
            return done
        answer = KINDS[claimed.kind].carry_out(claimed.message, own)
        delivering.record(claimed=claimed, answer=answer, by=SYSTEM)
    return MESSAGES


@shared_task(name="remediation.follow_tickets")
def follow_tickets() -> int:
    """Look at the tickets that are due, one at a time; returns how many were looked at."""
    own = addresses.networks(settings.CERTIFY_WEBHOOK_NETWORKS)
    for done in range(MESSAGES):
        looking = following.claim(by=SYSTEM)
        if looking is None:
            return done
        seen, answer = KINDS[looking.kind].follow(looking.message, looking.ident, looking.is_gone, own)
        following.record(looking=looking, seen=seen, answer=answer, by=SYSTEM)
    return MESSAGES

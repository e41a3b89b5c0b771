"""Celery: the mail sweep. Safe to run twice, and by many workers at once."""

import logging

from celery import shared_task
from django.contrib.sessions.backends.db import SessionStore
from django.core.mail import get_connection

from ledger.actors import SYSTEM
from people import holds
from people.actions import delivery

logger = logging.getLogger(__name__)


@shared_task(name="people.send_queued_mail")
def send_queued_mail() -> int:
    """Send every mail that is due; returns how many attempts were made. Stops when the mail server does not answer."""
    attempts, mailer = 0, get_connection()
    try:
        while attempt := delivery.send_next(mailer=mailer, by=SYSTEM):
            attempts += 1
            if attempt.is_server_down:
                logger.warning("the mail server does not take mail: %s", attempt.mail.error)
                break
    finally:
        mailer.close()
    return attempts


@shared_task(name="people.forget_expired_sessions")
def forget_expired_sessions() -> None:
    """Delete the sessions that are over; who signed in when stays in the ledger. While a legal hold is in force they stay too: whose
    they are cannot be told without opening them."""
    if not holds.in_force().exists():
        SessionStore.clear_expired()

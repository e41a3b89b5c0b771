"""Sending queued mail, one mail a transaction."""

import logging
import smtplib
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.utils.translation import gettext_noop

from certify.lib import clock
from certify.lib.times import rfc3339
from ledger.actions import entries
from people import letters, queries, rules
from people.models import Mail
from people.states import MailState

logger = logging.getLogger(__name__)

#: Template → what its mail is to say at the moment it is sent (a context); None when nobody needs it any more; a moment when that
#: is to be asked again. Apps above this one put theirs in when they are ready: only they know what has been done since.
REFRESH: dict[str, Callable[[Mail, datetime], dict | datetime | None]] = {}
#: Template → what is put into its mail at the moment it is sent and kept nowhere, such as a signed link.
SIGNED: dict[str, Callable[[Mail], dict]] = {}
NOT_NEEDED = gettext_noop("Nothing that the mail is about waited for this person any more.")


class Attempt(NamedTuple):
    """One attempt: the mail as it stands now, and whether the mail server itself did not answer."""

    mail: Mail
    is_server_down: bool


class UndeliverableError(Exception):
    """Trying again will not help; the text says why."""


@transaction.atomic
def send_next(*, mailer: BaseEmailBackend, by) -> Attempt | None:
    """Claim one mail that is due and send it through `mailer`, a Django mail connection; None when no mail is due.

    The connection is opened for the first mail and stays open.

    It is marked sent, and entered in the ledger, only after the server accepted it. Refused for good, or tried in vain too
    often, it is marked failed with the reason; no longer needed, it is marked so. Other workers skip the claimed row. A worker
    that dies between the server's acceptance and the commit sends that one mail a second time, under the same Message-ID.
    """
    mail = _claim()
    if mail is None:
        return None
    now = clock.now()
    try:
        if (settled := _refresh(mail, now, by)) is not None:
            return Attempt(settled, is_server_down=False)
        mail.attempts += 1
        mail.address = mail.recipient.email
        message = _compose(mail, now, mailer)
        mail.subject = message.subject[:250]
        mailer.open()
        if not message.send():
            raise smtplib.SMTPException("The mail server took no message.")
    except UndeliverableError as reason:
        return Attempt(_give_up(mail, str(reason), by), is_server_down=False)
    except OSError as error:  # smtplib's exceptions are among them
        return _failed(mail, error, by)
    return Attempt(_sent(mail, message, by), is_server_down=False)


def _claim() -> Mail | None:
    waiting = Mail.objects.filter(state=MailState.QUEUED, due_at__lte=clock.now()).select_related("recipient")
    return waiting.select_for_update(of=("self",), skip_locked=True, no_key=True).order_by("due_at", "id").first()


def _refresh(mail: Mail, now: datetime, by) -> Mail | None:
    """Let the mail say what is true now; the mail itself when it is not to go out now."""
    if mail.template not in REFRESH:
        return None
    try:
        with transaction.atomic():
            found = REFRESH[mail.template](mail, now)
    except Exception as error:
        logger.exception("mail %s cannot be brought up to date", mail.pk)
        raise UndeliverableError(f"The mail could not be brought up to date: {error}") from error
    if found is None:
        return _skip(mail, now, by)
    if isinstance(found, datetime):
        mail.due_at = found
        mail.save(update_fields=["due_at"])
        return mail
    mail.context = found
    return None


def _compose(mail: Mail, now: datetime, mailer) -> letters.Letter:
    """The mail as it goes out. Raises `UndeliverableError` when it cannot be written or has nobody to go to."""
    person = mail.recipient
    if not person.is_active:
        raise UndeliverableError(gettext_noop("The recipient is deactivated."))
    if not person.email:
        raise UndeliverableError(gettext_noop("The recipient has no mail address."))
    extra = {}
    if mail.context.get("password_link") or not person.has_usable_password():
        extra["set_password_url"] = settings.CERTIFY_BASE_URL + queries.password_path(person)
    if mail.template in SIGNED:
        extra |= SIGNED[mail.template](mail)
    try:
        message = letters.write(mail, extra, now, mailer)
        message.message()  # addresses and headers that cannot be written are refused here, before the server sees any
    except Exception as error:
        # Whatever is wrong with a template or an address, it must not hold up the mails behind this one.
        logger.exception("mail %s cannot be written", mail.pk)
        raise UndeliverableError(f"The mail could not be written: {error}") from error
    return message


def _failed(mail: Mail, error: OSError, by) -> Attempt:
    reason = " ".join(str(error).split()) or type(error).__name__
    due_at = None if _is_refusal(error) else rules.retry_at(mail.attempts, clock.now())
    is_server_down = not isinstance(error, smtplib.SMTPRecipientsRefused | smtplib.SMTPSenderRefused | smtplib.SMTPDataError)
    if due_at is None:
        return Attempt(_give_up(mail, reason, by), is_server_down)
    mail.error, mail.due_at = reason, due_at
    mail.save(update_fields=["attempts", "address", "subject", "error", "due_at"])
    return Attempt(mail, is_server_down)


def _is_refusal(error: OSError) -> bool:
    """Whether the server said no for good (a code from 500): a wrong address, a text it does not take."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPSenderRefused | smtplib.SMTPDataError) and error.smtp_code >= 500


def _give_up(mail: Mail, reason: str, by) -> Mail:
    mail.state, mail.error = MailState.FAILED, reason
    mail.save(update_fields=["state", "context", "attempts", "address", "subject", "error"])
    now = clock.now()
    _record("mail:failed", mail, {"reason": reason, "failed_at": rfc3339(now)}, now, by)
    return mail


def _skip(mail: Mail, now: datetime, by) -> Mail:
    mail.state, mail.error = MailState.SKIPPED, NOT_NEEDED
    mail.save(update_fields=["state", "error"])
    _record("mail:skipped", mail, {"reason": NOT_NEEDED, "skipped_at": rfc3339(now)}, now, by)
    return mail


def _sent(mail: Mail, message: letters.Letter, by) -> Mail:
    mail.state, mail.error, mail.sent_at = MailState.SENT, "", clock.now()
    mail.save(update_fields=["state", "context", "attempts", "address", "subject", "error", "sent_at"])
    facts = {"sent_at": rfc3339(mail.sent_at), "message_id": letters.message_id(mail), "sha256": message.sha256()}
    _record("mail:sent", mail, facts, mail.sent_at, by)
    return mail


def _record(kind: str, mail: Mail, facts: dict[str, str], at: datetime, by) -> None:
    """One entry for each thing the mail is about, so that the evidence on each of them holds it."""
    data = {
        "mail": f"people.mail:{mail.pk}",
        "recipient": f"people.user:{mail.recipient_id}",
        "to": mail.recipient.actor_ref(),
        "template": mail.template,
        "subject": mail.subject,
        **facts,
    }
    entries.record_many(
        kind=kind, by=by, at=at, rows=[(about, data) for about in mail.context.get("about") or [mail.subject_ref]]
    )

"""Sending queued mail, one mail a transaction."""

import logging
import smtplib
from typing import NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.template import Context
from django.template.loader import get_template

from certify.lib import clock
from certify.lib.times import rfc3339
from ledger.actions import entries
from people import queries, rules
from people.models import Mail
from people.states import MailState

logger = logging.getLogger(__name__)


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
    often, it is marked failed with the reason. Other workers skip the claimed row. A worker that dies between the server's
    acceptance and the commit sends that one mail a second time, under the same Message-ID.
    """
    mail = _claim()
    if mail is None:
        return None
    mail.attempts += 1
    mail.address = mail.recipient.email
    try:
        message = _compose(mail, mailer)
        mail.subject = message.subject[:250]
        mailer.open()
        if not message.send():
            raise smtplib.SMTPException("The mail server took no message.")
    except UndeliverableError as reason:
        return Attempt(_give_up(mail, str(reason), by), is_server_down=False)
    except OSError as error:  # smtplib's exceptions are among them
        return _failed(mail, error, by)
    return Attempt(_sent(mail, by), is_server_down=False)


def _claim() -> Mail | None:
    waiting = Mail.objects.filter(state=MailState.QUEUED, due_at__lte=clock.now()).select_related("recipient")
    return waiting.select_for_update(of=("self",), skip_locked=True, no_key=True).order_by("due_at", "id").first()


def _compose(mail: Mail, mailer) -> EmailMessage:
    """The mail as it goes out. Raises `UndeliverableError` when it cannot be written or has nobody to go to."""
    person = mail.recipient
    if not person.is_active:
        raise UndeliverableError("The recipient is deactivated.")
    if not person.email:
        raise UndeliverableError("The recipient has no mail address.")
    context = {**mail.context, "recipient": person, "base_url": settings.CERTIFY_BASE_URL}
    if mail.context.get("password_link") or not person.has_usable_password():
        context["set_password_url"] = settings.CERTIFY_BASE_URL + queries.password_path(person)
    try:
        message = _message(mail, context, mailer)
        message.message()  # addresses and headers that cannot be written are refused here, before the server sees any
    except Exception as error:
        # Whatever is wrong with a template or an address, it must not hold up the mails behind this one.
        logger.exception("mail %s cannot be written", mail.pk)
        raise UndeliverableError(f"The mail could not be written: {error}") from error
    return message


def _message(mail: Mail, context: dict, mailer) -> EmailMessage:
    subject, _, body = _render(f"emails/{mail.template}.txt", context).partition("\n")
    text = _render("emails/_layout.txt", {**context, "body": body.strip()})
    host = urlsplit(settings.CERTIFY_BASE_URL).hostname or "localhost"
    headers = {"Message-ID": f"<certify-mail-{mail.pk}@{host}>", "Auto-Submitted": "auto-generated"}
    return EmailMessage(" ".join(subject.split()), text, to=[mail.address], headers=headers, connection=mailer)


def _render(name: str, context: dict) -> str:
    """Mails are plain text: nothing in them is escaped for HTML."""
    return get_template(name).template.render(Context(context, autoescape=False))


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
    mail.save(update_fields=["state", "attempts", "address", "subject", "error"])
    now = clock.now()
    data = {**_facts(mail), "reason": reason, "failed_at": rfc3339(now)}
    entries.record(kind="mail:failed", subject=mail.subject_ref, by=by, at=now, data=data)
    return mail


def _sent(mail: Mail, by) -> Mail:
    mail.state, mail.error, mail.sent_at = MailState.SENT, "", clock.now()
    mail.save(update_fields=["state", "attempts", "address", "subject", "error", "sent_at"])
    data = {**_facts(mail), "sent_at": rfc3339(mail.sent_at)}
    entries.record(kind="mail:sent", subject=mail.subject_ref, by=by, at=mail.sent_at, data=data)
    return mail


def _facts(mail: Mail) -> dict[str, str]:
    return {
        "mail": f"people.mail:{mail.pk}",
        "recipient": f"people.user:{mail.recipient_id}",
        "recipient_name": mail.recipient.name,
        "address": mail.address,
        "template": mail.template,
        "subject": mail.subject,
    }

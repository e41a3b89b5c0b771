"""Putting a mail together: plain text, the same in HTML where there is a template for it, and the dates it names as a calendar."""

import hashlib
from datetime import datetime
from email.utils import format_datetime
from functools import cached_property
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template import Context, TemplateDoesNotExist
from django.template.loader import get_template
from django.utils import translation
from icalendar import Calendar, Event

from certify.lib import language
from people.models import Mail

#: What a mail's file of dates is called.
CALENDAR_NAME = "due-dates.ics"


class Letter(EmailMultiAlternatives):
    """A mail that is put into bytes once, so that what is hashed is what is sent."""

    @cached_property
    def _written(self):
        return super().message()

    def message(self):
        """The message, the same one each time."""
        return self._written

    def sha256(self) -> str:
        """The hash of the bytes that a mail server is given, line ends as on the wire; hex."""
        return hashlib.sha256(self.message().as_bytes(linesep="\r\n")).hexdigest()


def message_id(mail: Mail) -> str:
    """The same for every attempt, so that mail programs can tell a mail that came twice."""
    return f"<certify-mail-{mail.pk}@{_host()}>"


def write(mail: Mail, extra: dict, now: datetime, mailer) -> Letter:
    """The mail in its reader's language, as it goes out to `mail.address`: template, context and `extra`. Raises what a template raises."""
    with translation.override(language.of(mail.recipient)):
        return _written(mail, extra, now, mailer)


def _written(mail: Mail, extra: dict, now: datetime, mailer) -> Letter:
    context = {**mail.context, **extra, "recipient": mail.recipient, "base_url": settings.CERTIFY_BASE_URL}
    subject, _, body = _text(f"emails/{mail.template}.txt", context).partition("\n")
    text = _text("emails/_layout.txt", {**context, "body": body.strip()})
    headers = {"Message-ID": message_id(mail), "Date": format_datetime(now), "Auto-Submitted": "auto-generated"}
    letter = Letter(" ".join(subject.split()), text, to=[mail.address], headers=headers, connection=mailer)
    if html := _html(f"emails/{mail.template}.html", context):
        letter.attach_alternative(html, "text/html")
    if dates := mail.context.get("calendar"):
        letter.attach(CALENDAR_NAME, calendar(dates, now), "text/calendar")
    return letter


def _text(name: str, context: dict) -> str:
    """Plain text: nothing in it is escaped for HTML."""
    return get_template(name).template.render(Context(context, autoescape=False))


def _html(name: str, context: dict) -> str:
    try:
        template = get_template(name)
    except TemplateDoesNotExist:
        return ""
    return template.template.render(Context(context))


def calendar(dates: list[dict], now: datetime) -> str:
    """An iCalendar file (RFC 5545) of moments that something is due: {"uid", "summary", "due_at": RFC 3339, "path"}.

    A later file with the same uid and a later moment moves the entry, so more time does not leave the old date behind.
    """
    made = Calendar()
    made.add("prodid", "-//Certify//Access reviews//EN")
    made.add("version", "2.0")
    made.add("method", "PUBLISH")
    for one in dates:
        due_at = datetime.fromisoformat(one["due_at"])
        event = Event()
        event.add("uid", f"{one['uid']}@{_host()}")
        event.add("dtstamp", now)
        event.add("dtstart", due_at)
        event.add("sequence", int(due_at.timestamp()) // 60)
        event.add("summary", one["summary"])
        event.add("url", settings.CERTIFY_BASE_URL + one["path"])
        event.add("transp", "TRANSPARENT")
        made.add_component(event)
    return made.to_ical().decode()


def _host() -> str:
    return urlsplit(settings.CERTIFY_BASE_URL).hostname or "localhost"

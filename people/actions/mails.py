"""Mails to be sent. Writing the row is part of the act that causes it; sending is `people.actions.delivery`'s."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction
from django.utils.translation import gettext as _
from psycopg2.extras import Json

from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from people import deletions, permissions
from people.models import Mail, User
from people.states import MailState

QUEUE = """
    INSERT INTO people_mail (recipient_id, template, context, subject_ref, dedupe_key, state, address, attempts, subject, error,
                             queued_by_name, queued_at, due_at)
    SELECT recipient_id, template, context, subject_ref, dedupe_key, 'queued', '', 0, '', '', %(by)s, %(now)s, due_at
    FROM unnest(%(recipients)s::bigint[], %(templates)s::text[], %(contexts)s::jsonb[], %(subjects)s::text[], %(keys)s::text[],
                %(dues)s::timestamptz[]) AS draft (recipient_id, template, context, subject_ref, dedupe_key, due_at)
    ON CONFLICT (dedupe_key) DO NOTHING
    RETURNING id
"""


@dataclass(frozen=True)
class Draft:
    """One mail to queue: `template` names `templates/emails/<template>.txt`, `context` holds only JSON values.

    It is not sent before `due_at`; without one, at once. Two keys of the context mean something to every mail: `about`, the things
    it is about where that is not `subject_ref` (each gets an entry in the ledger), and `calendar`, see `people.letters`.
    """

    recipient_id: int
    template: str
    subject_ref: str
    dedupe_key: str
    context: dict = field(default_factory=dict)
    due_at: datetime | None = None


@transaction.atomic
def queue(
    *, recipient: User, template: str, context: dict, subject_ref: str, dedupe_key: str, due_at: datetime | None = None, by
) -> Mail | None:
    """Queue one mail; None when the same mail (the same `dedupe_key`) was queued before, whatever became of it."""
    draft = Draft(recipient.pk, template, subject_ref, dedupe_key, context, due_at)
    ids = _insert([draft], by)
    return Mail.objects.get(pk=ids[0]) if ids else None


@transaction.atomic
def queue_many(*, drafts: Iterable[Draft], by) -> int:
    """Queue many mails in one statement; returns how many had not been queued before."""
    return len(_insert(list(drafts), by))


def _insert(drafts: list[Draft], by) -> list[int]:
    now = clock.now()
    values = {
        "recipients": [draft.recipient_id for draft in drafts],
        "templates": [draft.template for draft in drafts],
        "contexts": [Json(draft.context) for draft in drafts],
        "subjects": [draft.subject_ref for draft in drafts],
        "keys": [draft.dedupe_key for draft in drafts],
        "dues": [draft.due_at or now for draft in drafts],
        "by": by.signed_as,
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(QUEUE, values)
        return [row[0] for row in cursor.fetchall()]


@transaction.atomic
def retry(*, mail_id: int, by) -> Mail:
    """Put a mail that was given up back in the queue. One that is queued or sent already stays as it is."""
    mail = Mail.objects.select_for_update(of=("self",), no_key=True).get(pk=mail_id)
    if not permissions.can_see_mails(by):
        raise NotAllowed(_("Only administrators and control owners may have a mail sent again."))
    if mail.state != MailState.FAILED:
        return mail
    if deletions.of([mail.ref]):
        raise InvalidInput(_("The text of this mail was deleted by a rule. It cannot be sent any more."))
    mail.state, mail.attempts, mail.error, mail.due_at = MailState.QUEUED, 0, "", clock.now()
    mail.save(update_fields=["state", "attempts", "error", "due_at"])
    return mail

"""Looking at tickets until they are closed: a row is claimed and committed, then the network is asked, then what it shows is recorded.

Nothing is changed over there but by the closing that a setting asks for, so a worker that dies in between loses nothing.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q

from certify.lib import clock
from certify.lib.language import english
from remediation import outbox, rules
from remediation.actions import delivering, system_reports
from remediation.connectors.protocol import Message
from remediation.models import RemediationTask, Ticket
from remediation.outgoing.answers import Answer, Seen
from remediation.states import TaskState, TicketState

#: Tickets whose removal stands like this are looked at no more.
OVER = (TaskState.VERIFIED_GONE, TaskState.CLOSED)
#: What a ticket may still turn out to be.
FOLLOWED = (TicketState.OPEN, TicketState.DONE)


@dataclass(frozen=True)
class Looking:
    """A ticket to be looked at now."""

    ticket: int
    kind: str
    ident: str
    is_gone: bool
    message: Message


@transaction.atomic
def claim(*, by) -> Looking | None:
    """Take the next ticket that is due, of a channel that is on; None when there is none. Other workers skip it."""
    now = clock.now()
    due = Ticket.objects.filter(next_at__lte=now, delivery__channel__is_on=True, delivery__channel__is_dry=False)
    due = due.filter(delivery__kind=F("delivery__channel__kind"), state__in=FOLLOWED)
    due = due.filter(Q(delivery__channel__waits_until__isnull=True) | Q(delivery__channel__waits_until__lte=now))
    due = due.select_related("delivery__channel", "delivery__sending", "delivery__task").order_by("next_at", "id")
    found = due.select_for_update(of=("self",), skip_locked=True, no_key=True).first()
    if found is None:
        return None
    found.next_at = now + delivering.LEASE
    found.save(update_fields=["next_at"])
    delivery = found.delivery
    is_gone = delivery.task.state == TaskState.VERIFIED_GONE
    return Looking(found.pk, delivery.kind, found.ident, is_gone, outbox.message_of(delivery, now))


@transaction.atomic
def record(*, looking: Looking, seen: Seen | None, answer: Answer, by) -> Ticket:
    """Write down how a ticket stands, and what follows from a change: reported done, or to be done again.

    An answer that says nothing of the ticket changes nothing; it is looked at again later.
    """
    found = Ticket.objects.select_for_update(of=("self",), no_key=True).select_related("delivery__channel")
    ticket, now = found.get(pk=looking.ticket), clock.now()
    is_told = answer.status is not None and (seen is not None or (answer.status == 404 and not answer.error))
    ticket.error = "" if is_told else (answer.error or f"Answer {answer.status}")[: delivering.ERROR_LIMIT]
    if is_told:
        was, ticket.looked_at = ticket.state, now
        ticket.state = seen.state if seen else TicketState.MISSING
        ticket.status = seen.status[:200] if seen else ""
        _follow(ticket, was, by)
    task = RemediationTask.objects.get(pk=ticket.delivery.task_id)
    is_over = ticket.state not in FOLLOWED or (task.state in OVER and (is_told or task.state == TaskState.CLOSED))
    pause = rules.look_pause(ticket.state, now - ticket.opened_at)
    ticket.next_at = None if is_over else now + max(pause, timedelta(seconds=answer.retry_after or 0))
    ticket.save(update_fields=["state", "status", "looked_at", "next_at", "error"])
    if answer.retry_after:
        delivering.wait(channel_id=ticket.delivery.channel_id, seconds=answer.retry_after, by=by)
    return ticket


def _follow(ticket: Ticket, was: str, by) -> None:
    """What a change of a ticket means for its removal."""
    task, said = ticket.delivery.task_id, f"Ticket {ticket.name}: {ticket.status or english(TicketState(ticket.state).label)}"
    if ticket.state == was:
        return
    if ticket.state == TicketState.DONE:
        system_reports.claim(task_id=task, note=f"{said}. It was closed there.", link=ticket.url, by=by)
    elif ticket.state == TicketState.OPEN:
        system_reports.hand_back(task_id=task, note=f"{said}. It was opened again.", by=by)
    else:
        system_reports.hand_back(task_id=task, note=f"{said}. {english(TicketState(ticket.state).label)}.", by=by)

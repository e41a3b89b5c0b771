"""Carrying messages out, one at a time: a row is claimed and committed, then the network is asked, then what came back is recorded.

A worker that dies in between leaves a row whose time runs out; the next one records the lost try, of which nobody knows whether it took
effect, and carries the same message out once more, under the same key. Receivers that keep to Standard Webhooks act on an id once, the end
of a membership changes nothing the second time, and ticket systems are asked for a ticket with the key first.
"""

import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce, Greatest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from certify.lib.language import english
from certify.lib.times import rfc3339
from ledger.actions import entries
from people.models import User
from remediation import blast, outbox, permissions, rules
from remediation.actions import system_reports
from remediation.connectors import KINDS, WEBHOOK
from remediation.connectors.calling import hidden
from remediation.connectors.protocol import Message
from remediation.models import Channel, Delivery, DeliveryTry, RemediationTask, Ticket
from remediation.outgoing.answers import Answer
from remediation.outgoing.posting import ANSWER_LIMIT, DEADLINE
from remediation.states import TO_DO, DeliveryState, Effect, TaskState

#: After so long without a word a worker counts as lost: well beyond the time that a try can take.
LEASE = timedelta(seconds=DEADLINE * 15)
LOST = gettext_noop("The worker did not come back. The message may have been received all the same.")
ERROR_LIMIT, REQUESTS_LIMIT = 500, 8_000


@dataclass(frozen=True)
class Claimed:
    """A message to be carried out now by a kind of connector; `number` is the try."""

    delivery: int
    number: int
    kind: str
    message: Message


def _due(now) -> QuerySet:
    """Messages to be carried out, and dry ones that have not been looked up yet, of channels that are on and need not wait."""
    rehearsing = [kind.key for kind in KINDS.values() if kind.rehearses]
    earnest = Q(state=DeliveryState.QUEUED, channel__is_dry=False)
    dry = Q(state=DeliveryState.DRY, channel__is_dry=True, kind__in=rehearsing) & (Q(tries=0) | Q(trying_since__isnull=False))
    found = Delivery.objects.filter(earnest | dry, next_at__lte=now, channel__is_on=True, kind=F("channel__kind"))
    found = found.filter(Q(channel__waits_until__isnull=True) | Q(channel__waits_until__lte=now))
    related = ("channel__source", "sending", "task__campaign", "task__item__grant__entitlement")
    return found.select_related(*related).order_by("next_at", "id")


@transaction.atomic
def claim(*, by) -> Claimed | None:
    """Take the next message that is due, of a channel that is on; None when there is none. Other workers skip it.

    A message whose removal needs it no longer is cancelled instead; the one after it comes with the next call.
    """
    now = clock.now()
    waiting = _due(now).select_for_update(of=("self",), skip_locked=True, no_key=True)
    found = waiting.first()
    while found is not None and not _is_wanted(found, by):
        found = waiting.first()
    if found is None:
        return None
    message = outbox.message_of(found, now, is_dry=found.state == DeliveryState.DRY)
    found.tries += 1
    found.trying_since, found.next_at = now, now + max(LEASE, timedelta(seconds=KINDS[found.kind].settle_seconds))
    found.save(update_fields=["tries", "trying_since", "next_at"])
    return Claimed(found.pk, found.tries, found.kind, message)


def _is_wanted(delivery: Delivery, by) -> bool:
    """Whether the message is still to be sent; a lost try before it is recorded, and may have been the last."""
    if delivery.trying_since is not None:
        _lose(delivery, by)
    if delivery.state == DeliveryState.QUEUED:
        if delivery.task.state not in TO_DO:
            _cancel(delivery, gettext_noop("Nobody has to remove it any more."))
        elif last := _would_be_last(delivery):
            _cancel(delivery, f"Nobody would hold {', '.join(last.values())} any more. A person has to do that.")
    return delivery.state == DeliveryState.QUEUED or (delivery.state == DeliveryState.DRY and delivery.tries == 0)


def _lose(delivery: Delivery, by) -> None:
    """Record the try of a worker that did not come back. Nobody knows what it did; a dry one did nothing."""
    is_dry = delivery.state == DeliveryState.DRY
    outcome = delivery.state if is_dry or delivery.tries < rules.MOST_TRIES else DeliveryState.DEAD
    _keep(delivery, Answer(None, error=LOST, effect=Effect.NONE if is_dry else Effect.UNKNOWN), DeliveryState(outcome), by)
    delivery.trying_since, delivery.state, delivery.note = None, outcome, LOST
    delivery.save(update_fields=["trying_since", "state", "note"])


def _cancel(delivery: Delivery, note: str) -> None:
    delivery.state, delivery.note = DeliveryState.CANCELLED, note
    delivery.save(update_fields=["state", "note"])


def _would_be_last(delivery: Delivery) -> dict[int, str]:
    """Privileged rights of which the last holder would go now, whatever was true when it was sent."""
    return blast.last_holders(delivery.channel, blast.going(delivery.channel, [delivery.task]))


@transaction.atomic
def record(*, claimed: Claimed, answer: Answer, by) -> Delivery:
    """Write down what came back, and what follows: delivered, another try later, or given up.

    A worker that took so long that another one has the message now changes nothing: its try is recorded as lost already.
    """
    found = Delivery.objects.select_for_update(of=("self",), no_key=True).select_related("channel__source")
    delivery = found.get(pk=claimed.delivery)
    if delivery.tries != claimed.number or delivery.trying_since is None:
        return delivery
    tasks = RemediationTask.objects.select_for_update(of=("self",), no_key=True).select_related("item")
    delivery.task = tasks.get(pk=delivery.task_id)
    answer = _judged(answer, claimed)
    outcome = DeliveryState.DRY if delivery.state == DeliveryState.DRY else _outcome(answer, claimed)
    _keep(delivery, answer, outcome, by)
    delivery.state, delivery.trying_since = outcome, None
    delivery.note = answer.error or (
        f"Answer {answer.status}" if claimed.kind == WEBHOOK.key else english(Effect(answer.effect).label)
    )
    if outcome == DeliveryState.QUEUED:
        delivery.next_at = clock.now() + _pause(answer, claimed)
    delivery.save(update_fields=["state", "trying_since", "note", "next_at"])
    if answer.retry_after:
        wait(channel_id=delivery.channel_id, seconds=answer.retry_after, by=by)
    if outcome == DeliveryState.DELIVERED:
        _arrived(delivery, answer, by)
    return delivery


def _judged(answer: Answer, claimed: Claimed) -> Answer:
    """The answer with its effect, and without our secrets."""
    effect = answer.effect or rules.effect_of(answer.status, may_have_arrived=answer.may_have_arrived)
    shown = {name: hidden(getattr(answer, name), claimed.message.secrets) for name in ("text", "error", "requests")}
    return replace(answer, effect=effect, **(shown | {"text": shown["text"][:ANSWER_LIMIT]}))


def _outcome(answer: Answer, claimed: Claimed) -> DeliveryState:
    """By the effect where the connector judged that; by the status alone for a plain message."""
    if claimed.kind == WEBHOOK.key:
        return rules.after_answer(answer.status, claimed.number, answer.is_refused)
    return rules.after_effect(answer.effect, claimed.number, is_final=answer.is_final or answer.is_refused)


def _pause(answer: Answer, claimed: Claimed) -> timedelta:
    pause = rules.pause(claimed.number, secrets.randbelow(1000) / 1000, answer.retry_after)
    settle = KINDS[claimed.kind].settle_seconds if answer.effect == Effect.UNKNOWN else 0
    return max(pause, timedelta(seconds=settle))


@transaction.atomic
def wait(*, channel_id: int, seconds: int, by) -> None:
    """The other side wants a pause (Retry-After): nothing of the channel goes out before, whoever asks; a day at most."""
    until = clock.now() + timedelta(seconds=min(seconds, rules.LONGEST_RETRY_AFTER))
    Channel.objects.filter(pk=channel_id).update(waits_until=Greatest(Coalesce("waits_until", until), until))


def _arrived(delivery: Delivery, answer: Answer, by) -> None:
    """Delivered is not done: the removal is waited for, or reported by the system itself. Only a later reading proves it."""
    RemediationTask.objects.filter(pk=delivery.task_id, state__in=TO_DO).update(state=TaskState.SENT)
    kind = KINDS[delivery.kind]
    if answer.ticket is not None:
        one, now = answer.ticket, clock.now()
        facts = {"ident": one.ident[:200], "name": one.name[:200], "url": one.url, "status": one.status[:200]}
        Ticket.objects.create(delivery=delivery, **facts, opened_at=now, next_at=now)
    elif kind.is_direct:
        said = f"{english(kind.label)}: {english(Effect(answer.effect).label)}. {answer.error}".strip()
        system_reports.claim(task_id=delivery.task_id, note=said, by=by)


def _keep(delivery: Delivery, answer: Answer, outcome: DeliveryState, by) -> None:
    now, task = clock.now(), delivery.task
    error = answer.error[:ERROR_LIMIT]
    made = DeliveryTry(
        delivery=delivery,
        number=delivery.tries,
        url=delivery.channel.url,
        began_at=delivery.trying_since or now,
        took_ms=answer.took_ms or None,
        request_sha256=hashlib.sha256(delivery.body.encode()).hexdigest(),
        status=answer.status,
        response=answer.text,
        error=error,
        outcome=outcome,
        effect=answer.effect,
        requests=answer.requests[:REQUESTS_LIMIT],
    )
    data = {
        "task": str(task.pk),
        "campaign": str(task.campaign_id),
        "item": str(task.item.number),
        "kind": delivery.kind,
        "webhook_id": str(delivery.key),
        "try": made.number,
        "url": made.url,
        "request_sha256": made.request_sha256,
        "status": answer.status or 0,
        "response_sha256": hashlib.sha256(answer.text.encode()).hexdigest(),
        "error": error,
        "effect": made.effect,
        "outcome": outcome.value,
        "at": rfc3339(now),
        **({"ticket": answer.ticket.name, "ticket_url": answer.ticket.url} if answer.ticket else {}),
    }
    is_delivered = outcome == DeliveryState.DELIVERED and task.state in TO_DO
    kind = "removal:delivered" if is_delivered else "removal:delivery-tried"
    made.entry_uid = entries.record(kind=kind, subject=f"remediation.task:{task.pk}", by=by, at=now, data=data).uid
    made.save(force_insert=True)


@transaction.atomic
def resend(*, delivery_ids: list[int], by: User) -> int:
    """Put messages that were given up back in the queue, under the same webhook-id; returns how many."""
    found = Delivery.objects.select_for_update(of=("self",), no_key=True).select_related("task", "channel__source")
    dead = list(found.filter(pk__in=delivery_ids, state=DeliveryState.DEAD).order_by("pk"))
    if any(not permissions.can_act(by, one.task) for one in dead):
        raise NotAllowed(_("Only the person who must remove this access, or a control owner, sends it again."))
    waiting = Delivery.objects.filter(
        task_id__in=[one.task_id for one in dead], state__in=(DeliveryState.HELD, DeliveryState.QUEUED)
    )
    taken = set(waiting.values_list("task_id", flat=True))
    ready = {one.task_id: one for one in dead if one.task_id not in taken and one.kind == one.channel.kind}
    if not ready:
        raise InvalidInput(
            _("None of these was given up, the same removal is on its way already, or its way is another one now.")
        )
    now = clock.now()
    # The number of tries goes on: what was tried stays recorded under its number.
    for one in ready.values():
        one.state, one.next_at = DeliveryState.QUEUED, now
        one.save(update_fields=["state", "next_at"])
        data = {"source": one.channel.source.key, "webhook_id": str(one.key), "task": str(one.task_id)}
        entries.record(kind="channel:resent", subject=f"inventory.source:{one.channel.source_id}", by=by, at=now, data=data)
    return len(ready)

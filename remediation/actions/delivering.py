"""Carrying messages out, one at a time: a row is claimed and committed, then the network is asked, then what came back is recorded.

A worker that dies in between leaves a row whose time runs out; the next one records the lost try and sends the same message, under
the same webhook-id, once more. Receivers that keep to Standard Webhooks act on an id once.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction

from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from certify.lib.times import rfc3339
from ledger.actions import entries
from people.models import User
from remediation import permissions, rules
from remediation.models import Delivery, DeliveryTry, RemediationTask
from remediation.outgoing import signing
from remediation.outgoing.posting import DEADLINE, Answer
from remediation.states import TO_DO, DeliveryState, TaskState

#: After so long without a word a worker counts as lost: well beyond the time that a try can take.
LEASE = timedelta(seconds=DEADLINE * 3)
LOST = "The worker did not come back. The message may have been received all the same."
ERROR_LIMIT = 500


@dataclass(frozen=True)
class Claimed:
    """A message to be sent now; `number` is the try."""

    delivery: int
    number: int
    url: str
    body: bytes
    headers: dict[str, str]


@transaction.atomic
def claim(*, by) -> Claimed | None:
    """Take the next message that is due, of a channel that is on; None when there is none. Other workers skip it.

    A message whose removal needs it no longer is cancelled instead; the one after it comes with the next call.
    """
    now = clock.now()
    waiting = Delivery.objects.filter(state=DeliveryState.QUEUED, next_at__lte=now, channel__is_on=True, channel__is_dry=False)
    waiting = waiting.select_related("channel__source", "task__item").order_by("next_at", "id")
    found = waiting.select_for_update(of=("self",), skip_locked=True, no_key=True).first()
    while found is not None and not _is_wanted(found, now, by):
        found = waiting.select_for_update(of=("self",), skip_locked=True, no_key=True).first()
    if found is None:
        return None
    found.tries += 1
    found.trying_since, found.next_at = now, now + LEASE
    found.save(update_fields=["tries", "trying_since", "next_at"])
    return Claimed(found.pk, found.tries, found.channel.url, found.body.encode(), _headers(found, now))


def _headers(delivery: Delivery, now) -> dict[str, str]:
    channel = delivery.channel
    known = [channel.secret]
    if channel.former_until and channel.former_until > now:
        known.append(channel.former_secret)
    body, key = delivery.body.encode(), str(delivery.key)
    signed = signing.headers(filter(None, map(signing.unseal, known)), key, int(now.timestamp()), body)
    return {"Content-Type": "application/json", "Idempotency-Key": key, **signed}


def _is_wanted(delivery: Delivery, now, by) -> bool:
    """Whether the message is still to be sent; a lost try before it is recorded, and may have been the last."""
    if delivery.trying_since is not None:
        outcome = DeliveryState.QUEUED if delivery.tries < rules.MOST_TRIES else DeliveryState.DEAD
        _keep(delivery, Answer(None, error=LOST), outcome, by)
        delivery.trying_since, delivery.state, delivery.note = None, outcome, LOST
        delivery.save(update_fields=["trying_since", "state", "note"])
    if delivery.state == DeliveryState.QUEUED and delivery.task.state not in TO_DO:
        delivery.state, delivery.note = DeliveryState.CANCELLED, "Nobody has to remove it any more."
        delivery.save(update_fields=["state", "note"])
    return delivery.state == DeliveryState.QUEUED


@transaction.atomic
def record(*, claimed: Claimed, answer: Answer, by) -> Delivery:
    """Write down what came back, and what follows: delivered, another try later, or given up.

    A worker that took so long that another one has the message now changes nothing: its try is recorded as lost already.
    """
    found = Delivery.objects.select_for_update(of=("self",), no_key=True).select_related("channel__source")
    delivery = found.get(pk=claimed.delivery)
    if delivery.tries != claimed.number or delivery.trying_since is None:
        return delivery
    outcome = rules.after_answer(answer.status, claimed.number, answer.is_refused)
    tasks = RemediationTask.objects.select_for_update(of=("self",), no_key=True).select_related("item")
    delivery.task = tasks.get(pk=delivery.task_id)
    _keep(delivery, answer, outcome, by)
    delivery.state, delivery.trying_since = outcome, None
    delivery.note = answer.error or f"Answer {answer.status}"
    if outcome == DeliveryState.QUEUED:
        jitter = secrets.randbelow(1000) / 1000
        delivery.next_at = clock.now() + rules.pause(claimed.number, jitter, answer.retry_after)
    delivery.save(update_fields=["state", "trying_since", "note", "next_at"])
    if outcome == DeliveryState.DELIVERED:
        # Delivered is not done: the removal is waited for, and only a later reading proves it.
        RemediationTask.objects.filter(pk=delivery.task_id, state__in=TO_DO).update(state=TaskState.SENT)
    return delivery


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
    )
    data = {
        "task": str(task.pk),
        "campaign": str(task.campaign_id),
        "item": str(task.item.number),
        "webhook_id": str(delivery.key),
        "try": made.number,
        "url": made.url,
        "request_sha256": made.request_sha256,
        "status": answer.status or 0,
        "response_sha256": hashlib.sha256(answer.text.encode()).hexdigest(),
        "error": error,
        "outcome": outcome.value,
        "at": rfc3339(now),
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
        raise NotAllowed("Only the person who must remove this access, or a control owner, sends it again.")
    waiting = Delivery.objects.filter(
        task_id__in=[one.task_id for one in dead], state__in=(DeliveryState.HELD, DeliveryState.QUEUED)
    )
    taken = set(waiting.values_list("task_id", flat=True))
    ready = {one.task_id: one for one in dead if one.task_id not in taken}
    if not ready:
        raise InvalidInput("None of these was given up, or the same removal is on its way already.")
    now = clock.now()
    # The number of tries goes on: what was tried stays recorded under its number.
    for one in ready.values():
        one.state, one.next_at = DeliveryState.QUEUED, now
        one.save(update_fields=["state", "next_at"])
        data = {"source": one.channel.source.key, "webhook_id": str(one.key), "task": str(one.task_id)}
        entries.record(kind="channel:resent", subject=f"inventory.source:{one.channel.source_id}", by=by, at=now, data=data)
    return len(ready)

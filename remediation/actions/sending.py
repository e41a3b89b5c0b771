"""Sending removals to the program of their source: what would go out, within limits, in earnest or as a dry run."""

import json
from collections.abc import Iterable
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Count

from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from certify.lib.times import rfc3339
from inventory.models import Grant
from ledger.actions import entries
from people.models import User
from remediation import permissions
from remediation.models import Channel, Delivery, RemediationTask, Sending
from remediation.states import DeliveryState

TYPE = "access.removal.requested"
#: How many removals one act sends.
MOST = 5_000


def _channel(source_id: int) -> Channel:
    channel = (
        Channel.objects.select_for_update(of=("self",), no_key=True)
        .select_related("source")
        .filter(source_id=source_id)
        .first()
    )
    if channel is None:
        raise InvalidInput("No program is set up for this system.")
    return channel


def _body(task: RemediationTask, key: UUID, at: str) -> str:
    """What is sent about a removal; the same text every time it is tried."""
    item = task.item
    data = {
        "removal": str(task.pk),
        "action": "reduce" if item.reduce_to else "remove",
        "reduce_to": item.reduce_to,
        "system": item.source_key,
        "account_id": item.account_key,
        "identity_id": item.identity_key,
        "entitlement_id": item.entitlement_key,
        "path": item.path,
        "due_at": rfc3339(task.due_at),
        "campaign": task.campaign.name,
        "item": str(item.number),
    }
    return json.dumps({"type": TYPE, "timestamp": at, "id": str(key), "data": data}, ensure_ascii=False, sort_keys=True)


def _last_holders(tasks: list[RemediationTask]) -> dict[int, str]:
    """Privileged rights that nobody would hold any more: entitlement → its name."""
    wanted: dict[int, set[int]] = {}
    for task in tasks:
        if task.item.privileged == "yes":
            wanted.setdefault(task.item.grant.entitlement_id, set()).add(task.item.grant.account_id)
    open_now = Grant.objects.current().filter(entitlement_id__in=wanted)
    holders = dict(open_now.values_list("entitlement_id").annotate(Count("account_id", distinct=True)).order_by())
    names = {task.item.grant.entitlement_id: task.item.entitlement_name or task.item.entitlement_key for task in tasks}
    return {pk: names[pk] for pk, accounts in wanted.items() if holders.get(pk, 0) <= len(accounts)}


@transaction.atomic
def send(*, source_id: int, task_ids: Iterable[int], by: User) -> Sending:
    """Send removals of one source. A dry channel only writes down what would be sent; nothing leaves, nothing changes.

    The last holders of a privileged right are left out, always. More than the channel's limits wait for a second person. Refuses
    strangers, nothing to send, too much at once, and what is on its way already.
    """
    channel, now = _channel(source_id), clock.now()
    found = RemediationTask.objects.select_for_update(of=("self",), no_key=True).filter(
        pk__in=set(task_ids), source_id=source_id
    )
    waiting = Delivery.objects.filter(state__in=(DeliveryState.HELD, DeliveryState.QUEUED)).values("task_id")
    rows = list(found.exclude(pk__in=waiting).select_related("item__grant", "campaign").order_by("pk")[: MOST + 1])
    tasks = [task for task in rows if permissions.can_hand_on(by, task)]
    if not tasks or len(rows) > MOST:
        raise InvalidInput(f"Choose 1 to {MOST:,} removals of this system that are yours to do and not on their way.")
    last = _last_holders(tasks)
    tasks = [task for task in tasks if not (task.item.privileged == "yes" and task.item.grant.entitlement_id in last)]
    if not tasks:
        raise InvalidInput(f"Nobody would hold {', '.join(last.values())} any more. A person has to do that.")
    sending = Sending(channel=channel, by=by, by_name=by.name, at=now, is_dry=channel.is_dry, count=len(tasks))
    sending.limits = _limits(channel, len(tasks), list(last.values()))
    sending.needs_second = sending.limits["needs_second"] and not channel.is_dry
    data = {
        "source": channel.source.key,
        "url": channel.url,
        "count": len(tasks),
        "is_dry": channel.is_dry,
        "limits": sending.limits,
    }
    sending.entry_uid = entries.record(
        kind="channel:sending-asked", subject=f"inventory.source:{source_id}", by=by, at=now, data=data
    ).uid
    sending.save(force_insert=True)
    _queue(sending, tasks, now)
    if channel.is_dry:
        Channel.objects.filter(pk=channel.pk).update(dried_at=now)
    return sending


def _limits(channel: Channel, count: int, last: list[str]) -> dict:
    open_now = Grant.objects.current().filter(source_id=channel.source_id).count()
    beyond = count > channel.most or count * 100 > open_now * channel.percent
    return {"open": open_now, "percent": channel.percent, "most": channel.most, "needs_second": beyond, "last_holders": last}


def _queue(sending: Sending, tasks: list[RemediationTask], now) -> None:
    state = DeliveryState.DRY if sending.is_dry else DeliveryState.HELD if sending.needs_second else DeliveryState.QUEUED
    keys = [uuid4() for _ in tasks]
    Delivery.objects.bulk_create(
        (
            Delivery(
                sending=sending,
                channel=sending.channel,
                task=task,
                key=key,
                body=_body(task, key, rfc3339(now)),
                state=state,
                next_at=now,
            )
            for task, key in zip(tasks, keys, strict=True)
        ),
        batch_size=1_000,
    )


@transaction.atomic
def decide(*, sending_id: int, is_confirmed: bool, by: User) -> Sending:
    """Let a large sending go, as the second person, or stop it; whoever asked for it may only stop it."""
    sending = Sending.objects.select_for_update(of=("self",), no_key=True).select_related("channel__source").get(pk=sending_id)
    if not sending.needs_second or sending.is_confirmed is not None:
        raise InvalidInput("Nothing waits for a second person here.")
    if not permissions.can_decide_sending(by, sending, is_confirmed=is_confirmed):
        raise NotAllowed("Another control owner must let this go.")
    now = clock.now()
    sending.is_confirmed, sending.decided_by, sending.decided_by_name, sending.decided_at = is_confirmed, by, by.name, now
    sending.save(update_fields=["is_confirmed", "decided_by", "decided_by_name", "decided_at"])
    data = {"source": sending.channel.source.key, "sending": str(sending.entry_uid), "count": sending.count}
    entries.record(
        kind="channel:sending-confirmed" if is_confirmed else "channel:sending-stopped",
        subject=f"inventory.source:{sending.channel.source_id}",
        by=by,
        at=now,
        data=data,
    )
    state = DeliveryState.QUEUED if is_confirmed else DeliveryState.CANCELLED
    sending.deliveries.filter(state=DeliveryState.HELD).update(state=state, next_at=now)
    return sending

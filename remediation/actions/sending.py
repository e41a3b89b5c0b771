"""Sending removals to the system that takes them away: what would go out, within limits, in earnest or as a dry run."""

from collections.abc import Iterable
from datetime import timedelta
from typing import NoReturn
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db import transaction
from django.utils.translation import gettext as _

from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from certify.lib.times import rfc3339
from inventory.models import Grant
from ledger.actions import entries
from people.models import User
from remediation import blast, permissions
from remediation.connectors import KINDS
from remediation.connectors.protocol import Unfit
from remediation.models import Channel, Delivery, RemediationTask, Sending
from remediation.states import DeliveryState


def _channel(source_id: int) -> Channel:
    channel = (
        Channel.objects.select_for_update(of=("self",), no_key=True)
        .select_related("source")
        .filter(source_id=source_id)
        .first()
    )
    if channel is None:
        raise InvalidInput(_("No program is set up for this system."))
    return channel


@transaction.atomic
def send(*, source_id: int, task_ids: Iterable[int], by: User) -> Sending:
    """Send removals of one source. A dry channel only writes down what would be sent; nothing changes over there.

    The last holders of a privileged right are left out, always, and so is what the channel's kind cannot do, with the reason. More than
    the channel's limits wait for a second person. Refuses strangers, nothing to send, too much at once, and what is on its way already.
    """
    channel, now = _channel(source_id), clock.now()
    most = KINDS[channel.kind].most
    found = RemediationTask.objects.select_for_update(of=("self",), no_key=True).filter(
        pk__in=set(task_ids), source_id=source_id
    )
    waiting = Delivery.objects.filter(state__in=(DeliveryState.HELD, DeliveryState.QUEUED)).values("task_id")
    rows = list(found.exclude(pk__in=waiting).select_related("item__grant__entitlement", "campaign").order_by("pk")[: most + 1])
    tasks = [task for task in rows if permissions.can_hand_on(by, task)]
    if not tasks or len(rows) > most:
        raise InvalidInput(
            _("Choose 1 to {most} removals of this system that are yours to do and not on their way.").format(
                most=intcomma(most)
            )
        )
    planned, unfit = _planned(channel, tasks, now)
    lost = blast.going(channel, [task for task, _, _ in planned])
    last = blast.last_holders(channel, lost)
    spared = {one.task for one in lost if one.entitlement in last}
    planned = [row for row in planned if row[0].pk not in spared]
    if not planned:
        _refuse_nothing(last, unfit)
    access = len({(one.account, one.entitlement, one.path) for one in lost if one.task not in spared})
    limits = _limits(channel, len(planned), access, now) | {"last_holders": list(last.values()), "left_out": unfit}
    sending = Sending(channel=channel, by=by, by_name=by.name, at=now, is_dry=channel.is_dry, count=len(planned), limits=limits)
    sending.needs_second = limits["needs_second"] and not channel.is_dry
    _keep(sending, planned, by)
    return sending


def _keep(sending: Sending, planned: list[tuple[RemediationTask, UUID, str]], by: User) -> None:
    channel, now = sending.channel, sending.at
    data = {
        "source": channel.source.key,
        "kind": channel.kind,
        "url": channel.url,
        "count": sending.count,
        "is_dry": sending.is_dry,
        "limits": sending.limits,
    }
    sending.entry_uid = entries.record(
        kind="channel:sending-asked", subject=f"inventory.source:{channel.source_id}", by=by, at=now, data=data
    ).uid
    sending.save(force_insert=True)
    _queue(sending, planned, now)
    if sending.is_dry:
        Channel.objects.filter(pk=channel.pk).update(dried_at=now)


def _planned(channel: Channel, tasks: list[RemediationTask], now) -> tuple[list[tuple[RemediationTask, UUID, str]], dict]:
    """(removal, key, plan) for all that the kind can do, and why it cannot do the others: reason → how many."""
    kind, planned, unfit = KINDS[channel.kind], [], {}
    for task in tasks:
        key = uuid4()
        removal = blast.removal_of(task, f"{settings.CERTIFY_BASE_URL}/removals/{task.pk}/", rfc3339(task.due_at))
        try:
            planned.append((task, key, kind.plan(removal, channel.settings, str(key), rfc3339(now))))
        except Unfit as reason:
            unfit[str(reason)] = unfit.get(str(reason), 0) + 1
    return planned, unfit


def _refuse_nothing(last: dict[int, str], unfit: dict[str, int]) -> NoReturn:
    if last:
        raise InvalidInput(
            _("Nobody would hold {rights} any more. A person has to do that.").format(rights=", ".join(last.values()))
        )
    raise InvalidInput(" ".join(_(reason) for reason in unfit))


def _limits(channel: Channel, count: int, access: int, now) -> dict:
    """What counts for the limits: all access that goes, and what went in the last day without a second person."""
    open_now = Grant.objects.current().filter(source_id=channel.source_id).count()
    earlier = channel.sendings.filter(is_dry=False, needs_second=False, at__gt=now - timedelta(days=1))
    before = sum(row.get("access", number) for row, number in earlier.values_list("limits", "count"))
    reached = access + before
    beyond = reached > channel.most or reached * 100 > open_now * channel.percent
    return {
        "open": open_now,
        "percent": channel.percent,
        "most": channel.most,
        "needs_second": beyond,
        "access": access,
        "before": before,
    }


def _queue(sending: Sending, planned: list[tuple[RemediationTask, UUID, str]], now) -> None:
    state = DeliveryState.DRY if sending.is_dry else DeliveryState.HELD if sending.needs_second else DeliveryState.QUEUED
    facts = {"sending": sending, "channel": sending.channel, "kind": sending.channel.kind, "state": state, "next_at": now}
    Delivery.objects.bulk_create(
        (Delivery(**facts, task=task, key=key, body=plan) for task, key, plan in planned), batch_size=1_000
    )


@transaction.atomic
def decide(*, sending_id: int, is_confirmed: bool, by: User) -> Sending:
    """Let a large sending go, as the second person, or stop it; whoever asked for it may only stop it."""
    sending = Sending.objects.select_for_update(of=("self",), no_key=True).select_related("channel__source").get(pk=sending_id)
    if not sending.needs_second or sending.is_confirmed is not None:
        raise InvalidInput(_("Nothing waits for a second person here."))
    if not permissions.can_decide_sending(by, sending, is_confirmed=is_confirmed):
        raise NotAllowed(_("Another control owner must let this go."))
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

"""How far removals reach: all access that would go with them, and privileged rights that nobody would hold any more."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q

from inventory.models import Grant
from remediation.connectors import KINDS
from remediation.connectors.protocol import Removal
from remediation.models import Channel, RemediationTask
from remediation.states import DeliveryState, TaskState

#: The access is as good as gone: somebody was asked for it, or says that it is.
GOING = Q(state__in=(TaskState.SENT, TaskState.CLAIMED_DONE)) | Q(
    deliveries__state__in=(DeliveryState.HELD, DeliveryState.QUEUED)
)


@dataclass(frozen=True)
class Going:
    """One right that one account would lose with a removal."""

    task: int
    entitlement: int
    account: int
    path: str
    is_privileged: bool
    name: str


def removal_of(task: RemediationTask, link: str, due_at: str) -> Removal:
    """What a removal says to a connector."""
    item = task.item
    return Removal(
        task=str(task.pk),
        system=item.source_key,
        account=item.account_key,
        identity=item.identity_key,
        entitlement=item.entitlement_key,
        path=item.path,
        reduce_to=item.reduce_to,
        due_at=due_at,
        campaign=task.campaign.name,
        item=str(item.number),
        person=item.identity_name or item.account_name,
        right=item.entitlement_name,
        link=link,
    )


def going(channel: Channel, tasks: Iterable[RemediationTask]) -> list[Going]:
    """All access that goes with removals through a channel, as the latest data has it; of a removal at least the access itself."""
    kind, found, wide = KINDS[channel.kind], [], {}
    for task in tasks:
        item, grant = task.item, task.item.grant
        is_privileged = "yes" in (item.privileged, grant.entitlement.privileged)
        name = item.entitlement_name or item.entitlement_key
        found.append(Going(task.pk, grant.entitlement_id, grant.account_id, grant.path, is_privileged, name))
        scope = kind.takes(removal_of(task, "", ""), channel.settings)
        if scope != "grant":
            wide.setdefault(grant.account_id, []).append((task.pk, grant.path, scope))
    if not wide:
        return found
    known = {(one.task, one.entitlement, one.path) for one in found}
    grants = Grant.objects.current().filter(account_id__in=wide).select_related("entitlement").order_by("pk")
    for grant in grants.iterator(chunk_size=5_000):
        right = grant.entitlement
        for task, path, scope in wide[grant.account_id]:
            if (scope == "account" or path == grant.path) and (task, right.pk, grant.path) not in known:
                is_privileged = right.privileged == "yes"
                found.append(Going(task, right.pk, grant.account_id, grant.path, is_privileged, right.name or right.key))
    return found


def last_holders(channel: Channel, lost: list[Going]) -> dict[int, str]:
    """Privileged rights that nobody would hold any more: entitlement → its name.

    Whoever is about to lose a right in another removal does not count as holding it.
    """
    wanted = {one.entitlement: one.name for one in lost if one.is_privileged}
    if not wanted:
        return {}
    holders: dict[int, set[int]] = {pk: set() for pk in wanted}
    for entitlement, account in (
        Grant.objects.current().filter(entitlement_id__in=wanted).values_list("entitlement_id", "account_id")
    ):
        holders[entitlement].add(account)
    accounts = {account for found in holders.values() for account in found}
    others = RemediationTask.objects.filter(GOING, source_id=channel.source_id, item__grant__account_id__in=accounts)
    others = others.exclude(pk__in={one.task for one in lost}).select_related("item__grant__entitlement", "campaign").distinct()
    for one in [*lost, *going(channel, others)]:
        if one.entitlement in holders:
            holders[one.entitlement].discard(one.account)
    return {pk: wanted[pk] for pk, left in holders.items() if not left}

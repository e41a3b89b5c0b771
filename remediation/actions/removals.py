"""Removals: opened for what a campaign revoked, when it is closed or, where its terms say so, at sign-off."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet

from campaigns import settling
from campaigns.models import Campaign, HeldRemoval, ReviewItem, SilenceRemoval
from campaigns.states import TO_REMOVE, CampaignState, Outcome
from certify.lib import clock
from certify.lib.batches import batched
from certify.lib.errors import InvalidInput
from certify.lib.times import rfc3339
from ledger.actions import entries
from remediation import queries, rules
from remediation.actions import objections
from remediation.models import RemediationTask
from remediation.states import TaskState

BATCH = 5_000
#: What the ledger calls that a removal began before its campaign was closed.
SIGN_OFF = "sign-off"

#: What an opened removal must be held against: readings after the one that its campaign froze.
WATCH = """
    INSERT INTO remediation_watched AS known (source_id, up_to) SELECT * FROM unnest(%s::bigint[], %s::bigint[])
    ON CONFLICT (source_id) DO UPDATE SET up_to = LEAST(known.up_to, excluded.up_to)
"""


@transaction.atomic
def open_for_campaign(*, campaign_id: int, by) -> int:
    """Open a task for every item to be removed or reduced that has none yet; returns how many were opened.

    Of a closed campaign, and of an open one what is settled (`campaigns.settling`): nothing else of it has an outcome. Items about which
    nobody answered are among them when their removal was approved by people. Refuses every other campaign. Running it again opens
    nothing. What waits for a second person (`campaigns.guards`) is not opened before that.
    """
    campaign = Campaign.objects.select_for_update(of=("self",), no_key=True).get(pk=campaign_id)
    if campaign.state != CampaignState.CLOSED and not settling.begins_early(campaign):
        raise InvalidInput(f"Campaign “{campaign.name}” is not closed; removals follow from a closed campaign.")
    held = HeldRemoval.objects.filter(hold__campaign=campaign)
    missing = ReviewItem.objects.filter(campaign=campaign, removal__isnull=True).order_by("number")
    missing = missing.exclude(pk__in=held.blocked().values("item_id"))
    approved = SilenceRemoval.objects.effective().filter(campaign=campaign).values("item_id")
    to_remove, was_held = missing.filter(outcome__in=TO_REMOVE), held.values("item_id")
    openings = [
        Opening(to_remove.exclude(pk__in=was_held), campaign.closed_at or clock.now()),
        Opening(to_remove.filter(pk__in=was_held), clock.now(), is_held=True),
        Opening(missing.filter(outcome=Outcome.NOT_REVIEWED, pk__in=approved), clock.now(), "silence"),
    ]
    return sum(_open(campaign, opening, by) for opening in openings)


@dataclass(frozen=True)
class Opening:
    """Items whose removals are opened, when that was asked for, and what the ledger says of where they come from.

    Items that were settled at sign-off come from there, and were asked for then, unless they had to wait for a second person.
    """

    items: QuerySet
    asked_at: datetime
    origin: str = ""
    is_held: bool = False

    def asked(self, item: dict) -> datetime:
        """When the removal of an item was asked for."""
        return self.asked_at if self.is_held else item["settled_at"] or self.asked_at

    def said(self, item: dict) -> dict[str, str]:
        """What the ledger says of where the removal of an item comes from."""
        if item["settled_at"]:
            return {"origin": SIGN_OFF, "decision": str(item["decision_entry_uid"])}
        return {"origin": self.origin} if self.origin else {}


def _open(campaign: Campaign, opening: Opening, by) -> int:
    items = opening.items.values("id", "number", "privileged", "source_id", "source__owner_id", "identity_key", "settled_at",
                                 "decision_entry_uid")  # fmt: skip
    snapshots, opened = dict(campaign.sources.values_list("source_id", "snapshot_id")), 0
    for batch in batched(items.iterator(chunk_size=BATCH), BATCH):
        _open_batch(campaign, batch, snapshots, opening, by)
        opened += len(batch)
    if opened:
        with connection.cursor() as cursor:
            cursor.execute(WATCH, [list(snapshots), list(snapshots.values())])
    return opened


def _open_batch(campaign: Campaign, items: list[dict], snapshots: dict, opening: Opening, by) -> None:
    now, days = clock.now(), campaign.terms["removal_days"]
    to_object = int(campaign.terms.get("objection_days") or 0)
    people = queries.tellable(item["identity_key"] for item in items) if to_object else {}
    waits = {item["id"] for item in items if item["identity_key"] in people and rules.may_wait(item["privileged"])}
    tasks = [
        RemediationTask(
            pk=pk,
            campaign=campaign,
            item_id=item["id"],
            source_id=item["source_id"],
            owner_id=item["source__owner_id"] or campaign.owner_id,
            state=TaskState.ANNOUNCED if item["id"] in waits else TaskState.OPEN,
            created_at=now,
            due_at=rules.removal_due(
                now + timedelta(days=to_object) if item["id"] in waits else opening.asked(item),
                rules.removal_days(days, settings.CERTIFY_PRIVILEGED_REMOVAL_DAYS, item["privileged"]),
            ),
            present_in_id=snapshots[item["source_id"]],
            is_early=item["settled_at"] is not None,
        )
        for pk, item in zip(_reserve_ids(len(items)), items, strict=True)
    ]
    recorded = entries.record_many(
        kind="removal:opened",
        by=by,
        at=now,
        rows=[
            (
                f"remediation.task:{task.pk}",
                {
                    "task": str(task.pk),
                    "campaign": str(campaign.pk),
                    "item": str(item["number"]),
                    "source": str(task.source_id),
                    "owner": f"people.user:{task.owner_id}",
                    "due_at": rfc3339(task.due_at),
                    **opening.said(item),
                },
            )
            for task, item in zip(tasks, items, strict=True)
        ],
    )
    for task, entry in zip(tasks, recorded, strict=True):
        task.entry_uid = entry.uid
    RemediationTask.objects.bulk_create(tasks)
    if people:
        made = RemediationTask.objects.select_related("item", "campaign").filter(pk__in=[task.pk for task in tasks])
        objections.announce(tasks=list(made.order_by("pk")), days=to_object, by=by)


def _reserve_ids(count: int) -> list[int]:
    """Primary keys from the table's own sequence: the ledger entry names the task before the row is written."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('remediation_remediationtask', 'id')) FROM generate_series(1, %s)", [count]
        )
        return [row[0] for row in cursor.fetchall()]

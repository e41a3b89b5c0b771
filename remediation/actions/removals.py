"""Removals: opened for what a closed campaign revoked."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet

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

#: What an opened removal must be held against: readings after the one that its campaign froze.
WATCH = """
    INSERT INTO remediation_watched AS known (source_id, up_to) SELECT * FROM unnest(%s::bigint[], %s::bigint[])
    ON CONFLICT (source_id) DO UPDATE SET up_to = LEAST(known.up_to, excluded.up_to)
"""


@transaction.atomic
def open_for_campaign(*, campaign_id: int, by) -> int:
    """Open a task for every item to be removed or reduced of a closed campaign that has none yet; returns how many were opened.

    Items about which nobody answered are among them when their removal was approved by people. Refuses a campaign that is not
    closed. Running it again opens nothing. What waits for a second person (`campaigns.guards`) is not opened before that.
    """
    campaign = Campaign.objects.select_for_update(of=("self",), no_key=True).get(pk=campaign_id)
    if campaign.state != CampaignState.CLOSED:
        raise InvalidInput(f"Campaign “{campaign.name}” is not closed; removals follow from a closed campaign.")
    held = HeldRemoval.objects.filter(hold__campaign=campaign)
    missing = ReviewItem.objects.filter(campaign=campaign, removal__isnull=True).order_by("number")
    missing = missing.exclude(pk__in=held.blocked().values("item_id"))
    approved = SilenceRemoval.objects.effective().filter(campaign=campaign).values("item_id")
    to_remove, was_held = missing.filter(outcome__in=TO_REMOVE), held.values("item_id")
    decided = Opening(to_remove.exclude(pk__in=was_held), campaign.closed_at)
    confirmed = Opening(to_remove.filter(pk__in=was_held), clock.now())
    silent = Opening(missing.filter(outcome=Outcome.NOT_REVIEWED, pk__in=approved), clock.now(), "silence")
    return sum(_open(campaign, opening, by) for opening in (decided, confirmed, silent))


@dataclass(frozen=True)
class Opening:
    """Items whose removals are opened, when that was asked for, and what the ledger says of where they come from."""

    items: QuerySet
    asked_at: datetime
    origin: str = ""


def _open(campaign: Campaign, opening: Opening, by) -> int:
    items = opening.items.values("id", "number", "privileged", "source_id", "source__owner_id", "identity_key")
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
    origin = {"origin": opening.origin} if opening.origin else {}
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
                now + timedelta(days=to_object) if item["id"] in waits else opening.asked_at,
                rules.removal_days(days, settings.CERTIFY_PRIVILEGED_REMOVAL_DAYS, item["privileged"]),
            ),
            present_in_id=snapshots[item["source_id"]],
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
                    **origin,
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

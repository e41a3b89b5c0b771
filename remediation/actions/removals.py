"""Removals: opened for what a closed campaign revoked, and reported done by whoever removes the access."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import QuerySet

from campaigns.models import Assignment, Campaign, ReviewItem, SilenceRemoval
from campaigns.states import TO_REMOVE, CampaignState, Outcome
from certify.lib import clock
from certify.lib.batches import batched
from certify.lib.errors import InvalidInput, NotAllowed
from certify.lib.files import StoredFile
from certify.lib.times import rfc3339
from ledger.actions import entries
from remediation import permissions, rules
from remediation.models import Attempt, RemediationTask
from remediation.states import TaskState

BATCH = 5_000


@dataclass(frozen=True)
class Proof:
    """A proof file as it was uploaded: its name and where it was stored."""

    name: str
    file: StoredFile


@transaction.atomic
def open_for_campaign(*, campaign_id: int, by) -> int:
    """Open a task for every item to be removed or reduced of a closed campaign that has none yet; returns how many were opened.

    Items about which nobody answered are among them when their removal was approved by people. Refuses a campaign that is not
    closed. Running it again opens nothing.
    """
    campaign = Campaign.objects.select_for_update(of=("self",), no_key=True).get(pk=campaign_id)
    if campaign.state != CampaignState.CLOSED:
        raise InvalidInput(f"Campaign “{campaign.name}” is not closed; removals follow from a closed campaign.")
    missing = ReviewItem.objects.filter(campaign=campaign, removal__isnull=True).order_by("number")
    approved = SilenceRemoval.objects.effective().filter(campaign=campaign).values("item_id")
    days = campaign.terms["removal_days"]
    decided = Opening(missing.filter(outcome__in=TO_REMOVE), rules.removal_due(campaign.closed_at, days))
    silent = Opening(
        missing.filter(outcome=Outcome.NOT_REVIEWED, pk__in=approved), rules.removal_due(clock.now(), days), "silence"
    )
    return sum(_open(campaign, opening, by) for opening in (decided, silent))


@dataclass(frozen=True)
class Opening:
    """Items whose removals are opened, when these are due, and what the ledger says of where they come from."""

    items: QuerySet
    due_at: datetime
    origin: str = ""


def _open(campaign: Campaign, opening: Opening, by) -> int:
    items = opening.items.values("id", "number", "source_id", "source__owner_id")
    snapshots, opened = dict(campaign.sources.values_list("source_id", "snapshot_id")), 0
    for batch in batched(items.iterator(chunk_size=BATCH), BATCH):
        _open_batch(campaign, batch, snapshots, opening, by)
        opened += len(batch)
    return opened


def _open_batch(campaign: Campaign, items: list[dict], snapshots: dict, opening: Opening, by) -> None:
    now, due_at = clock.now(), opening.due_at
    origin = {"origin": opening.origin} if opening.origin else {}
    tasks = [
        RemediationTask(
            pk=pk,
            campaign=campaign,
            item_id=item["id"],
            source_id=item["source_id"],
            owner_id=item["source__owner_id"] or campaign.owner_id,
            created_at=now,
            due_at=due_at,
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
                    "due_at": rfc3339(due_at),
                    **origin,
                },
            )
            for task, item in zip(tasks, items, strict=True)
        ],
    )
    for task, entry in zip(tasks, recorded, strict=True):
        task.entry_uid = entry.uid
    RemediationTask.objects.bulk_create(tasks)


def _reserve_ids(count: int) -> list[int]:
    """Primary keys from the table's own sequence: the ledger entry names the task before the row is written."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('remediation_remediationtask', 'id')) FROM generate_series(1, %s)", [count]
        )
        return [row[0] for row in cursor.fetchall()]


def _answered(task: RemediationTask, by) -> bool:
    """Whether somebody submitted an answer about the item, for themselves or for others."""
    return Assignment.objects.filter(item_id=task.item_id, decided_by_id=by.pk, sign_off__isnull=False).exists()


@transaction.atomic
def claim_done(*, task_id: int, note: str, proof: Proof | None = None, by) -> RemediationTask:
    """Record that somebody says the access was removed. That is a claim: only a later FULL snapshot proves it.

    Refuses strangers, a note that says too little, and a removal that is already reported or proved.
    """
    task = (
        RemediationTask.objects.select_for_update(of=("self",), no_key=True).select_related("item", "campaign").get(pk=task_id)
    )
    rules.check_transition(task.state, TaskState.CLAIMED_DONE)
    if not permissions.can_claim_done(by, task):
        raise NotAllowed("Only the person who must remove this access, or a control owner, can report it done.")
    if task.campaign.terms.get("other_remediator") and _answered(task, by):
        raise NotAllowed("You reviewed this item. This campaign wants its removal reported by somebody else.")
    attempt = Attempt(task=task, note=rules.check_note(note), by=by, by_name=by.name, at=clock.now())
    if proof:
        attempt.proof_name, attempt.proof_sha256 = proof.name, proof.file.sha256
        attempt.proof_size, attempt.stored_as = proof.file.size, proof.file.stored_as
    entry = entries.record(
        kind="removal:claimed-done",
        subject=f"remediation.task:{task.pk}",
        by=by,
        at=attempt.at,
        data={
            "task": str(task.pk),
            "campaign": str(task.campaign_id),
            "item": str(task.item.number),
            "note": attempt.note,
            "proof_name": attempt.proof_name,
            "proof_sha256": attempt.proof_sha256,
            "at": rfc3339(attempt.at),
        },
    )
    attempt.entry_uid = entry.uid
    attempt.save()
    task.state = TaskState.CLAIMED_DONE
    task.save(update_fields=["state"])
    return task

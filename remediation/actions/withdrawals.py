"""Removals that began at sign-off and are not decided any more: they stop, and go on when they are decided again.

What was removed meanwhile is not given back by this: it is named, and whoever runs the review hears of it.
"""

from collections import defaultdict
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from campaigns.models import Campaign
from campaigns.states import CampaignState
from certify.lib import clock
from certify.lib.times import rfc3339
from ledger.actions import entries
from people.actions import mails
from people.hours import mail_at
from people.models import User
from remediation import early, rules
from remediation.actions import objections
from remediation.models import RemediationTask, Withdrawal
from remediation.states import TaskState, WithdrawalReason

#: How many removals a mail names.
NAMED = 20


@transaction.atomic
def follow(*, campaign_id: int, by) -> int:
    """Stop the early removals of a campaign that its items do not want any more, and let those go on that are wanted again.

    Returns how many changed. Access that is gone already, of a campaign that has ended, is recorded as gone without a decision: a
    finding. A risk exception holds to its end first. Running it again changes nothing.
    """
    campaign = Campaign.objects.select_for_update(of=("self",), no_key=True).select_related("owner").get(pk=campaign_id)
    now = clock.now()
    stopped, gone = _locked(early.unwanted(campaign)), _locked(early.gone_in_vain(campaign))
    again = _locked(early.wanted_again(campaign))
    _withdraw(campaign, stopped, now, by, is_gone=False)
    _withdraw(campaign, gone, now, by, is_gone=True)
    _resume(campaign, again, now, by)
    _tell(campaign, stopped, gone, now, by)
    return len(stopped) + len(gone) + len(again)


def _locked(tasks: QuerySet) -> list[RemediationTask]:
    return list(tasks.select_for_update(of=("self",), no_key=True).select_related("item", "owner", "source").order_by("pk"))


def _why(campaign: Campaign) -> WithdrawalReason:
    return {
        CampaignState.CANCELLED.value: WithdrawalReason.CANCELLED,
        CampaignState.CLOSED.value: WithdrawalReason.DECIDED_OTHERWISE,
    }.get(campaign.state, WithdrawalReason.REOPENED)


def _facts(task: RemediationTask, now: datetime) -> dict[str, str]:
    return {"task": str(task.pk), "campaign": str(task.campaign_id), "item": str(task.item.number), "at": rfc3339(now)}


def _withdraw(campaign: Campaign, tasks: list[RemediationTask], now: datetime, by, *, is_gone: bool) -> None:
    why = _why(campaign)
    said = {"why": why.value, "gone": "yes" if is_gone else "no"}
    rows = [(f"remediation.task:{task.pk}", _facts(task, now) | said) for task in tasks]
    recorded = entries.record_many(kind="removal:withdrawn", by=by, at=now, rows=rows)
    Withdrawal.objects.bulk_create(
        Withdrawal(task=task, reason=why, is_gone=is_gone, at=now, entry_uid=entry.uid)
        for task, entry in zip(tasks, recorded, strict=True)
    )
    if is_gone:
        return
    for task in tasks:
        rules.check_transition(task.state, TaskState.WITHDRAWN)
    RemediationTask.objects.filter(pk__in=[task.pk for task in tasks]).update(state=TaskState.WITHDRAWN)
    objections.end_for_withdrawn(task_ids=[task.pk for task in tasks], by=by)


def _resume(campaign: Campaign, tasks: list[RemediationTask], now: datetime, by) -> None:
    """They are to be done, as from a new decision."""
    days, privileged = campaign.terms["removal_days"], settings.CERTIFY_PRIVILEGED_REMOVAL_DAYS
    for task in tasks:
        rules.check_transition(task.state, TaskState.OPEN)
        asked_at = task.item.settled_at or campaign.closed_at or now
        task.due_at = rules.removal_due(asked_at, rules.removal_days(days, privileged, task.item.privileged))
        task.state = TaskState.OPEN
    rows = [
        (
            f"remediation.task:{task.pk}",
            _facts(task, now) | {"decision": str(task.item.decision_entry_uid or ""), "due_at": rfc3339(task.due_at)},
        )
        for task in tasks
    ]
    entries.record_many(kind="removal:resumed", by=by, at=now, rows=rows)
    RemediationTask.objects.bulk_update(tasks, ["state", "due_at"], batch_size=5_000)


def _tell(campaign: Campaign, stopped: list[RemediationTask], gone: list[RemediationTask], now: datetime, by) -> None:
    """One mail to the owner of the review, and to everybody who was to remove something, about what concerns them."""
    mine: dict[User, tuple[list, list]] = defaultdict(lambda: ([], []))
    for place, tasks in enumerate((stopped, gone)):
        for task in tasks:
            for person in {task.owner, campaign.owner}:
                mine[person][place].append(task)
    drafts = [
        mails.Draft(
            recipient_id=person.pk,
            template="removals_withdrawn",
            context={
                "campaign": campaign.name,
                "why": _why(campaign).value,
                "stopped": len(own),
                "gone": len(lost),
                "rows": [f"{task.item} ({task.item.source_name})" for task in (lost or own)[:NAMED]],
                "count": len(lost or own),
                "path": f"/removals/?campaign={campaign.pk}&state={'gone_in_vain' if lost else 'withdrawn'}",
            },
            subject_ref=f"campaigns.campaign:{campaign.pk}",
            dedupe_key=f"removals-withdrawn:{campaign.pk}:{person.pk}:{(lost or own)[0].pk}:{now.timestamp():.0f}",
            due_at=mail_at(person.hours, now),
        )
        for person, (own, lost) in mine.items()
    ]
    mails.queue_many(drafts=drafts, by=by)

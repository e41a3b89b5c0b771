"""What every stage begins with: sign-ins for those who have none, the record of who was asked, and the mail that asks."""

from datetime import datetime

from django.db import transaction
from django.db.models import Count

from campaigns import assigning, ladder, stages, waiting
from campaigns.models import Assignment, Campaign
from certify.lib import clock
from ledger.actions import entries
from people.actions import mails, users
from people.hours import mail_at
from people.models import User


@transaction.atomic
def provision(*, table: str, panels: int, condition: str, by) -> None:
    """Make users for the chosen reviewers of the table who have none yet."""
    wanted = assigning.reviewers_without_sign_in(table, panels=panels, condition=condition)
    made = users.provision(rows=[(username, name, email) for _, username, name, email in wanted], by=by)
    assigning.tie_reviewers({identity: made[username] for identity, username, _, _ in wanted})


def _assignment_rows(campaign: Campaign) -> list[tuple[str, dict]]:
    """(subject, data) of the entry about each reviewer of the campaign's stage: how many items, by which rules."""
    per_reviewer: dict[int, dict[str, int]] = {}
    asked = Assignment.objects.filter(campaign=campaign, stage=campaign.stage)
    counted = asked.values_list("reviewer_id", "rule").annotate(Count("id"))
    for reviewer, rule, count in counted.order_by("reviewer_id", "rule"):
        per_reviewer.setdefault(reviewer, {})[rule] = count
    people = User.objects.in_bulk(per_reviewer)
    stage = {"stage": str(campaign.stage)} if campaign.stage > 1 else {}
    return [
        (
            f"campaigns.campaign:{campaign.pk}",
            {
                "campaign": str(campaign.pk),
                "reviewer": people[reviewer].actor_ref(),
                "items": sum(by_rule.values()),
                "rules": by_rule,
                **stage,
            },
        )
        for reviewer, by_rule in per_reviewer.items()
    ]


@transaction.atomic
def record(*, campaign: Campaign, at: datetime, by) -> dict[int, int]:
    """Enter in the ledger who is asked in the campaign's stage: an entry for each reviewer. Returns reviewer id → items."""
    rows = _assignment_rows(campaign)
    entries.record_many(kind="assignment:made", by=by, at=at, rows=rows)
    return {int(data["reviewer"]["id"].rpartition(":")[2]): data["items"] for _, data in rows}


@transaction.atomic
def tell(*, campaign: Campaign, asked: dict[int, int], by) -> None:
    """Mail those who are asked in the campaign's stage (reviewer id → items), once each, where its ladder begins with that."""
    if not ladder.of(campaign.terms)["at_start"]:
        return
    now = clock.now()
    people = User.objects.in_bulk(asked)
    mails.queue_many(
        drafts=[
            mails.Draft(
                recipient_id=reviewer,
                template="campaign_opened",
                context=stages.asking_words(campaign, count, campaign.due_at)
                | {
                    "path": f"/reviews/{campaign.pk}/",
                    "why": "you are asked to review access",
                    "asks_in": [campaign.pk, campaign.stage],
                    "calendar": [waiting.date_of(campaign)],
                },
                subject_ref=f"campaigns.campaign:{campaign.pk}",
                dedupe_key=f"campaign-opened:{campaign.pk}:{reviewer}{f':{campaign.stage}' if campaign.stage > 1 else ''}",
                due_at=mail_at(people[reviewer].hours, now, campaign.due_at),
            )
            for reviewer, count in asked.items()
        ],
        by=by,
    )

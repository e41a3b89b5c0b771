"""From stage to stage: what the present one came to, who is asked next, more time for it, and answers that are opened again."""

from datetime import datetime

from django.db import connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import assigning, permissions, queries, results, reviewers, rules, second_look, stages
from campaigns.actions import asking, closing, settling, silence
from campaigns.actions import second_look as looking
from campaigns.models import Assignment, Campaign
from campaigns.states import CampaignState
from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from certify.lib.planning import without_loops
from certify.lib.times import rfc3339
from ledger.actions import entries
from ledger.actors import SYSTEM
from people.actions import mails
from people.hours import mail_at
from people.models import User

#: The items that go on, with the reviewers of the next stage as people and owners are now.
STAGED = """
    CREATE TEMP TABLE stage_population ON COMMIT DROP AS
    SELECT item.id AS item_id, item.number, item.risk_rank, identity.user_id AS identity_user_id, {columns}
    FROM campaigns_stageresult AS ended
    JOIN campaigns_reviewitem AS item ON item.id = ended.item_id
    JOIN inventory_grant AS granted ON granted.id = item.grant_id
    JOIN inventory_account AS account ON account.id = granted.account_id
    JOIN inventory_entitlement AS entitlement ON entitlement.id = granted.entitlement_id
    JOIN inventory_source AS source ON source.id = item.source_id
    LEFT JOIN inventory_identity AS identity ON identity.id = account.identity_id
    {joins}
    WHERE ended.campaign_id = %(campaign)s AND ended.stage = %(ended)s AND ended.result <> ALL(%(stop_on)s)
"""
ASKED = "reviewer_rule IS NOT NULL"
#: An answer that has to be given anew.
UNDECIDED = {
    "decision": "",
    "rationale": "",
    "reduce_to": "",
    "until": None,
    "decided_by": None,
    "decided_at": None,
    "decision_entry_uid": None,
    "is_bulk": False,
}


@transaction.atomic
def finish_stage(*, campaign_id: int, by) -> Campaign:
    """End the campaign's stage: the next one begins, or the campaign closes after the last, or when no item goes on.

    By a control owner at any time, by Certify when the stage is due or, where that is enough, when everything is answered.
    Otherwise the campaign is left as it is, so a second run changes nothing.
    """
    campaign = Campaign.objects.select_for_update(of=("self",), no_key=True).get(pk=campaign_id)
    if campaign.state != CampaignState.OPEN:
        return campaign
    if by is not SYSTEM and not permissions.can_close(by, campaign):
        raise NotAllowed(_("Only a control owner may end a stage before it is due."))
    if by is SYSTEM and not queries.stage_is_over(campaign, clock.now()):
        return campaign
    if by is SYSTEM and silence.escalate(campaign=campaign, by=by):
        return campaign
    is_last = campaign.stage == len(stages.of(campaign.terms))
    if second_look.is_due(campaign) and (is_last or _ends_here(campaign)):
        asked = looking.ask(campaign_id=campaign.pk, by=by)
        campaign.refresh_from_db()
        if asked:
            return campaign
    if is_last:
        return closing.close(campaign_id=campaign.pk, by=by)
    return _advance(campaign, by)


def _ends_here(campaign: Campaign) -> bool:
    """Whether no item would go on to the next stage. Changes nothing."""
    with transaction.atomic():
        counts = results.settle(campaign)
        transaction.set_rollback(True)
    stop_on = stages.of(campaign.terms)[campaign.stage - 1]["stop_on"]
    return not any(count for result, count in counts.items() if result not in stop_on)


def _advance(campaign: Campaign, by) -> Campaign:
    now, subject = clock.now(), f"campaigns.campaign:{campaign.pk}"
    counts = results.settle(campaign)
    ended = {"campaign": str(campaign.pk), "stage": str(campaign.stage), "ended_at": rfc3339(now), "results": counts}
    entries.record(kind="stage:ended", subject=subject, by=by, at=now, data=ended)
    every = stages.of(campaign.terms)
    following = every[campaign.stage]
    if not _stage_population(campaign, every[campaign.stage - 1], following):
        return closing.close_settled(campaign=campaign, by=by)
    panels = len(following["panels"])
    asking.provision(table="stage_population", panels=panels, condition=ASKED, by=by)
    campaign.stage, campaign.stage_opened_at = campaign.stage + 1, now
    campaign.due_at = stages.due_at(campaign.terms, campaign.stage, now, campaign.ends_at)
    campaign.save(update_fields=["stage", "stage_opened_at", "due_at"])
    assigning.assign("stage_population", campaign, panels=panels, condition=ASKED, now=now)
    opened = {
        "campaign": str(campaign.pk),
        "stage": str(campaign.stage),
        "opened_at": rfc3339(now),
        "due_at": rfc3339(campaign.due_at),
        "asked_again": assigning.repeated(campaign),
        "without_reviewer": assigning.without_assignment(campaign, "stage_population", "TRUE"),
    }
    entries.record(kind="stage:opened", subject=subject, by=by, at=now, data=opened)
    asked = asking.record(campaign=campaign, at=now, by=by)
    asking.tell(campaign=campaign, asked=asked, by=by)
    return campaign


def _stage_population(campaign: Campaign, ended: dict, following: dict) -> int:
    """Stage the items that go on; returns how many."""
    reviewers.find_managers()
    chosen = reviewers.choose(campaign.terms, following)
    values = chosen.values | {"campaign": campaign.pk, "ended": campaign.stage, "stop_on": ended["stop_on"]}
    with without_loops(), connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS stage_population")
        cursor.execute(STAGED.format(columns=", ".join(chosen.columns), joins=" ".join(chosen.joins)), values)
        cursor.execute("ANALYZE stage_population")
        cursor.execute("SELECT count(*) FROM stage_population")
        return cursor.fetchone()[0]


@transaction.atomic
def extend(*, campaign_id: int, due_at: datetime, reason: str, by) -> Campaign:
    """Give the present stage more time, with a reason. Refuses a moment that is not later than the present due date."""
    campaign = Campaign.objects.select_for_update(of=("self",), no_key=True).get(pk=campaign_id)
    if not permissions.can_close(by, campaign):
        raise NotAllowed(_("Only a control owner may extend an open campaign."))
    reason = rules.check_reason(reason, gettext_lazy("Say why there is more time."))
    if due_at <= max(campaign.due_at, clock.now()):
        raise InvalidInput(_("Choose a date after the present due date."), field="due_at")
    old, campaign.due_at = campaign.due_at, due_at
    campaign.save(update_fields=["due_at"])
    entries.record(
        kind="campaign:extended",
        subject=f"campaigns.campaign:{campaign.pk}",
        by=by,
        data={
            "campaign": str(campaign.pk),
            "stage": str(campaign.stage),
            "old": rfc3339(old),
            "new": rfc3339(due_at),
            "reason": reason,
        },
    )
    return campaign


@transaction.atomic
def reopen(*, campaign_id: int, assignment_ids: list[int], reason: str, anew: bool = False, by) -> int:
    """Open submitted answers of the present stage again; returns how many. What was signed stays recorded as it was signed.

    They are drafts again that can be changed; `anew`, they are not even that: each has to be decided again. Items that they had settled are
    not settled any more.
    """
    campaign = Campaign.objects.select_for_update(of=("self",), no_key=True).get(pk=campaign_id)
    if not permissions.can_close(by, campaign):
        raise NotAllowed(_("Only a control owner may open submitted answers again."))
    reason = rules.check_reason(reason, gettext_lazy("Say why these answers are opened again."))
    rows = list(
        Assignment.objects.filter(
            pk__in=assignment_ids, campaign=campaign, stage=campaign.stage, is_active=True, sign_off__isnull=False
        )
        .select_for_update(of=("self",), no_key=True)
        .order_by("pk")
    )
    blank = UNDECIDED if anew else {}
    Assignment.objects.filter(pk__in=[row.pk for row in rows]).update(sign_off=None, reopened_at=clock.now(), **blank)
    settling.unsettle(campaign=campaign, item_ids=[row.item_id for row in rows], by=by)
    per_reviewer: dict[int, list[int]] = {}
    for row in rows:
        per_reviewer.setdefault(row.reviewer_id, []).append(row.item_number)
    for reviewer, numbers in per_reviewer.items():
        facts = {"campaign": str(campaign.pk), "reviewer": f"people.user:{reviewer}", "items": sorted(numbers)}
        facts |= {"stage": str(campaign.stage), "reason": reason} | ({"anew": "yes"} if anew else {})
        entry = entries.record(kind="review:reopened", subject=f"campaigns.campaign:{campaign.pk}", by=by, data=facts)
        _tell_reopened(campaign, reviewer, len(numbers), entry, by)
    return len(rows)


def _tell_reopened(campaign: Campaign, reviewer_id: int, count: int, entry, by) -> None:
    facts = entry.payload_json["data"]
    draft = mails.Draft(
        recipient_id=reviewer_id,
        template="answers_reopened",
        context={
            "campaign": campaign.name,
            "items": count,
            "reason": facts["reason"],
            "anew": "anew" in facts,
            "path": f"/reviews/{campaign.pk}/",
        },
        subject_ref=f"campaigns.campaign:{campaign.pk}",
        dedupe_key=f"answers-reopened:{entry.uid}",
        due_at=mail_at(User.objects.get(pk=reviewer_id).hours, clock.now(), campaign.due_at),
    )
    mails.queue_many(drafts=[draft], by=by)

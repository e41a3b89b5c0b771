"""What follows where nobody answered: others are asked, a follow-up asks again, or removals are approved by people."""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import above, permissions, plans, rules, second_look, silence
from campaigns.actions import assignments
from campaigns.actions.assignments import Move
from campaigns.models import Campaign, ReviewItem, SilenceApproval, SilenceRemoval, SilenceVerdict
from campaigns.scope import reading
from campaigns.states import CampaignState, ReviewerRule, SilenceVerdictCode
from certify.lib import clock
from certify.lib.batches import batched
from certify.lib.errors import InvalidInput, NotAllowed
from certify.lib.times import rfc3339
from ledger.actions import entries
from ledger.actors import SYSTEM
from people.actions import mails
from people.hours import mail_at
from people.models import User

#: Names that reviewers may have for the same run: campaigns are told apart by them.
MAX_NAME = 200


def _subject(campaign: Campaign) -> str:
    return f"campaigns.campaign:{campaign.pk}"


@transaction.atomic
def escalate(*, campaign: Campaign, by) -> bool:
    """Ask others about what nobody answered, or knew, in a stage that is over, for some more days; returns whether anybody is asked.

    Of a locked campaign, once in a stage. Each missed answer goes to the nearest manager of who was silent who signs in and may
    answer, else to the owner; what none of them may answer stays as it is.
    """
    now = clock.now()
    if silence.policy(campaign.terms) != plans.ESCALATE or campaign.escalated_stage >= campaign.stage:
        return False
    if second_look.is_running(campaign):
        return False
    found = silence.unanswered(campaign)
    if not found and now < campaign.due_at:  # everything was answered before the day, and somebody knew of all of it
        return False
    moves = _moves(campaign, found)
    campaign.escalated_stage = campaign.stage
    if moves:
        assignments.move_all(campaign_id=campaign.pk, moves=moves, rule=ReviewerRule.REASSIGNED, by=by)
        campaign.due_at = now + timedelta(days=campaign.terms["silence_days"])
    campaign.save(update_fields=["escalated_stage", "due_at"])
    to_owner = sum(move.to == campaign.owner_id for move in moves)
    data = {
        "campaign": str(campaign.pk),
        "stage": str(campaign.stage),
        "to_managers": len(moves) - to_owner,
        "to_owner": to_owner,
        "left_silent": len(found) - len(moves),
        "due_at": rfc3339(campaign.due_at),
    }
    entries.record(kind="silence:escalated", subject=_subject(campaign), by=by, at=now, data=data)
    _tell(campaign, Counter(move.to for move in moves), by)
    return bool(moves)


def _moves(campaign: Campaign, found: list[silence.Unanswered]) -> list[Move]:
    """Who is asked instead, each person once about an item, and why, with whoever above the silent one could not be."""
    lines, moves, taken = above.of({one.reviewer for one in found}), [], set()
    for one in found:
        to = next((person for person in one.instead if (one.item, person) not in taken), None)
        if to is None:
            continue
        taken.add((one.item, to))
        passed = lines.get(one.reviewer, above.Above()).passed_over
        why = "The reviewer does not know" if one.is_unknown else "No answer from the reviewer"
        words = f" ({above.in_words(passed)})" if passed else ""
        moves.append(Move(one.assignment, one.number, one.reviewer, to, f"{why} by {campaign.due_at:%d %B %Y}{words}"))
    return moves


def _tell(campaign: Campaign, asked: Counter, by) -> None:
    people = User.objects.in_bulk(list(asked))
    mails.queue_many(
        drafts=[
            mails.Draft(
                recipient_id=person,
                template="items_escalated",
                context={
                    "campaign": campaign.name,
                    "items": count,
                    "due_on": campaign.due_at.date().isoformat(),
                    "path": f"/reviews/{campaign.pk}/?state=open",
                },
                subject_ref=_subject(campaign),
                dedupe_key=f"items-escalated:{campaign.pk}:{campaign.stage}:{person}",
                due_at=mail_at(people[person].hours, clock.now(), campaign.due_at),
            )
            for person, count in sorted(asked.items())
        ],
        by=by,
    )


@transaction.atomic
def follow_up(*, campaign_id: int, by) -> Campaign:
    """Ask for a campaign over what nobody answered in a closed one and is still open, under the same terms.

    By a control owner, or by Certify where the terms say so. One that is followed already is left so: its follow-up is returned.
    Refuses campaigns whose terms want no follow-up, and those in which everything was answered.
    """
    campaign = Campaign.objects.select_for_update(of=("self",), no_key=True).get(pk=campaign_id)
    if by is not SYSTEM and not permissions.can_run_campaigns(by):
        raise NotAllowed(_("Only a control owner may ask again."))
    if campaign.state != CampaignState.CLOSED or silence.policy(campaign.terms) != plans.FOLLOW_UP:
        raise InvalidInput(_("A follow-up asks again in a closed campaign whose terms say so."))
    if made := campaign.followed_by.exclude(state=CampaignState.CANCELLED).first():
        return made
    if not (count := silence.silent_items(campaign).count()):
        raise InvalidInput(_("Everything was answered: there is nothing to ask again."))
    now = clock.now()
    made = _requested(campaign, now, by)
    data = {"campaign": str(made.pk), "name": made.name, "definition": str(made.definition_id), "follows": str(campaign.pk)}
    entries.record(kind="campaign:requested", subject=_subject(made), by=by, at=now, data=data | {"unanswered": count})
    return made


def _requested(campaign: Campaign, now, by) -> Campaign:
    """The follow-up, with the first name that is free."""
    made = Campaign(
        definition=campaign.definition,
        terms=reading.follow_up_terms(campaign, now),
        owner=campaign.owner,
        requested_by=campaign.owner if by is SYSTEM else by,
        requested_at=now,
        follows=campaign,
    )
    for number in range(1, 100):
        end = " – follow-up" if number == 1 else f" – follow-up {number}"
        made.name = campaign.name[: MAX_NAME - len(end)] + end
        if not Campaign.objects.filter(name=made.name).exists():
            break
    try:
        with transaction.atomic():
            made.save()
    except IntegrityError:
        raise InvalidInput(_("Somebody took the name of the follow-up meanwhile. Try again.")) from None
    return made


@dataclass(frozen=True)
class Approved:
    """What an approval came to, and what it would take away (`silence.blast_radius`)."""

    approval: SilenceApproval
    limits: dict


def _hold_closed(campaign_id: int) -> Campaign:
    campaign = Campaign.objects.select_for_update(of=("self",), no_key=True).get(pk=campaign_id)
    if campaign.state != CampaignState.CLOSED or silence.policy(campaign.terms) != plans.PROPOSE_REMOVAL:
        raise InvalidInput(_("Removals are proposed in a closed campaign whose terms say so."))
    if silence.is_sealed(campaign):
        raise InvalidInput(_("This campaign is sealed: nothing more is removed for it."))
    return campaign


@transaction.atomic
def approve(*, campaign_id: int, item_ids: list[int], reason: str, by: User) -> Approved:
    """Approve that access about which nobody answered is removed. Removals follow at once, or when a second person confirms.

    A second person is needed for more than the terms' share of a system's open access, what was approved before included, and for
    the last holder of a privileged right. Refuses a missing reason, items that are not proposed (any more), and none at all.
    """
    campaign, now = _hold_closed(campaign_id), clock.now()
    if not permissions.can_run_campaigns(by):
        raise NotAllowed(_("Only a control owner may approve removals."))
    reason = rules.check_reason(reason, gettext_lazy("Say why this access is removed although nobody answered."))
    items = list(silence.proposed(campaign).filter(pk__in=item_ids))
    if not items or len(items) < len(set(item_ids)):
        raise InvalidInput(_("Some of these are not proposed any more. Look at the list again."), field="item")
    limits = silence.blast_radius(campaign, [item.pk for item in items])
    entry = entries.record(
        kind="silence:removals-approved",
        subject=_subject(campaign),
        by=by,
        at=now,
        data={"campaign": str(campaign.pk), "count": len(items), "reason": reason, "limits": limits},
    )
    approval = SilenceApproval.objects.create(
        campaign=campaign,
        approved_by=by,
        approved_by_name=by.name,
        reason=reason,
        count=len(items),
        needs_second=limits["needs_second"],
        limits=limits,
        at=now,
        entry_uid=entry.uid,
    )
    _keep_items(approval, items, now, by)
    return Approved(approval, limits)


def _keep_items(approval: SilenceApproval, items: list[ReviewItem], now, by) -> None:
    SilenceRemoval.objects.bulk_create(
        (
            SilenceRemoval(approval=approval, campaign_id=approval.campaign_id, item=item, item_number=item.number)
            for item in items
        ),
        batch_size=5_000,
    )
    facts = {"campaign": str(approval.campaign_id), "approval": str(approval.entry_uid)}
    rows = [
        (f"campaigns.campaign:{approval.campaign_id}", facts | {"items": [item.number for item in batch]})
        for batch in batched(items, assignments.ITEMS_IN_ENTRY)
    ]
    entries.record_many(kind="silence:removals-listed", by=by, at=now, rows=rows)


@transaction.atomic
def confirm(*, approval_id: int, reason: str = "", by: User) -> SilenceVerdict:
    """Confirm, as the second person, removals that somebody else approved; they are opened then. Refuses who approved them."""
    return _judge(approval_id, SilenceVerdictCode.CONFIRMED, reason, by)


@transaction.atomic
def decline(*, approval_id: int, reason: str, by: User) -> SilenceVerdict:
    """Turn down, or take back, removals that wait for a second person; the items are proposed again. Needs a reason."""
    return _judge(approval_id, SilenceVerdictCode.DECLINED, rules.check_reason(reason, gettext_lazy("Say why not.")), by)


def _judge(approval_id: int, code: SilenceVerdictCode, reason: str, by: User) -> SilenceVerdict:
    approval = SilenceApproval.objects.get(pk=approval_id)
    campaign, now = _hold_closed(approval.campaign_id), clock.now()
    if not permissions.can_see_campaigns(by) or (code == SilenceVerdictCode.CONFIRMED and by.pk == approval.approved_by_id):
        raise NotAllowed(_("Another control owner or an administrator must confirm this."))
    if not approval.needs_second or SilenceVerdict.objects.filter(approval=approval).exists():
        raise InvalidInput(_("Nothing waits for a second person here."))
    data = {
        "campaign": str(campaign.pk),
        "approval": str(approval.entry_uid),
        "approved_by": f"people.user:{approval.approved_by_id}",
        "count": approval.count,
        "reason": reason.strip(),
    }
    kind = "silence:removals-confirmed" if code == SilenceVerdictCode.CONFIRMED else "silence:removals-declined"
    entry = entries.record(kind=kind, subject=_subject(campaign), by=by, at=now, data=data)
    return SilenceVerdict.objects.create(
        approval=approval,
        code=code,
        approved_by=approval.approved_by,
        by=by,
        by_name=by.name,
        reason=reason.strip(),
        at=now,
        entry_uid=entry.uid,
    )

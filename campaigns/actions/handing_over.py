"""Reviewers give their own items to somebody else: allowed people only, with a reason, and the way is kept."""

from collections import Counter
from dataclasses import dataclass

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import hand_over as giving
from campaigns import rules, worklist
from campaigns.actions import assignments
from campaigns.actions.assignments import MAX_ITEMS, Move
from campaigns.actions.items import Selection
from campaigns.models import Assignment, Campaign
from campaigns.states import ReviewerRule
from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from people.actions import mails
from people.hours import mail_at
from people.models import User


@dataclass(frozen=True)
class HandedOver:
    """What a hand-over did: how many went, how many of those back to somebody who had them, and reason → how many stayed."""

    given: int
    back: int
    stayed: dict[str, int]


@transaction.atomic
def hand_over(*, campaign_id: int, selection: Selection, to: User, reason: str, by: User) -> HandedOver:
    """Give undecided items of one's own, or of somebody one acts for, to somebody else; the new reviewer is told by mail.

    What may not go to this person stays and is counted by why. Refuses a campaign that does not let items be given on, auditors
    and inactive people, a missing reason, an ended stage, rows of which none is the giver's, and more than 10,000 at once.
    """
    stage = worklist.hold_open(campaign_id, clock.now())
    campaign = Campaign.objects.get(pk=campaign_id)
    reason = rules.check_reason(reason, gettext_lazy("Say why the items go to somebody else."))
    if not giving.is_possible(campaign.terms):
        raise NotAllowed(_("In this review only its owner gives items to somebody else."))
    if to.pk == by.pk or not giving.may_receive(to):
        raise InvalidInput(_("{to_name} cannot be given items.").format(to_name=to.name), field="to")
    if len(selection.ids) > MAX_ITEMS:
        raise InvalidInput(_("At most {max_items} items can be given away at once.").format(max_items=intcomma(MAX_ITEMS)))
    chosen = _locked(campaign, selection, to, by)
    if not chosen:
        raise NotAllowed(_("Only items that are assigned to you can be given away."))
    found = giving.sorted_for(campaign, chosen, to)
    going = [one for one in found if not one.stays]
    stayed = Counter(one.stays for one in found if one.stays)
    stayed["elsewhere"] += len(set(selection.ids)) - len(chosen)
    counted = {why: stayed[why] for why in giving.STAYS if stayed[why]}
    if going:
        _give(campaign, stage, going, to, reason, by)
    return HandedOver(len(going), sum(one.back for one in going), counted)


def _locked(campaign: Campaign, selection: Selection, to: User, by: User) -> list[int]:
    """Ids of those of the rows that are the giver's. Nobody else gives, decides or gets them until the transaction ends."""
    mine = worklist.my_rows(by, campaign.pk).filter(pk__in=selection.ids)
    if not by.is_active:
        return []
    reviewers = set(mine.order_by().values_list("reviewer_id", flat=True).distinct())
    worklist.hold_reviewers(campaign.pk, [*reviewers, to.pk])
    rows = Assignment.objects.filter(pk__in=list(mine.values_list("pk", flat=True)), is_active=True)
    return list(rows.select_for_update(of=("self",), no_key=True).order_by("pk").values_list("pk", flat=True))


def _give(campaign: Campaign, stage: int, going: list[giving.Sorted], to: User, reason: str, by: User) -> None:
    moves = [Move(one.assignment, one.number, one.reviewer, to.pk, reason, one.excused, one.back) for one in going]
    recorded = assignments.move_all(campaign_id=campaign.pk, moves=moves, rule=ReviewerRule.REASSIGNED, by=by)
    context = {
        "campaign": campaign.name,
        "giver": by.name,
        "items": len(going),
        "back": sum(one.back for one in going),
        "reason": reason,
        "due_on": campaign.due_at.date().isoformat(),
        "path": f"/reviews/{campaign.pk}/?state=open",
    }
    draft = mails.Draft(
        recipient_id=to.pk,
        template="items_given",
        context=context,
        subject_ref=f"campaigns.campaign:{campaign.pk}",
        dedupe_key=f"items-given:{recorded[0].uid}",
        due_at=mail_at(to.hours, clock.now(), campaign.due_at),
    )
    mails.queue_many(drafts=[draft], by=by)

"""Early outcomes: items that submitted answers settle while their campaign is open, and what takes that back."""

from collections.abc import Iterable

from django.db import transaction

from campaigns import results, settling
from campaigns.actions import guards
from campaigns.models import Campaign, ReviewItem
from campaigns.states import CampaignState, RemovalsBegin
from certify.lib.batches import batched
from ledger.actions import entries
from ledger.actors import SYSTEM

#: An item that has no outcome.
BLANK = {
    "outcome": "",
    "decision": "",
    "rationale": "",
    "reduce_to": "",
    "until": None,
    "decided_by": None,
    "decided_at": None,
    "decision_entry_uid": None,
    "is_bulk": False,
    "sign_off": None,
    "settled_at": None,
}


@transaction.atomic
def settle(*, campaign_id: int, by) -> int:
    """Give the items their outcome that will be removed or reduced whatever else is answered; returns how many are new.

    Of an open campaign whose terms let removals begin at sign-off; every other is left as it is. What must wait for a second person is
    held, as at the close. Running it again finds nothing.
    """
    campaign = Campaign.objects.select_for_update(of=("self",), no_key=True).get(pk=campaign_id)
    if campaign.state != CampaignState.OPEN or campaign.terms.get("removals_begin") != RemovalsBegin.SIGN_OFF:
        return 0
    # The lock waits for whoever is submitting, so that their sign-off is counted now or the mark differs later.
    if (mark := settling.mark(campaign)) == campaign.settled_to:
        return 0
    found = settling.find(campaign)
    if found:
        results.set_outcomes(campaign)
        guards.hold(campaign=campaign, by=SYSTEM)
        numbers = settling.stamp(campaign)
        facts = {"campaign": str(campaign.pk), "stage": str(campaign.stage)}
        rows = [
            (f"campaigns.campaign:{campaign.pk}", facts | {"items": batch}) for batch in batched(numbers, guards.ITEMS_IN_ENTRY)
        ]
        entries.record_many(kind="items:settled", by=by, rows=rows)
    campaign.settled_to = mark
    campaign.save(update_fields=["settled_to"])
    return found


@transaction.atomic
def unsettle(*, campaign: Campaign, item_ids: Iterable[int] | None = None, by) -> int:
    """Take early outcomes of a locked campaign back, of these items or of all: their answers are open again, or it is cancelled.

    Returns how many were taken back.
    """
    items = ReviewItem.objects.filter(campaign=campaign, settled_at__isnull=False).order_by("number")
    if item_ids is not None:
        items = items.filter(pk__in=list(item_ids))
    taken = list(items.values_list("pk", "number"))
    facts = {"campaign": str(campaign.pk), "stage": str(campaign.stage)}
    for batch in batched(taken, guards.ITEMS_IN_ENTRY):
        ReviewItem.objects.filter(pk__in=[pk for pk, _ in batch]).update(**BLANK)
        data = facts | {"items": [number for _, number in batch]}
        entries.record(kind="items:unsettled", subject=f"campaigns.campaign:{campaign.pk}", by=by, data=data)
    # Others may have settled them as well: the next sweep looks.
    Campaign.objects.filter(pk=campaign.pk).update(settled_to="")
    return len(taken)

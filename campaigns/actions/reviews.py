"""Submitting: a reviewer signs the statement over what they decided."""

from django.db import transaction

from campaigns import queries, rules
from campaigns.models import Campaign, ReviewItem, SignOff
from campaigns.states import DecisionCode
from certify.lib import canonical, clock
from certify.lib.errors import InvalidInput, NotAllowed
from certify.lib.times import rfc3339
from ledger import merkle
from ledger.actions import entries


@transaction.atomic
def submit(*, campaign_id: int, statement: str, by) -> SignOff:
    """Sign off every draft decision of the reviewer in the campaign; later decisions can be signed off again.

    Refuses when nothing is decided, and a statement that is not the one the page showed: it names the number of items, so a
    decision made meanwhile in another window is never signed unseen.
    """
    now = clock.now()
    queries.hold_open(campaign_id, now)
    campaign = Campaign.objects.get(pk=campaign_id)
    if not by.is_active or not queries.my_assignments(by, campaign_id).exists():
        raise NotAllowed("You have no items in this campaign.")
    drafts = list(
        queries.my_drafts(by, campaign_id)
        .select_for_update(of=("self",), no_key=True)
        .order_by("number")
        .values_list("id", "number", "decision", "decided_at", "decision_entry_uid")
    )
    if not drafts:
        raise InvalidInput("There is nothing to submit: decide at least one item first.")
    if statement != rules.statement(by.name, len(drafts), campaign.name):
        raise InvalidInput("Your decisions have changed since this page was shown. Look at the summary again, then submit.")
    sign_off = _sign_off(campaign, drafts, statement, now, by)
    ReviewItem.objects.filter(pk__in=[row[0] for row in drafts]).update(sign_off=sign_off)
    return sign_off


def _sign_off(campaign: Campaign, drafts: list[tuple], statement: str, now, by) -> SignOff:
    codes = [row[2] for row in drafts]
    counts = {
        "approved": codes.count(DecisionCode.APPROVE),
        "revoked": codes.count(DecisionCode.REVOKE),
        "dont_know": codes.count(DecisionCode.DONT_KNOW),
        "open_left": queries.my_open(by, campaign.pk).count(),
    }
    leaves = [
        merkle.leaf_hash(canonical.dumps([str(campaign.pk), str(number), code, rfc3339(decided_at), str(uid)]))
        for _, number, code, decided_at, uid in drafts
    ]
    root = merkle.root(leaves).hex()
    entry = entries.record(
        kind="review:submitted",
        subject=f"campaigns.campaign:{campaign.pk}",
        by=by,
        at=now,
        data={
            "campaign": str(campaign.pk),
            "reviewer": by.actor_ref(),
            "statement": statement,
            "counts": counts,
            "decisions_root": root,
            "submitted_at": rfc3339(now),
        },
    )
    return SignOff.objects.create(
        campaign=campaign,
        reviewer=by,
        reviewer_name=by.name,
        statement=statement,
        decisions_root=root,
        submitted_at=now,
        entry_uid=entry.uid,
        **counts,
    )

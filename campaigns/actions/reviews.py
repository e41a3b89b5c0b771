"""Submitting: a reviewer signs the statement over what they decided."""

from django.db import connection, transaction
from django.utils.translation import gettext as _

from campaigns import rules, worklist
from campaigns.actions import findings, routing
from campaigns.models import Assignment, Campaign, SignedDecision, SignOff
from campaigns.states import DecisionCode
from certify.lib import canonical, clock
from certify.lib.errors import InvalidInput, NotAllowed
from certify.lib.times import rfc3339
from ledger import merkle
from ledger.actions import entries
from ledger.actors import SYSTEM


@transaction.atomic
def submit(*, campaign_id: int, statement: str, by) -> SignOff:
    """Sign off every draft decision of the reviewer in the campaign; later decisions can be signed off again.

    Refuses when nothing is decided, and a statement that is not the one the page showed: it names the number of items, so a
    decision made meanwhile in another window is never signed unseen.
    """
    now = clock.now()
    stage = worklist.hold_open(campaign_id, now)
    campaign = Campaign.objects.get(pk=campaign_id)
    if not by.is_active or not worklist.my_rows(by, campaign_id).exists():
        raise NotAllowed(_("You have no items in this campaign."))
    worklist.hold_reviewers(campaign_id, worklist.principals(by, campaign_id))
    drafts = list(
        worklist.my_drafts(by, campaign_id)
        .filter(stage=stage)
        .select_for_update(of=("self",), no_key=True)
        .order_by("item_number", "pk")
    )
    if not drafts:
        raise InvalidInput(_("There is nothing to submit: decide at least one item first."))
    if statement != rules.statement(len(drafts), campaign.name):
        raise InvalidInput(_("Your decisions have changed since this page was shown. Look at the summary again, then submit."))
    sign_off = _sign_off(campaign, drafts, statement, now, by)
    SignedDecision.objects.bulk_create(
        (
            SignedDecision(
                sign_off=sign_off,
                campaign=campaign,
                assignment=row,
                item_number=row.item_number,
                code=row.decision,
                decided_at=row.decided_at,
                entry_uid=row.decision_entry_uid,
            )
            for row in drafts
        ),
        batch_size=5_000,
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE campaigns_assignment AS row SET sign_off_id = signed.sign_off_id FROM campaigns_signeddecision AS signed"
            " WHERE signed.sign_off_id = %s AND row.id = signed.assignment_id",
            [sign_off.pk],
        )
    routing.route_unknown(rows=drafts, by=by)
    if not sign_off.open_left:
        # Whoever is done is measured now, so that the owner can ask again while there is time.
        findings.record(campaign=campaign, reviewers=[by.pk], by=SYSTEM)
    return sign_off


def _sign_off(campaign: Campaign, drafts: list[Assignment], statement: str, now, by) -> SignOff:
    codes = [row.decision for row in drafts]
    counts = {
        "approved": codes.count(DecisionCode.APPROVE),
        "revoked": codes.count(DecisionCode.REVOKE),
        "dont_know": codes.count(DecisionCode.DONT_KNOW),
        "open_left": worklist.open_rows(worklist.my_rows(by, campaign.pk), campaign.stage).count(),
    }
    if reduced := codes.count(DecisionCode.REDUCE):
        counts["reduced"] = reduced
    leaves = [
        merkle.leaf_hash(
            canonical.dumps(
                [str(campaign.pk), str(row.item_number), row.decision, rfc3339(row.decided_at), str(row.decision_entry_uid)]
            )
        )
        for row in drafts
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

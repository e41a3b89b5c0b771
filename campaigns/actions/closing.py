"""The end of a campaign: closed with an outcome for every item, or cancelled with a reason."""

from django.db import connection, transaction

from campaigns import permissions, population, rules
from campaigns.models import Campaign
from campaigns.states import CampaignState, Outcome
from certify.lib import clock
from certify.lib.errors import NotAllowed
from certify.lib.times import rfc3339
from ledger.actions import entries
from ledger.actors import SYSTEM
from ledger.merkle import MerkleAccumulator
from people.actions import mails

#: `rules.outcome_of` in SQL: only what was submitted counts, silence never approves.
SET_OUTCOMES = """
    UPDATE campaigns_reviewitem SET outcome = CASE
        WHEN sign_off_id IS NOT NULL AND decision = 'approve' THEN 'approved'
        WHEN sign_off_id IS NOT NULL AND decision = 'revoke' THEN 'revoked'
        ELSE 'not_reviewed' END
    WHERE campaign_id = %s
"""
OUTCOME_LEAF = population.leaf_sql(
    [
        "item.campaign_id::text",
        "item.number::text",
        "item.outcome",
        *(
            f"CASE WHEN item.sign_off_id IS NULL THEN '' ELSE {cell} END"
            for cell in (
                "item.decision",
                "'people.user:' || item.decided_by_id",
                population.moment_sql("item.decided_at"),
                "item.decision_entry_uid::text",
                "sign_off.entry_uid::text",
            )
        ),
    ]
)


@transaction.atomic
def close(*, campaign_id: int, by) -> Campaign:
    """Give every item its outcome and freeze the campaign; the database refuses every later change.

    By a control owner at any time, by Certify itself once it is due. A campaign that is closed already is left as it is.
    """
    campaign = Campaign.objects.select_for_update(of=("self",), no_key=True).get(pk=campaign_id)
    if campaign.state == CampaignState.CLOSED:
        return campaign
    rules.check_transition(campaign.state, CampaignState.CLOSED)
    now = clock.now()
    if (by is SYSTEM and now < campaign.due_at) or (by is not SYSTEM and not permissions.can_close(by, campaign)):
        raise NotAllowed("Only a control owner may close a campaign before it is due.")
    with connection.cursor() as cursor:
        cursor.execute(SET_OUTCOMES, [campaign.pk])
    campaign.outcome_root, counts = _outcomes(campaign.pk)
    entry = entries.record(
        kind="campaign:closed",
        subject=f"campaigns.campaign:{campaign.pk}",
        by=by,
        at=now,
        data={
            "campaign": str(campaign.pk),
            "closed_at": rfc3339(now),
            "items": campaign.item_count,
            "counts": counts,
            "outcome_root": campaign.outcome_root,
        },
    )
    campaign.state, campaign.closed_at, campaign.closed_by_name = CampaignState.CLOSED, now, by.actor_ref()["name"]
    campaign.close_entry_uid = entry.uid
    campaign.save()
    mails.queue(
        recipient=campaign.owner,
        template="campaign_closed",
        context={"campaign": campaign.name, "path": f"/campaigns/{campaign.pk}/", **counts},
        subject_ref=f"campaigns.campaign:{campaign.pk}",
        dedupe_key=f"campaign-closed:{campaign.pk}",
        by=by,
    )
    return campaign


def _outcomes(campaign_id: int) -> tuple[str, dict[str, int]]:
    """The root over the outcomes in the order of the items, hex, and how many there are of each."""
    tree, counts = MerkleAccumulator(), dict.fromkeys(Outcome.values, 0)
    with connection.connection.cursor(name="outcomes_of_campaign") as cursor:
        cursor.itersize = 20_000
        cursor.execute(
            f"SELECT item.outcome, {OUTCOME_LEAF} FROM campaigns_reviewitem AS item"
            " LEFT JOIN campaigns_signoff AS sign_off ON sign_off.id = item.sign_off_id"
            " WHERE item.campaign_id = %s ORDER BY item.number",
            [campaign_id],
        )
        for outcome, leaf in cursor:
            counts[outcome] += 1
            tree.append(bytes(leaf))
    return tree.root().hex(), counts


@transaction.atomic
def cancel(*, campaign_id: int, reason: str, by) -> Campaign:
    """End a campaign without outcomes. Its items, decisions and reason stay for the auditor."""
    campaign = Campaign.objects.select_for_update(of=("self",), no_key=True).get(pk=campaign_id)
    rules.check_transition(campaign.state, CampaignState.CANCELLED)
    if not permissions.can_cancel(by, campaign):
        raise NotAllowed("Only a control owner may cancel a campaign.")
    reason = rules.check_reason(reason, "Say why the campaign is cancelled.")
    campaign.state, campaign.error = CampaignState.CANCELLED, reason
    campaign.save(update_fields=["state", "error"])
    entries.record(
        kind="campaign:cancelled",
        subject=f"campaigns.campaign:{campaign.pk}",
        by=by,
        data={"campaign": str(campaign.pk), "reason": reason},
    )
    return campaign

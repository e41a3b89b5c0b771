"""The seal: the control owner signs that a closed campaign is done with."""

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns.models import Campaign
from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from certify.lib.times import rfc3339
from evidence import permissions, sealing
from evidence.models import Seal
from ledger.actions import entries

MIN_STATEMENT = 10


@transaction.atomic
def seal(*, campaign_id: int, statement: str, by) -> Seal:
    """Seal a campaign with the control owner's statement; once.

    Refuses strangers, a statement that says too little, a campaign that is not closed or sealed already, and one that has
    removals neither verified gone nor within their deadline, or findings nobody has judged: every reason is said.
    """
    if not permissions.can_manage_audit(by):
        raise NotAllowed(_("Only a control owner may seal a campaign."))
    # The lock is on the campaign: findings are judged under it, so nothing moves between the look and the seal.
    campaign = Campaign.objects.select_for_update(of=("self",), no_key=True).get(pk=campaign_id)
    if earlier := Seal.objects.filter(campaign=campaign).first():
        raise InvalidInput(_("{by_name} has sealed it already.").format(by_name=earlier.by_name))
    statement = statement.strip()
    if len(statement) < MIN_STATEMENT:
        raise InvalidInput(
            _("Write what you state, in at least {min_statement} characters.").format(min_statement=MIN_STATEMENT),
            field="statement",
        )
    now = clock.now()
    counts = sealing.counts(campaign, now)
    if reasons := sealing.hindrances(campaign, counts):
        raise InvalidInput(" ".join(reason.text for reason in reasons))
    entry = entries.record(
        kind="campaign:sealed",
        subject=f"campaigns.campaign:{campaign.pk}",
        by=by,
        at=now,
        data={
            "campaign": str(campaign.pk),
            "statement": statement,
            "sealed_at": rfc3339(now),
            "close_entry": str(campaign.close_entry_uid),
            "outcome_root": campaign.outcome_root,
            "counts": counts,
        },
    )
    return Seal.objects.create(
        campaign=campaign, statement=statement, by=by, by_name=by.name, at=now, counts=counts, entry_uid=entry.uid
    )

"""What the owner makes of findings: accepted with a reason, or the reviewer is asked again."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import permissions, rules
from campaigns.actions import advancing
from campaigns.models import Assignment, Campaign, Finding, FindingDisposition
from campaigns.states import FINAL_STATES, CampaignState, Disposition
from certify.lib import clock
from certify.lib.errors import Conflict, InvalidInput, NotAllowed
from ledger.actions import entries


@transaction.atomic
def judge(*, campaign_id: int, finding_ids: Iterable[int], choice: str, reason: str, by) -> list[FindingDisposition]:
    """Judge findings of a campaign, each once and for good, with one reason.

    Asking again opens what these people have submitted in the present stage, while there is time for it, to be decided and measured
    anew; where there is no time, or nothing to open, it is recorded for the next run. Refuses strangers, findings about one's own
    reviews and, with `Conflict`, those that somebody else has judged meanwhile.
    """
    campaign = Campaign.objects.select_for_update(of=("self",), no_key=True).get(pk=campaign_id)
    if not permissions.can_run_campaigns(by):
        raise NotAllowed(_("Only a control owner may judge findings."))
    if choice not in Disposition.values:
        raise InvalidInput(_("Accept it, or ask again."), field="choice")
    reason, now = rules.check_reason(reason, gettext_lazy("Say why.")), clock.now()
    wanted = set(finding_ids)
    found = list(
        Finding.objects.filter(campaign=campaign, pk__in=wanted, disposition__isnull=True)
        .select_related("reviewer")
        .order_by("pk")
    )
    if not wanted:
        raise InvalidInput(_("Choose what you judge."), field="findings")
    if len(found) != len(wanted):
        raise Conflict(_("Somebody else has judged some of this meanwhile. Look at it again."))
    if any(finding.reviewer_id == by.pk for finding in found):
        raise NotAllowed(_("This is about your own reviews: another control owner must judge it."))
    reopened = _reopen(campaign, found, reason, now, by) if choice == Disposition.RE_ASK else {}
    return [_write(finding, choice, reason, reopened.get(finding.reviewer_id), now, by) for finding in found]


def _reopen(campaign: Campaign, found: list[Finding], reason: str, now: datetime, by) -> dict[int, int]:
    """Reviewer → answers opened again; nobody where it is too late for that, none where nothing of theirs is in this stage."""
    if campaign.state in FINAL_STATES or (campaign.state == CampaignState.OPEN and now > campaign.due_at):
        return {}
    if campaign.state != CampaignState.OPEN:
        raise InvalidInput(_("This campaign is not open: nobody can be asked now."))
    reopened = {}
    for reviewer in sorted({finding.reviewer_id for finding in found}):
        rows = Assignment.objects.filter(
            campaign=campaign, stage=campaign.stage, decided_by_id=reviewer, sign_off__isnull=False
        )
        if ids := list(rows.values_list("pk", flat=True)):
            reopened[reviewer] = advancing.reopen(campaign_id=campaign.pk, assignment_ids=ids, reason=reason, anew=True, by=by)
    return reopened


def _write(finding: Finding, choice: str, reason: str, reopened: int | None, now: datetime, by) -> FindingDisposition:
    facts = {
        "campaign": str(finding.campaign_id),
        "finding": str(finding.entry_uid),
        "reviewer": finding.reviewer.actor_ref(),
        "measure": finding.measure,
        "choice": str(choice),
        "reason": reason,
    }
    if choice == Disposition.RE_ASK:
        facts["asked"] = "in the next run" if reopened is None else "now"
        facts["reopened"] = str(reopened or 0)
    subject = f"campaigns.campaign:{finding.campaign_id}"
    entry = entries.record(kind="finding:dispositioned", subject=subject, by=by, at=now, data=facts)
    return FindingDisposition.objects.create(
        finding=finding, choice=choice, reason=reason, reopened=reopened, by=by, by_name=by.name, at=now, entry_uid=entry.uid
    )

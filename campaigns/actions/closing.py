"""The end of a campaign: closed with an outcome for every item, or cancelled with a reason."""

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import permissions, queries, results, rules, second_look, stages
from campaigns.actions import findings, guards, schedules, settling
from campaigns.models import Campaign, CampaignDefinition, Decision
from campaigns.states import CampaignState
from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from certify.lib.language import dated
from certify.lib.times import rfc3339
from ledger.actions import entries
from ledger.actors import SYSTEM
from people.actions import mails


@transaction.atomic
def close(*, campaign_id: int, by) -> Campaign:
    """Give every item its outcome and freeze the campaign; the database refuses every later change.

    By a control owner at any time, by Certify itself once its last stage is due. What was to be asked in a later stage is not
    reviewed. A campaign that is closed already is left as it is. Refuses while a second look is wanted and not done with.
    """
    campaign = Campaign.objects.select_for_update(of=("self",), no_key=True).get(pk=campaign_id)
    if campaign.state == CampaignState.CLOSED:
        return campaign
    rules.check_transition(campaign.state, CampaignState.CLOSED)
    is_over = campaign.stage == len(stages.of(campaign.terms)) and queries.stage_is_over(campaign, clock.now())
    if not (is_over if by is SYSTEM else permissions.can_close(by, campaign)):
        raise NotAllowed(_("Only a control owner may close a campaign before it is due."))
    _check_second_look(campaign)
    results.settle(campaign)
    return close_settled(campaign=campaign, by=by)


def _check_second_look(campaign: Campaign) -> None:
    """Refuse to close before the second look was asked for, and before it is answered or its time is over."""
    if second_look.is_due(campaign):
        raise InvalidInput(_("This review ends with a second look at what was kept. Ask for it first."))
    if second_look.is_running(campaign) and clock.now() < campaign.due_at and (left := second_look.waiting(campaign).count()):
        raise InvalidInput(
            _("{left} answers of the second look are awaited until {due_at} UTC.").format(
                left=intcomma(left), due_at=dated(campaign.due_at, "d F Y, H:i")
            )
        )


@transaction.atomic
def close_settled(*, campaign: Campaign, by) -> Campaign:
    """Close a locked campaign whose present stage has its results."""
    now = clock.now()
    results.leave_unanswered(campaign, campaign.stage)
    results.decide_outcomes(campaign)
    campaign.outcome_root, counts = results.outcome_root(campaign)
    findings.record(campaign=campaign, by=SYSTEM)
    guards.hold(campaign=campaign, by=SYSTEM)
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
            "answers_root": results.answers_root(campaign),
            "decisions": Decision.objects.filter(campaign=campaign).count(),
        },
    )
    campaign.state, campaign.closed_at, campaign.closed_by_name = CampaignState.CLOSED, now, by.signed_as
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


@transaction.atomic
def cancel(*, campaign_id: int, reason: str, by) -> Campaign:
    """End a campaign without outcomes, early ones among them. Its items, decisions and reason stay for the auditor."""
    # The sweep that launches drafts takes the definition first, too.
    CampaignDefinition.objects.select_for_update(of=("self",), no_key=True).get(campaigns=campaign_id)
    campaign = Campaign.objects.select_for_update(of=("self",), no_key=True).get(pk=campaign_id)
    rules.check_transition(campaign.state, CampaignState.CANCELLED)
    if not permissions.can_cancel(by, campaign):
        raise NotAllowed(_("Only a control owner may cancel a campaign."))
    reason = rules.check_reason(reason, gettext_lazy("Say why the campaign is cancelled."))
    was_draft = campaign.state == CampaignState.DRAFT
    settling.unsettle(campaign=campaign, by=by)
    campaign.state, campaign.error = CampaignState.CANCELLED, reason
    campaign.save(update_fields=["state", "error"])
    if was_draft:
        schedules.skipped(campaign=campaign, reason=reason, by=by)
    entries.record(
        kind="campaign:cancelled",
        subject=f"campaigns.campaign:{campaign.pk}",
        by=by,
        data={"campaign": str(campaign.pk), "reason": reason},
    )
    return campaign

"""What the owner does to a campaign as a whole: open what was staged, try its mail, pause it, go on."""

from django.db import transaction
from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import permissions, rules, stages
from campaigns.actions import launching
from campaigns.models import Assignment, Campaign
from campaigns.states import CampaignState
from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from certify.lib.times import rfc3339
from ledger.actions import entries
from people.actions import mails


def _locked(campaign_id: int, by) -> Campaign:
    campaign = Campaign.objects.select_for_update(of=("self",), no_key=True).get(pk=campaign_id)
    if not permissions.can_run_campaigns(by):
        raise NotAllowed(_("Only a control owner may do this to a campaign."))
    return campaign


@transaction.atomic
def open_staged(*, campaign_id: int, by) -> Campaign:
    """Open a campaign whose population was frozen for a look: from now on its reviewers are asked. One that is open is left as it is."""
    campaign = _locked(campaign_id, by)
    if campaign.state == CampaignState.OPEN:
        return campaign
    if campaign.state != CampaignState.STAGED:
        rules.check_transition(campaign.state, CampaignState.OPEN)
    launching.begin(campaign=campaign, at=clock.now(), by=by)
    return campaign


@transaction.atomic
def send_test_mail(*, campaign_id: int, by) -> None:
    """Send to oneself what the reviewer with the most items will get."""
    campaign = _locked(campaign_id, by)
    if campaign.state != CampaignState.STAGED:
        raise InvalidInput(_("A test mail can be sent while the campaign is staged."))
    asked = Assignment.objects.filter(campaign=campaign, is_active=True).values("reviewer").annotate(items=Count("id"))
    now, busiest = clock.now(), asked.order_by("-items").first()
    due_at = stages.due_at(campaign.terms, 1, now, campaign.ends_at)
    mails.queue(
        recipient=by,
        template="campaign_opened",
        context=stages.asking_words(campaign, busiest["items"] if busiest else 0, due_at)
        | {"campaign": f"[Test] {campaign.name}", "path": f"/campaigns/{campaign.pk}/"},
        subject_ref=f"campaigns.campaign:{campaign.pk}",
        dedupe_key=f"test-mail:{campaign.pk}:{by.pk}:{rfc3339(now)}",
        by=by,
    )


@transaction.atomic
def pause(*, campaign_id: int, reason: str, by) -> Campaign:
    """Stop an open campaign for a while: nobody can decide, nobody is reminded, and it does not end. Needs a reason."""
    campaign = _locked(campaign_id, by)
    rules.check_transition(campaign.state, CampaignState.PAUSED)
    reason = rules.check_reason(reason, gettext_lazy("Say why the campaign is paused."))
    campaign.state, campaign.paused_at, campaign.error = CampaignState.PAUSED, clock.now(), reason
    campaign.save(update_fields=["state", "paused_at", "error"])
    _record("campaign:paused", campaign, by, reason=reason)
    return campaign


@transaction.atomic
def resume(*, campaign_id: int, by) -> Campaign:
    """Go on with a paused campaign. The present stage ends later by as long as it was paused."""
    campaign = _locked(campaign_id, by)
    if campaign.state != CampaignState.PAUSED:
        raise InvalidInput(_("This campaign is not paused."))
    campaign.due_at += clock.now() - campaign.paused_at
    campaign.state, campaign.paused_at, campaign.error = CampaignState.OPEN, None, ""
    campaign.save(update_fields=["state", "paused_at", "error", "due_at"])
    _record("campaign:resumed", campaign, by, due_at=rfc3339(campaign.due_at))
    return campaign


def _record(kind: str, campaign: Campaign, by, **more: str) -> None:
    data = {"campaign": str(campaign.pk), "stage": str(campaign.stage)} | more
    entries.record(kind=kind, subject=f"campaigns.campaign:{campaign.pk}", by=by, data=data)

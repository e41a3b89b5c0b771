"""Removals that began at sign-off, held against what their items want now."""

from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from campaigns.models import Campaign, HeldRemoval, SilenceRemoval
from campaigns.states import TO_REMOVE, CampaignState, Outcome
from remediation.models import RemediationTask, Withdrawal
from remediation.states import UNPROVED, TaskState

#: Gone, or reported so on a proof.
GONE = (TaskState.VERIFIED_GONE, TaskState.CLOSED)
ENDED = (CampaignState.CLOSED, CampaignState.CANCELLED)
#: The item is to be removed: by its outcome, or because people approved it after silence.
WANTED = Q(item__outcome__in=TO_REMOVE) | Q(item__outcome=Outcome.NOT_REVIEWED) & Exists(
    SilenceRemoval.objects.effective().filter(item=OuterRef("item"))
)
HELD = Exists(HeldRemoval.objects.blocked().filter(item=OuterRef("item")))
NAMED_GONE = Exists(Withdrawal.objects.filter(task=OuterRef("pk"), is_gone=True))

UNWANTED = Q(state__in=UNPROVED) & ~WANTED
WANTED_AGAIN = Q(state=TaskState.WITHDRAWN) & WANTED & ~HELD
GONE_IN_VAIN = Q(state__in=GONE, campaign__state__in=ENDED) & ~WANTED & ~NAMED_GONE


def _of(campaign: Campaign) -> QuerySet:
    return RemediationTask.objects.filter(campaign=campaign, is_early=True)


def unwanted(campaign: Campaign) -> QuerySet:
    """Removals under way that nothing decides any more."""
    return _of(campaign).filter(UNWANTED)


def wanted_again(campaign: Campaign) -> QuerySet:
    """Withdrawn removals that are decided again."""
    return _of(campaign).filter(WANTED_AGAIN)


def gone_in_vain(campaign: Campaign) -> QuerySet:
    """Access that was removed although its campaign, which has ended, came to something else; not named yet."""
    return _of(campaign).filter(GONE_IN_VAIN)


def campaigns_to_follow() -> QuerySet:
    """Campaigns with an early removal that must stop, go on or be named."""
    changed = RemediationTask.objects.filter(UNWANTED | WANTED_AGAIN | GONE_IN_VAIN, is_early=True)
    return Campaign.objects.filter(pk__in=changed.values("campaign_id")).order_by("id")


def under_way(campaign: Campaign) -> int:
    """How many removals of a campaign began at sign-off and were not withdrawn."""
    return _of(campaign).exclude(state=TaskState.WITHDRAWN).count()


def withdrawn(task: RemediationTask) -> list[tuple[datetime, str, str, UUID]]:
    """What the page of a removal says of its withdrawals: when, what, why, and the entry."""
    return [
        (
            one.at,
            _("Gone, though not decided any more") if one.is_gone else _("Withdrawn"),
            _("{why}.").format(why=one.get_reason_display()),
            one.entry_uid,
        )
        for one in task.withdrawals.all()
    ]

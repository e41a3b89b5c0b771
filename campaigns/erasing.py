"""What hinders erasing a person: reviews that wait for them, or rest on them, and legal holds; and which names leaves cover."""

from collections.abc import Iterator

from django.db.models import Q
from django.utils.translation import gettext as _

from campaigns import holds
from campaigns.models import Assignment, Campaign, CampaignDefinition, Delegation, ReviewerGroup
from campaigns.states import FINAL_STATES
from certify.lib import clock
from inventory.models import Account, Identity

#: Of campaigns that were launched before names stood apart from leaves, a leaf covers the name of whoever was asked: it stays.
NAME_IS_APART = "campaign_id IN (SELECT id FROM campaigns_campaign WHERE terms ->> 'names' = 'apart')"
#: The same of who is asked about.
NAMES_ARE_COMMITTED = "name_salt IS NOT NULL"


def hindrances(person) -> Iterator[str]:
    """Legal holds, items that are asked of them, reviews they own or stand in for, groups and delegations they are part of."""
    yield from _held(person)
    waiting = Assignment.objects.filter(reviewer=person, is_active=True).exclude(campaign__state__in=FINAL_STATES)
    if count := waiting.count():
        yield _("Items of open reviews that are theirs to answer: {count}.").format(count=count)
    if count := Campaign.objects.filter(owner=person).exclude(state__in=FINAL_STATES).count():
        yield _("Reviews that are not closed, theirs to run: {count}.").format(count=count)
    relied = CampaignDefinition.objects.filter(Q(owner=person) | Q(fallback_reviewer=person), is_archived=False)
    if count := relied.count():
        yield _("Definitions that name them as owner or fallback reviewer: {count}.").format(count=count)
    if count := ReviewerGroup.objects.filter(members=person, is_archived=False).count():
        yield _("Groups of reviewers they are in: {count}.").format(count=count)
    standing = Delegation.objects.filter(
        Q(principal=person) | Q(delegate=person), ended_at=None, ends_on__gte=clock.now().date()
    )
    if count := standing.count():
        yield _("Delegations that name them: {count}.").format(count=count)


def hindrances_of_reviewed(subject: Identity | Account) -> Iterator[str]:
    """Legal holds, and items about their access in reviews that are not over."""
    yield from _held(subject)
    if count := holds.items_about(subject).exclude(campaign__state__in=FINAL_STATES).count():
        yield _("Items about their access in reviews that are not over: {count}.").format(count=count)


def _held(person) -> Iterator[str]:
    for hold in holds.holding(person):
        yield _("A legal hold covers them: “{name}”.").format(name=hold.name)

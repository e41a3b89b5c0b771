"""What hinders erasing a person: reviews that wait for them, or rest on them."""

from collections.abc import Iterator

from django.db.models import Q
from django.utils.translation import gettext as _

from campaigns.models import Assignment, Campaign, CampaignDefinition, Delegation, ReviewerGroup
from campaigns.states import FINAL_STATES
from certify.lib import clock

#: Of campaigns that were launched before names stood apart from leaves, a leaf covers the name of whoever was asked: it stays.
NAME_IS_APART = "campaign_id IN (SELECT id FROM campaigns_campaign WHERE terms ->> 'names' = 'apart')"


def hindrances(person) -> Iterator[str]:
    """Items that are asked of them, reviews they own or stand in for, groups and delegations they are part of."""
    waiting = Assignment.objects.filter(reviewer=person, is_active=True).exclude(campaign__state__in=FINAL_STATES)
    if count := waiting.count():
        yield _("{count} items of reviews that are not closed are theirs.").format(count=count)
    if count := Campaign.objects.filter(owner=person).exclude(state__in=FINAL_STATES).count():
        yield _("{count} reviews that are not closed are theirs to run.").format(count=count)
    relied = CampaignDefinition.objects.filter(Q(owner=person) | Q(fallback_reviewer=person), is_archived=False)
    if count := relied.count():
        yield _("{count} definitions name them as owner or fallback reviewer.").format(count=count)
    if count := ReviewerGroup.objects.filter(members=person, is_archived=False).count():
        yield _("They are in {count} groups of reviewers.").format(count=count)
    standing = Delegation.objects.filter(
        Q(principal=person) | Q(delegate=person), ended_at=None, ends_on__gte=clock.now().date()
    )
    if count := standing.count():
        yield _("{count} delegations name them.").format(count=count)

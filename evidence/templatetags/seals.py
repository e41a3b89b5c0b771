"""Seals on the pages of the floors below, which know nothing of them."""

from collections.abc import Iterable

from django import template

from campaigns.models import Campaign
from evidence.models import Seal

register = template.Library()


@register.simple_tag
def seals_of(campaigns: Iterable[Campaign]) -> dict[int, Seal]:
    """Campaign id → its seal, of those that have one."""
    return {seal.campaign_id: seal for seal in Seal.objects.filter(campaign__in=[campaign.pk for campaign in campaigns])}


@register.filter
def of_campaign(seals: dict[int, Seal], campaign: Campaign) -> Seal | None:
    """The seal of one of them."""
    return seals.get(campaign.pk)


@register.simple_tag
def seal_of(campaign: Campaign) -> Seal | None:
    """The seal of a campaign, if it has one."""
    return Seal.objects.filter(campaign=campaign).first()

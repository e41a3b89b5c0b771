"""Benches that build rows without the product's actions: what they write still fits its tables, and is what they measure."""

import pytest

from bench import removals, sod, stages
from campaigns.actions import closing
from campaigns.models import Decision, ReviewItem
from remediation.models import Verification

pytestmark = pytest.mark.django_db


def test_the_removals_are_built_and_verified(monkeypatch):
    for name, value in (("GRANTS", 2_000), ("TASKS", 200), ("RIGHTS", 200)):
        monkeypatch.setattr(removals, name, value)
    removals.build()
    removals.ended(2, removals.GONE[0])
    found, _ = removals.verified(2)
    assert found == {"gone": 3, "still_there": 197, "returned": 0}
    assert Verification.objects.count() == 200
    assert removals.joined() >= 0
    assert removals.written(2) >= 0


def test_the_duties_are_built_and_compared(monkeypatch):
    sizes = {"SYSTEMS": 5, "PEOPLE": 400, "ACCOUNTS": 800, "RIGHTS": 500, "GRANTS": 4_000, "RULES": 20}
    for name, value in sizes.items():
        monkeypatch.setattr(sod, name, value)
    sod.build()
    found, _ = sod.evaluate()
    assert found.standing == found.begun > 0
    assert sod.bare()[1] > 0


def test_the_answers_of_a_stage_are_built_and_counted(story):
    campaign = story.launch()
    stages.answer(campaign, 1, story.owner)
    closing.close(campaign_id=campaign.pk, by=story.owner)
    assert Decision.objects.filter(campaign=campaign).count() == campaign.item_count
    assert set(ReviewItem.objects.values_list("outcome", flat=True)) == {"approved"}

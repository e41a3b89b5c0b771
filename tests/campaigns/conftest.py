"""A campaign over the small company, and its busiest reviewer."""

import pytest


@pytest.fixture
def campaign(story):
    """An open campaign over all of it."""
    return story.launch()


@pytest.fixture
def ana(campaign, story):
    """The manager of most people; her sign-in was made at launch."""
    return story.user("ana@x.example")

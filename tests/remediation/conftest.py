"""A closed campaign and its removals."""

import pytest

from campaigns.actions import closing
from remediation import tasks
from remediation.models import RemediationTask


@pytest.fixture
def closed(story):
    """A closed campaign that revoked Chloe's and David's right to read, and Bruno's privileged one."""
    campaign = story.launch()
    ana = story.user("ana@x.example")
    for account in ("chloe", "david"):
        story.decide(campaign, account, "revoke", ana)
    story.decide(campaign, "bruno", "revoke", ana, entitlement="admin")
    story.submit(campaign, ana)
    return closing.close(campaign_id=campaign.pk, by=story.owner)


@pytest.fixture
def opened(closed):
    """Its removals by account."""
    tasks.sweep_signed_off()
    return {task.item.account_key: task for task in RemediationTask.objects.select_related("item")}

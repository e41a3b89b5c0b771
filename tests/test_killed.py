"""A load and a launch killed by SIGKILL at several moments leave the former state; done again they give the undisturbed result."""

import pytest

from campaigns.actions import launching, plans
from campaigns.models import Assignment, Campaign, Exclusion, ReviewItem, StageResult
from inventory.actions import snapshots
from inventory.models import Account, Grant, RejectedRow, Snapshot
from inventory.readers.rows import FileToRead
from ledger.models import Entry
from tests.killing import kill_after, run
from tests.story import tell

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
ROWS = 60_000


def counts(*models) -> list[int]:
    return [model.objects.count() for model in models]


def kill_often(program: str, watched: tuple) -> set[tuple]:
    """Kill the program at later and later moments; the states that were seen: the former one, or the whole result, nothing else."""
    seen = set()
    for seconds in (0.05, 0.4, 0.8, 1.2):
        was_running = kill_after(program, seconds)
        seen.add(tuple(counts(*watched)))
        if not was_running or len(seen) > 1:
            break
    return seen


@pytest.fixture
def big(transactional_db, tmp_path):
    """The small company and a file of many grants."""
    story = tell(tmp_path)
    path = tmp_path / "many.csv"
    with path.open("w") as out:
        out.write("source,account_id,identity_id,entitlement_id\n")
        out.writelines(f"crm,a{n // 3},p{n % 4 + 1 if n % 3 == 0 else ''},e{n % 3}\n".replace(",p,", ",,") for n in range(ROWS))
    return story, path


def test_killed_loads_and_launches_leave_the_former_state(big):
    story, path = big
    load = (
        "from pathlib import Path\nfrom inventory.actions import snapshots\nfrom inventory.readers.rows import FileToRead\n"
        "from people.models import User\n"
        f"snapshots.load(source_id={story.source.pk}, files=[FileToRead('grants', Path({str(path)!r}), 'many.csv')],"
        " origin=snapshots.Origin('Killed by the test', 'partial'), by=User.objects.get(username='admin'))"
    )
    before = tuple(counts(Grant, Account, Snapshot, RejectedRow, Entry))
    seen = kill_often(load, (Grant, Account, Snapshot, RejectedRow, Entry))
    if Snapshot.objects.count() == 1:
        assert run(load).wait() == 0
    assert seen <= {before, tuple(counts(Grant, Account, Snapshot, RejectedRow, Entry))}
    first = counts(Grant, Snapshot)
    assert first[1] == 2
    definition = story.define()
    campaign = launching.request(definition_id=definition.pk, name="Q4", by=story.owner)
    launch = (
        "from campaigns.actions import launching\nfrom people.models import User\n"
        f"launching.launch(campaign_id={campaign.pk}, by=User.objects.get(username='control_owner'))"
    )
    before = tuple(counts(ReviewItem, Assignment, Exclusion, Entry))
    seen = kill_often(launch, (ReviewItem, Assignment, Exclusion, Entry))
    launching.launch(campaign_id=campaign.pk, by=story.owner)
    campaign = Campaign.objects.get()
    assert seen <= {before, tuple(counts(ReviewItem, Assignment, Exclusion, Entry))}
    assert (campaign.state, campaign.item_count) == ("open", first[0])
    assert counts(ReviewItem, Assignment) == [first[0], first[0]]
    assert Entry.objects.filter(kind="campaign:launched").count() == 1


def test_killed_ends_of_a_stage_and_of_a_campaign_leave_the_former_state(big):
    story, path = big
    files = [FileToRead("grants", path, path.name)]
    snapshots.load(source_id=story.source.pk, files=files, origin=snapshots.Origin("Of the test", "partial"), by=story.admin)
    definition = story.define()
    first = {"name": "One", "panels": [[{"rule": "system_owner"}]], "strategy": "one_deny_denies", "days": 7}
    plans.set_plan(definition_id=definition.pk, plan={"stages": [first, first | {"name": "Two"}]}, by=story.owner)
    campaign = launching.request(definition_id=definition.pk, name="Q4", by=story.owner)
    launching.launch(campaign_id=campaign.pk, by=story.owner)
    end = (
        "from campaigns.actions import advancing\nfrom people.models import User\n"
        f"advancing.finish_stage(campaign_id={campaign.pk}, by=User.objects.get(username='control_owner'))"
    )
    watched = (StageResult, Assignment, Entry)
    for kind in ("stage:opened", "campaign:closed"):
        before = tuple(counts(*watched))
        seen = kill_often(end, watched)
        if not Entry.objects.filter(kind=kind).exists():
            assert run(end).wait() == 0
        assert seen <= {before, tuple(counts(*watched))}
        assert Entry.objects.filter(kind=kind).count() == 1
    items = ReviewItem.objects.count()
    assert counts(StageResult, Assignment) == [2 * items, 2 * items]
    assert set(ReviewItem.objects.values_list("outcome", flat=True)) == {"not_reviewed"}

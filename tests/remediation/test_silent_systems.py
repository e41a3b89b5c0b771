"""A source that vanishes: nothing is concluded from it, and the pages say so."""

from datetime import timedelta

import pytest
from django.test import Client

from certify.lib import clock
from certify.lib.errors import DomainError
from inventory.actions import snapshots
from inventory.readers.rows import FileToRead
from remediation import queries, tasks
from remediation.models import RemediationTask

pytestmark = pytest.mark.django_db


def states() -> set[str]:
    """Where the removals stand."""
    return set(RemediationTask.objects.values_list("state", flat=True))


def test_an_empty_reading_proves_nothing_unless_somebody_says_that_it_is_right(story, opened, tmp_path):
    path = tmp_path / "empty.csv"
    path.write_text(story.texts["grants"].splitlines()[0] + "\n")
    with pytest.raises(DomainError, match="end"):
        snapshots.load(
            source_id=story.source.pk,
            files=[FileToRead("grants", path, path.name)],
            origin=snapshots.Origin("The system answered with nothing", "full"),
            by=story.admin,
        )
    tasks.verify_new_snapshots()
    assert states() == {"open"}


@pytest.mark.parametrize(("days", "is_silent"), [(13, False), (15, True)])
def test_a_system_that_gives_no_reading_any_more_is_said_to_be_silent(story, opened, days, is_silent):
    client = Client()
    client.force_login(story.system_owner)
    with clock.freeze(clock.now() + timedelta(days=days)):
        tasks.verify_new_snapshots()
        page = client.get(f"/removals/{opened['david'].pk}/").text
        late = client.get("/removals/overdue/").text
    assert states() == {"open"}
    assert ("is silent." in page, f"No full reading for {days} days" in page) == (is_silent, is_silent)
    assert (">silent<" in late) == is_silent


def test_readings_that_prove_nothing_are_counted(story, opened):
    with clock.freeze(clock.now() + timedelta(days=20)):
        story.load("partial")
        found = queries.silence(story.source.pk, now=clock.now())
    assert (found.days, found.others) == (20, 1)
    tasks.verify_new_snapshots()
    assert states() == {"open"}


def test_a_reading_that_comes_back_ends_the_silence_and_judges(story, opened):
    with clock.freeze(clock.now() + timedelta(days=40)):
        story.load_without(("david", "read"))
        tasks.verify_new_snapshots()
        assert queries.silence(story.source.pk, now=clock.now()) is None
    assert states() == {"verified_gone", "still_there"}

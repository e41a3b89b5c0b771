"""Numbers that open exactly the rows they count; the chart; the times."""

import re
from dataclasses import asdict
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certify.lib import clock
from remediation import figures, queries, tasks
from remediation.actions import attempts, exceptions
from remediation.models import RemediationTask

NOTE = attempts.Act("Taken out of the group", link="https://tickets.example/1")


@pytest.fixture
def handled(story, opened):
    """Bruno's is excepted, Chloe's was reported and is verified late, David's is still there."""
    now = clock.now()
    wanted = exceptions.Wanted("The new system comes in spring", "Every use is read weekly", (now + timedelta(days=60)).date())
    made = exceptions.request(task_id=opened["bruno"].pk, wanted=wanted, by=story.system_owner)
    exceptions.approve(exception_id=made.pk, note="Accepted by the board", by=story.owner)
    attempts.claim_one(task_id=opened["chloe"].pk, act=NOTE, by=story.system_owner)
    with clock.freeze(now + timedelta(days=10)):
        story.load_without(("chloe", "read"))
        tasks.verify_new_snapshots()
    return opened


@pytest.mark.django_db
def test_the_numbers_are_those_of_the_story(story, handled):
    rows, total = figures.of(story.owner)
    found = asdict(rows[0])
    assert {name: found[name] for name in figures.NAMES} == {
        "decided": 3, "reported": 1, "verified": 1, "verified_late": 1, "still_there": 1, "came_back": 0, "excepted": 1,
        "cannot_verify": 0, "closed": 0, "withdrawn": 0, "kept": 0, "to_do": 0,
    }  # fmt: skip
    assert figures.spent(rows[0].median) == "10 days"
    assert (total.decided, total.campaign) == (3, None)


@pytest.mark.django_db
def test_every_number_opens_as_many_rows(story, handled, client):
    attempts.claim_one(task_id=handled["david"].pk, act=NOTE, by=story.system_owner)
    _, total = figures.of(story.owner)
    for name, state in figures.OPENS.items():
        rows = queries.work_list(story.owner, filters={"state": state} if state else {}, now=clock.now())
        assert rows.count() == getattr(total, name), name
    client.force_login(story.owner)
    page = client.get("/removals/figures/").text
    for url, value in re.findall(r'<td class="num"><a href="(/removals/[^"]*)">(\d+)</a>', page):
        shown = client.get(url.replace("&amp;", "&")).text
        assert shown.partition("<tbody>")[2].count("<tr>") == int(value), url


@pytest.mark.django_db
def test_a_period_counts_what_was_opened_in_it(story, handled):
    day = RemediationTask.objects.earliest("id").created_at.date()
    assert figures.of(story.owner, since=day, until=day)[1].decided == 3
    assert figures.of(story.owner, since=day + timedelta(days=1))[1].decided == 0
    assert figures.of(story.owner, until=day - timedelta(days=1))[1].decided == 0


@pytest.mark.django_db
def test_people_see_their_own_numbers_only(story, handled):
    RemediationTask.objects.filter(pk=handled["chloe"].pk).update(owner=story.owner)
    assert figures.of(story.system_owner)[1].decided == 2
    assert figures.of(story.auditor) == ([], figures.NOTHING)


@pytest.mark.django_db
def test_the_chart_says_in_words_what_it_shows(story, handled, client):
    client.force_login(story.owner)
    pk = RemediationTask.objects.first().campaign_id
    text = client.get(f"/removals/figures/?campaign={pk}").text
    assert 'role="img"' in text
    assert "Items: 7" in text
    assert "To be removed or reduced: 3" in text
    assert "Verified gone: 1" in text
    assert "style=" not in text.partition("<svg")[2].partition("</svg>")[0]


COUNTS = st.integers(0, 10**6)


@given(st.tuples(*[COUNTS] * 4), st.tuples(*[st.integers(0, 1000)] * len(figures.ENDS)))
def test_every_chart_stays_in_its_frame_and_hides_no_number(outcome, ends):
    outcomes = dict(zip(("approved", "revoked", "reduced", "not_reviewed"), outcome, strict=True))
    named = dict(zip((name for name, _ in figures.ENDS), ends, strict=True))
    found = figures.Figures(**{**asdict(figures.NOTHING), **named, "decided": sum(ends)})
    drawn = figures.flow(outcomes, found)
    if drawn is None:
        assert sum(outcome) == 0
        return
    assert all(box.y >= 0 and box.height >= 3 for box in drawn.boxes)
    for name, words in figures.ENDS:
        if named[name] and found.decided:
            assert f"{words}: {named[name]:,}" in drawn.words


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(None, "–"), (0, "0 minutes"), (1, "1 minute"), (59, "59 minutes"), (60, "1 hour"), (1439, "23 hours"), (2880, "2 days")],
)
def test_times_in_words(minutes, words):
    assert figures.spent(minutes) == words

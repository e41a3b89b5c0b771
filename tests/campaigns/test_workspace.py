"""The reviewer's desk on the server: order, the closed group, requests that come twice, what others did, saved filters, few queries."""

from datetime import UTC, datetime, timedelta
from threading import Thread
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns import worklist, workspace
from campaigns.actions import closing, delegations, filters, items
from campaigns.actions.items import Answer, Selection
from campaigns.models import Assignment, BulkAct, Decision, SavedFilter
from certify.lib import clock
from certify.lib.errors import Conflict, InvalidInput, NotAllowed
from people.actions import users
from people.models import User
from tests.story import GRANTS, tell

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HX = {"HX-Request": "true"}
BRACKETS = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")


def address(name: str, campaign, *more) -> str:
    return reverse(f"campaigns:{name}", args=[campaign.pk, *more])


@pytest.fixture
def noon():
    """A day in the month in which most of the story's access was used."""
    with clock.freeze(NOON):
        yield NOON


@pytest.fixture
def second(story, noon):
    """A review of what was reviewed before; one right was granted since."""
    first = story.launch("Q3")
    closing.close(campaign_id=first.pk, by=story.owner)
    story.load(grants=story.texts["grants"] + "crm,bruno,Bruno Costa,p2,admin,2026-01-05,2026-11-01,Finance > Leads\n")
    with clock.freeze(NOON + timedelta(days=1)):
        yield story.launch("Q4")


def names(rows) -> list[tuple[str, str]]:
    return [(row.item.account_key, row.item.entitlement_key) for row in rows]


# ---- order ----


@pytest.mark.parametrize("view", workspace.VIEWS)
def test_pages_of_any_size_show_every_row_once_and_the_riskiest_group_first(story, campaign, ana, view):
    mine = worklist.my_rows(ana, campaign.pk)
    whole = workspace.review_page(mine, filters=worklist.Filters(), view=view).rows
    assert len({row.pk for row in whole}) == len(whole) == 5
    assert names(whole)[0] == ("chloe", "read"), "who left comes first in every view"
    for limit in (1, 2, 3):
        found, after = [], ""
        while True:
            page = workspace.review_page(mine, filters=worklist.Filters(), view=view, after=after, limit=limit)
            found += page.rows
            after = page.next_cursor
            if not after:
                break
        assert names(found) == names(whole)


def test_by_person_all_of_somebody_stands_together(story, campaign, ana):
    rows = workspace.review_page(worklist.my_rows(ana, campaign.pk), filters=worklist.Filters(), view="person").rows
    assert names(rows) == [("chloe", "read"), ("bruno", "admin"), ("bruno", "read"), ("david", "read"), ("job", "read")]


@pytest.mark.parametrize(
    ("rules", "view"), [((4, 0), "person"), ((0, 4), "system"), ((1, 1), "risk"), ((3, 2), "person"), ((0, 0), "risk")]
)
def test_managers_begin_with_people_and_owners_with_systems(rules, view):
    assert workspace.first_view({"as_manager": rules[0], "as_owner": rules[1], "total": 5}) == view


def test_the_page_begins_with_what_is_to_decide_and_a_choice_stays(story, campaign, ana, client):
    client.force_login(ana)
    story.decide(campaign, "david", "approve", ana)
    page = client.get(address("review", campaign))
    assert (page.context["view"], page.context["filters"].state) == ("person", "open")
    assert [tab[1] for tab in page.context["tabs"]] == [4, 1, 0, 5]
    page = client.get(address("review", campaign) + "?state=all&view=system")
    assert (page.context["view"], page.context["listed"]) == ("system", 5)
    assert all("view=system" in query for _, _, query, _ in page.context["tabs"])


def test_facets_of_nothing_are_counts_of_nothing(story, campaign, ana):
    found = worklist.facets(worklist.my_rows(ana, campaign.pk), worklist.Filters(unchanged=True))
    assert (found["total"], found["states"][""]) == (0, 0)


def test_facets_count_what_the_tab_shows_and_every_signal_is_there(story, campaign, ana):
    story.decide(campaign, "chloe", "revoke", ana)
    found = worklist.facets(worklist.my_rows(ana, campaign.pk), worklist.Filters(state="open"))
    counts = {code: count for code, _, count in found["signals"]}
    assert (counts["left"], counts["privileged"], counts["external"], found["total"], found["care"]) == (0, 1, 1, 4, 1)
    assert found["states"] == {"": 5, "open": 4, "draft": 1, "submitted": 0}
    assert [value for value, _, _ in found["columns"]["person"]["values"]] == ["p2", "p4", "svc"], (
        "the most first, then by name"
    )


# ---- the closed group of unchanged rows ----


def test_what_is_unchanged_and_used_is_closed_and_the_rest_is_not(second, story):
    ana = story.user("ana@x.example")
    mine, tail = worklist.my_rows(ana, second.pk), worklist.tail_of(second)
    closed = worklist.filtered(mine, worklist.Filters(unchanged=True), tail).select_related("item")
    assert names(closed) == [("bruno", "read")], "red, new, external, unused and unknown rows are looked at one by one"
    shown = worklist.filtered(mine, worklist.Filters(), tail).select_related("item")
    assert ("bruno", "read") not in names(shown)
    assert shown.count() == 5
    assert worklist.facets(mine, worklist.Filters(), tail)["tail"] == 1


def test_a_first_review_and_what_was_not_used_this_month_have_no_closed_group(story, noon, client):
    first = story.launch("Q3")
    mine = worklist.my_rows(story.user("ana@x.example"), first.pk)
    assert worklist.filtered(mine, worklist.Filters(unchanged=True), worklist.tail_of(first)).count() == 0
    closing.close(campaign_id=first.pk, by=story.owner)
    with clock.freeze(NOON + timedelta(days=60)):
        later = story.launch("Q4")
        mine = worklist.my_rows(story.user("ana@x.example"), later.pk)
        assert worklist.filtered(mine, worklist.Filters(unchanged=True), worklist.tail_of(later)).count() == 0


def test_the_closed_group_is_kept_in_one_act_only_once_it_was_opened(second, story, client):
    ana = story.user("ana@x.example")
    client.force_login(ana)
    given = {"everything": "on", "unchanged": "on", "code": "approve"}
    answer = client.post(address("bulk", second), given, follow=True)
    assert "Tick the rows first" in answer.text
    page = client.get(address("review", second))
    assert "1 unchanged since the last review" in page.text
    page = client.get(address("review", second) + "?unchanged=on&state=open")
    assert "Keep these 1 …" in page.text
    preview = client.post(address("bulk", second), given)
    assert preview.context["preview"]["eligible"] == 1
    ids, seen = preview.context["ids"], preview.context["preview"]["seen"]
    client.post(address("bulk", second), {"item": ids, "seen": seen, "confirm": "yes", "unchanged": "on", "code": "approve"})
    assert story.row(second, "bruno", "read", ana).decision == "approve"
    assert BulkAct.objects.get().filter["unchanged"] is True


def test_everything_the_filter_shows_leaves_the_closed_group_alone(second, story, client):
    client.force_login(story.user("ana@x.example"))
    preview = client.post(address("bulk", second), {"everything": "on", "code": "approve"})
    inside = Assignment.objects.get(campaign=second, item__account_key="bruno", item__entitlement_key="read", is_active=True)
    assert inside.pk not in preview.context["ids"]


# ---- a request that comes twice ----


def test_a_request_that_comes_again_does_nothing_and_says_how_the_row_stands(story, campaign, ana, client):
    client.force_login(ana)
    row, number = story.row(campaign, "david"), str(uuid4())
    given = {"code": "revoke", "expected": "", "number": number}
    first = client.post(address("item-decide", campaign, row.pk), given, headers=HX)
    again = client.post(address("item-decide", campaign, row.pk), given, headers=HX)
    assert (first.status_code, again.status_code) == (200, 200)
    assert "To be removed" in again.text
    assert Decision.objects.count() == 1
    undo = {"code": "undo", "number": str(uuid4())}
    for _ in range(2):
        assert client.post(address("item-decide", campaign, row.pk), undo, headers=HX).status_code == 200
    assert client.post(address("item-decide", campaign, row.pk), given, headers=HX).status_code == 200
    assert list(Decision.objects.values_list("code", flat=True)) == ["revoke", "undo"]
    assert story.row(campaign, "david").decision == ""


def test_another_request_that_saw_something_older_is_refused(story, campaign, ana):
    row = story.row(campaign, "david")
    items.decide(assignment_id=row.pk, answer=Answer("revoke", number=uuid4()), expected="", by=ana)
    with pytest.raises(Conflict):
        items.decide(assignment_id=row.pk, answer=Answer("approve", number=uuid4()), expected="", by=ana)


def test_a_recorded_request_is_answered_even_when_the_review_has_ended_meanwhile(story, campaign, ana):
    row, number = story.row(campaign, "david"), uuid4()
    items.decide(assignment_id=row.pk, answer=Answer("revoke", number=number), by=ana)
    with clock.freeze(campaign.due_at + timedelta(days=1)):
        found = items.decide(assignment_id=row.pk, answer=Answer("revoke", number=number), by=ana)
        with pytest.raises(InvalidInput, match="due date"):
            items.decide(assignment_id=row.pk, answer=Answer("revoke", number=uuid4()), by=ana)
    assert found.decision == "revoke"


@pytest.mark.django_db(transaction=True)
def test_the_same_request_twice_at_once_is_one_decision(tmp_path, transactional_db):
    story = tell(tmp_path)
    campaign = story.launch()
    row, ana, number = story.row(campaign, "david"), story.user("ana@x.example"), uuid4()
    found: list[object] = []

    def work() -> None:
        try:
            answer = Answer("revoke", number=number)
            found.append(items.decide(assignment_id=row.pk, answer=answer, expected="", by=ana).decision)
        except Exception as error:
            found.append(error)
            raise
        finally:
            connection.close()

    threads = [Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["revoke"] * 6
    assert Decision.objects.count() == 1


# ---- what others did ----


def test_what_a_deputy_decides_is_seen_and_other_peoples_rows_are_not(story, campaign, ana, client):
    today = clock.now().date()
    absence = delegations.Absence(today, today + timedelta(days=3), "On leave this week")
    delegations.delegate(principal=ana, to=[story.owner], absence=absence, by=ana)
    client.force_login(ana)
    since = client.get(address("review", campaign)).context["latest_change"]
    row = items.decide(assignment_id=story.row(campaign, "david").pk, answer=Answer("revoke"), by=story.owner)
    other = story.decide(campaign, "ana", "approve", story.row(campaign, "ana").reviewer)
    found = client.get(address("changes", campaign) + f"?since={since}").json()
    assert found["rows"] == {str(row.pk): str(row.decision_entry_uid)}
    assert str(other.pk) not in found["rows"]
    text = client.get(address("item-row", campaign, row.pk), headers=HX).text
    assert "To be removed" in text
    assert f"by {story.owner.name}" in text


def test_a_change_is_told_again_until_it_has_settled(story, campaign, ana):
    mine = worklist.my_rows(ana, campaign.pk)
    row = story.decide(campaign, "david", "revoke", ana)
    now, number = clock.now(), Decision.objects.get().pk
    since, found = workspace.changes(mine, campaign.pk, 0, now)
    assert (since, list(found)) == (0, [row.pk]), "what commits at this moment may have a lower number"
    since, found = workspace.changes(mine, campaign.pk, 0, now + timedelta(seconds=workspace.OVERLAP_SECONDS + 1))
    assert (since, list(found)) == (number, [row.pk])
    assert workspace.changes(mine, campaign.pk, since, now)[1] == {}


# ---- the row that asks ----


@pytest.mark.parametrize(
    ("ask", "words"), [("reduce", "What is left"), ("dont_know", "Reason"), ("revoke", "No longer needed")]
)
def test_a_row_asks_for_what_an_answer_needs(story, campaign, ana, client, ask, words):
    client.force_login(ana)
    row = story.row(campaign, "david")
    text = client.get(address("item-row", campaign, row.pk) + f"?ask={ask}", headers=HX).text
    assert words in text
    assert 'class="reason"' in text
    story.decide(campaign, "david", "approve", ana)
    assert 'class="reason"' not in client.get(address("item-row", campaign, row.pk) + f"?ask={ask}", headers=HX).text


def test_the_page_says_what_silence_does_and_who_decides_about_ones_own_access(story, campaign, ana, client):
    client.force_login(ana)
    text = client.get(address("review", campaign)).text
    assert "NOT REVIEWED" in text
    assert f"{campaign.due_at:%B %Y}" in text
    assert "Your own access is in this review too: System_Owner decides on it" in text
    client.force_login(story.system_owner)
    assert "Your own access" not in client.get(address("review", campaign)).text


# ---- saved filters, keys ----


def test_filters_are_kept_by_name_for_oneself_up_to_a_number(story, campaign, ana, client):
    client.force_login(ana)
    given = {"name": " My  leavers ", "query": "state=open&signal=left&after=3.17&view=person&nonsense=1"}
    assert client.post(address("filter-save", campaign), given).status_code == 302
    saved = SavedFilter.objects.get()
    assert (saved.name, saved.query, saved.user) == ("My leavers", "state=open&signal=left&view=person", ana)
    filters.keep(name="My leavers", query="care=on", by=ana)
    assert SavedFilter.objects.get().query == "care=on"
    for number in range(filters.MOST - 1):
        filters.keep(name=f"Filter {number}", query="care=on", by=ana)
    with pytest.raises(InvalidInput, match="20 saved filters"):
        filters.keep(name="One more", query="care=on", by=ana)
    filters.keep(name="One more", query="care=on", by=story.fallback)
    filters.remove(filter_id=saved.pk, by=story.fallback)
    assert SavedFilter.objects.filter(user=ana).count() == filters.MOST
    page = client.get(address("review", campaign)).text
    assert "My leavers" in page
    assert "One more" not in page
    client.post(address("filter-save", campaign), {"remove": saved.pk, "query": "state=open"})
    assert not SavedFilter.objects.filter(pk=saved.pk).exists()


@pytest.mark.parametrize(("name", "query"), [("", "care=on"), ("x" * 61, "care=on"), ("Fine", "after=1.2"), ("Fine", "")])
def test_filters_without_a_name_or_a_part_are_refused(story, ana, name, query):
    with pytest.raises(InvalidInput):
        filters.keep(name=name, query=query, by=ana)


def test_single_keys_are_switched_off_for_oneself(story, campaign, ana, client):
    client.force_login(ana)
    assert 'data-keys="on"' in client.get(address("review", campaign)).text
    assert client.post(reverse("people:my-keys"), {"single_keys": ""}).status_code == 204
    assert 'data-keys="off"' in client.get(address("review", campaign)).text
    assert User.objects.get(pk=story.owner.pk).single_keys
    with pytest.raises(NotAllowed):
        users.set_single_keys(user_id=ana.pk, single_keys=True, by=story.admin)


# ---- queries ----


@pytest.mark.parametrize("rows", [1, 40])
def test_no_page_and_no_act_takes_more_than_fifteen_queries(story, client, rows):
    header = GRANTS.splitlines()[0]
    calm = [f"crm,login{number},Login {number},p2,read,2026-01-05,2026-11-01," for number in range(rows)]
    story.load(grants="\n".join([header, *calm]) + "\n")
    campaign = story.launch()
    ana = story.user("ana@x.example")
    client.force_login(ana)
    row, desk = story.row(campaign, "login0"), address("review", campaign)
    decide = address("item-decide", campaign, row.pk)
    works = {
        "page": lambda: client.get(desk),
        "view": lambda: client.get(desk + "?view=system&care=&signal=new"),
        "beside": lambda: client.get(desk + "?part=facets"),
        "drawer": lambda: client.get(address("item-detail", campaign, row.pk), headers=HX),
        "decide": lambda: client.post(decide, {"code": "revoke", "expected": "", "number": str(uuid4())}, headers=HX),
        "undo": lambda: client.post(decide, {"code": "undo", "number": str(uuid4())}, headers=HX),
        "changes": lambda: client.get(address("changes", campaign)),
    }
    for name, work in works.items():
        with CaptureQueriesContext(connection) as captured:
            assert work().status_code == 200
        queries = [query["sql"] for query in captured.captured_queries if not query["sql"].startswith(BRACKETS)]
        assert len(queries) <= 15, (name, queries)


def test_a_bulk_act_is_seen_as_changes(story, campaign, ana):
    row = story.row(campaign, "job")
    items.decide_bulk(campaign_id=campaign.pk, selection=Selection([row.pk]), code="approve", by=ana)
    row.refresh_from_db()
    found = workspace.changes(worklist.my_rows(ana, campaign.pk), campaign.pk, 0, clock.now())[1]
    assert found == {row.pk: str(row.decision_entry_uid)}


def test_a_row_that_asks_for_a_reason_says_why(client, story):
    campaign = story.launch()
    client.force_login(story.user("ana@x.example"))
    row = story.row(campaign, "bruno", "admin")
    asked = client.get(
        f"/reviews/{campaign.pk}/items/{row.pk}/row/?ask=approve", headers={"HX-Request": "true"}
    ).content.decode()
    assert "Keeping this needs a reason: privileged." in asked

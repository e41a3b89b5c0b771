"""The pages of duties: what they show, how many queries they take, and a browser's way through them."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from playwright.sync_api import expect

from campaigns.actions import sod_rules
from campaigns.models import SodConflict, SodException, SodRule
from tests.campaigns.sod.conftest import PAY_GRANTS, compare, load_erp, terms
from tests.campaigns.sod.test_rules import row
from tests.e2e.test_whole_path import check_accessible, sign_in


@pytest.fixture
def owner(story, client):
    """The control owner's browser."""
    client.force_login(story.owner)
    return client


FORM = {
    "key": "r1", "name": "Change and pay", "side_a_name": "change", "side_a": "crm/admin\n\ncrm/read", "side_b_name": "pay",
    "side_b": "tag:payments", "severity": "critical", "control": "", "is_active": "on",
}  # fmt: skip


@pytest.mark.django_db
def test_a_rule_is_written_corrected_and_found(owner, story):
    load_erp(story)
    wrong = owner.post("/duties/rules/new/", FORM | {"owner": story.owner.pk, "side_b": "erp/none"})
    assert (wrong.status_code, SodRule.objects.count()) == (422, 0)
    assert "No system has the right “erp/none”" in wrong.content.decode()
    assert owner.post("/duties/rules/new/", FORM | {"owner": story.owner.pk}).status_code == 302
    rule = SodRule.objects.get()
    assert (rule.side_a, rule.side_b) == (["crm/admin", "crm/read"], ["tag:payments"])
    changed = owner.post(f"/duties/rules/{rule.pk}/", FORM | {"owner": story.admin.pk, "key": "other", "side_a": "crm/read"})
    assert changed.status_code == 302
    rule.refresh_from_db()
    assert (rule.key, rule.side_a, rule.owner) == ("r1", ["crm/read"], story.admin)


@pytest.mark.django_db
def test_a_file_is_taken_in_or_every_reason_is_shown(owner, story):
    load_erp(story)
    bad = SimpleUploadedFile("d.csv", row(side_a="crm/none").encode())
    refused = owner.post("/duties/rules/import/", {"file": bad})
    assert refused.status_code == 422
    assert "No system has the right “crm/none”" in refused.content.decode()
    assert not SodRule.objects.exists()
    good = SimpleUploadedFile("d.csv", row().encode())
    assert owner.post("/duties/rules/import/", {"file": good}).status_code == 302
    text = b"".join(owner.get("/duties/rules/export.csv").streaming_content).decode()
    assert text.splitlines()[1].startswith("r1,Change and pay,high,change,crm/admin,pay,")


def shown(client, query: str = "") -> list[tuple[str, str]]:
    """(rule, person or account) of the conflicts on the page."""
    lines = client.get(f"/duties/?{query}").context["lines"]
    return [(one.conflict.rule.key, str(one.conflict.identity or one.conflict.account.key)) for one in lines]


@pytest.mark.django_db
def test_conflicts_are_filtered_and_paged(owner, story, conflict, settings):
    sod_rules.create(terms=terms(story, key="own", side_a=["erp/pay"], side_b=["erp/book"]), by=story.owner)
    compare()
    both = [("customers-pay", "Bruno Costa"), ("own", "shared")]
    crm = story.source.pk
    asked = {
        "": both,
        f"rule={conflict.rule_id}": both[:1],
        f"source={crm}": both[:1],
        "person=costa": both[:1],
        "person=shared": both[1:],
        "state=excepted": [],
        "state=open": both,
        "state=ended": [],
        "rule=x&source=999&state=none": both,
    }
    assert {query: shown(owner, query) for query in asked} == asked
    settings.CERTIFY_PAGE_ROWS = 1
    page = owner.get("/duties/?state=open")
    assert (len(page.context["lines"]), page.context["count"]) == (1, 2)
    assert f"?state=open&amp;after={conflict.pk}" in page.content.decode()
    assert shown(owner, f"state=open&after={conflict.pk}") == both[1:]


@pytest.mark.django_db
def test_the_list_takes_as_many_queries_for_many_conflicts_as_for_one(owner, story, conflict):
    with CaptureQueriesContext(
        connection,
    ) as one:
        owner.get("/duties/")
    load_erp(story, grants=PAY_GRANTS + "erp,aberg,Ana,p1,pay\nerp,chloe,Chloe,p3,pay\n")
    sod_rules.create(terms=terms(story, key="own", side_a=["erp/pay"], side_b=["erp/book"]), by=story.owner)
    compare()
    assert len(shown(owner)) == 4
    with CaptureQueriesContext(connection) as many:
        owner.get("/duties/")
    assert len(many) == len(one) <= 15


@pytest.mark.browser
def test_a_conflict_is_seen_excepted_and_approved_in_a_browser(live_server, page, transactional_db, story, conflict):
    page.set_viewport_size({"width": 1280, "height": 800})
    sign_in(page, live_server.url, story.owner)
    page.get_by_role("link", name="Duties").click()
    expect(page.locator("tbody")).to_contain_text("Bruno Costa")
    expect(page.locator("tbody")).to_contain_text("Payments: Pay invoices (bcosta)")
    check_accessible(page)
    page.get_by_role("link", name="Bruno Costa").click()
    expect(page.get_by_label("What limits the harm")).to_have_value("Two people release every payment")
    page.get_by_label("Why one person needs both").fill("Only two people work there")
    page.get_by_label("Last day").fill("2020-01-01")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_text("Its last day lies between today and")).to_be_visible()
    check_accessible(page)
    page.get_by_label("Last day").fill(f"{SodConflict.objects.get().found_at:%Y-%m-%d}")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_text("waits", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    sign_in(page, live_server.url, story.admin)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{live_server.url}/duties/exceptions/?state=waiting")
    check_accessible(page)
    page.get_by_role("button", name="Approve").press("Enter")
    expect(page.get_by_text("accepted until")).to_be_visible()
    assert SodException.objects.get().steps.get().by == story.admin
    for path in ("duties/", "duties/rules/", f"duties/rules/{conflict.rule_id}/", "duties/rules/import/"):
        page.goto(f"{live_server.url}/{path}")
        check_accessible(page)
    page.emulate_media(color_scheme="dark")
    page.goto(f"{live_server.url}/duties/?state=excepted")
    expect(page.get_by_text("accepted until")).to_be_visible()
    check_accessible(page)

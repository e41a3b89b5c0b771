"""The desk in German: no English word is left where people read or hear it, and everything works by the same keys."""

import re

import pytest
from playwright.sync_api import Page, expect

from campaigns.models import Assignment, Campaign
from inventory.actions import describing, sources
from inventory.models import Entitlement
from people.models import User
from tests.e2e.test_desk import settle
from tests.e2e.test_whole_path import check_accessible, follow, sign_in
from tests.story import GRANTS, IDENTITIES, Story, tell
from tools import messages

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
RIGHTS = """\
source,entitlement_id,name,kind,description,privileged,owner_id
crm,lesen,Kunden lesen,role,Kundendaten ansehen,no,
crm,alles,Verwaltung,role,,yes,p1
"""
#: Everything that a reader sees or hears of a page, but for the keys and codes that are the same in every language.
SEEN = """() => {
  const shown = (one) => one.checkVisibility({visibilityProperty: true, opacityProperty: true}) && !one.closest("code, kbd, [lang=en]");
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [document.title];
  while (walker.nextNode()) if (shown(walker.currentNode.parentElement)) found.push(walker.currentNode.data);
  for (const one of document.querySelectorAll("[aria-label], [title], [placeholder], [data-label]"))
    if (shown(one)) for (const name of ["aria-label", "title", "placeholder", "data-label"]) found.push(one.getAttribute(name) ?? "");
  return found.join(" ");
}"""
#: Names of the product and of the company, and abbreviations.
NAMES = set("certify utc csv sol system ledger reviewer control owner administrator admin ada it".split())


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-zäöüß]{2,}", re.sub(r"%\(\w+\)s|\{\w*\}|<[^>]+>", " ", text).lower()))


def english() -> set[str]:
    """Words that stand in what is to be translated and in no translation."""
    asked, told = set(), set()
    for one in messages.read(messages.ROOT / "locale/de/LC_MESSAGES/django.po"):
        if one.id:
            asked |= words(" ".join(one.id) if one.pluralizable else one.id)
            told |= words(" ".join(one.string) if one.pluralizable else one.string)
    return asked - told - NAMES


@pytest.fixture
def story(transactional_db, tmp_path) -> Story:
    """The small company with German names: Ana has six calm rows, one that asks for a reason, and one of a service account."""
    story = tell(tmp_path)
    sources.change(source_id=story.source.pk, name="Kundenverwaltung", description="", owner=story.system_owner, by=story.admin)
    people = (
        IDENTITIES.replace("Head of Finance", "Leitung").replace("Accountant", "Buchhaltung").replace("Finance", "Finanzen")
    )
    people = people.replace("Nightly job", "Nachtlauf").replace("Seller", "Verkauf").replace("Sales", "Vertrieb")
    rows = [f"crm,konto{n},Konto {n},p2,lesen,2026-01-05,2026-11-01,," for n in range(6)]
    rows += ["crm,bruno,Bruno Costa,p2,alles,2026-01-05,2026-11-01,,", "crm,lauf,Nachtlauf,svc,lesen,2026-01-05,,,key"]
    grants = "\n".join([f"{GRANTS.splitlines()[0]},credential_kind", *rows])
    story.load(identities=people, entitlements=RIGHTS, grants=grants + "\n")
    words = describing.Words(Entitlement.objects.get(key="lesen").pk, "Alle Kundendaten ansehen, nichts ändern")
    describing.describe(words=[words], by=story.system_owner)
    User.objects.filter(pk=story.system_owner.pk).update(name="Sol Marsch")
    return story


@pytest.fixture
def campaign(story) -> Campaign:
    return story.launch("Q4")


@pytest.fixture
def ana(campaign) -> User:
    return User.objects.get(email="ana@x.example")


def begin(page: Page, address: str, person: User) -> None:
    """Sign in, and choose German."""
    sign_in(page, address, person)
    User.objects.filter(pk=person.pk).update(language="de")


def check_german(page: Page) -> None:
    page.wait_for_load_state()
    text = page.evaluate(SEEN)
    left = {word: text[max(0, (at := text.lower().find(word)) - 40) : at + 40] for word in words(text) & english()}
    assert not left


def test_the_desk_speaks_german_throughout(page, live_server, campaign, ana):
    begin(page, live_server.url, ana)
    page.goto(f"{live_server.url}/reviews/")
    check_german(page)
    page.goto(f"{live_server.url}/inventory/descriptions/")
    check_german(page)
    check_accessible(page)
    page.goto(f"{live_server.url}/inventory/descriptions/upload/")
    check_german(page)
    check_accessible(page)
    for query in ("?view=risk", "?view=person", "?view=system&state=all", "?view=entitlement&care=on"):
        page.goto(f"{live_server.url}/reviews/{campaign.pk}/{query}")
        check_german(page)
    page.goto(f"{live_server.url}/reviews/{campaign.pk}/?view=risk")
    expect(page.locator("tr[data-row]").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#drawer")).to_contain_text("Empfohlen")
    check_german(page)
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    check_german(page)
    page.keyboard.press("Escape")
    check_accessible(page)


def test_decisions_by_keys_and_all_that_follows(page, live_server, campaign, ana):
    begin(page, live_server.url, ana)
    page.goto(f"{live_server.url}/reviews/{campaign.pk}/?view=risk")
    expect(page.locator("tr[data-row]").first).to_be_focused()
    page.keyboard.press("a")  # it is privileged
    expect(page.get_by_label("Begründung", exact=True)).to_be_visible()
    check_german(page)
    page.keyboard.type("Verwaltet das System allein")
    page.keyboard.press("Control+Enter")
    settle(page)
    page.keyboard.press("r")
    settle(page)
    for _ in range(3):
        page.keyboard.press("x")
        page.keyboard.press("j")
    expect(page.locator("[data-selected-count]")).to_contain_text("ausgewählt")
    check_german(page)
    follow(page, "button", "Behalten …")
    check_german(page)
    page.get_by_label(re.compile("Begründung")).fill("Wird im Vertrieb gebraucht")
    follow(page, "button", re.compile("^Behalten [0-9]"))
    check_german(page)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("checkbox")).to_be_visible()
    check_german(page)
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name=re.compile("abgeben")).click()
    expect(page.locator("h1")).to_contain_text("Abgegeben")
    check_german(page)
    assert Assignment.objects.filter(reviewer=ana, sign_off__isnull=False).count() == 5


def test_spreadsheets_and_a_lost_connection_speak_german(page, live_server, campaign, ana):
    begin(page, live_server.url, ana)
    page.goto(f"{live_server.url}/reviews/{campaign.pk}/sheet/")
    check_german(page)
    page.route("**/decide/", lambda route: route.abort())  # before the page, so that no request slips through
    page.goto(f"{live_server.url}/reviews/{campaign.pk}/?view=risk")
    expect(page.locator("tr[data-row]").first).to_be_focused()
    page.keyboard.press("r")
    expect(page.locator(".waits")).to_have_text("Nicht gespeichert, neuer Versuch läuft")
    page.unroute("**/decide/")
    settle(page)

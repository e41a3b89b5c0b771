"""Erasing the names of those whose access was reviewed: what goes, what stays, and that the database lets nothing else through."""

import hashlib
import io

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import override_settings

from campaigns.actions import closing, items
from campaigns.models import Assignment, Campaign, ReviewItem
from certify.lib import canonical
from certify.lib.errors import DomainError, InvalidInput, NotAllowed
from evidence import reperformance
from evidence.actions import holds
from inventory import queries
from inventory.actions import erasing
from inventory.models import Account, FormerAccount, FormerIdentity, Identity
from ledger import keychain, verification
from ledger.actions import configuration, sequencing
from ledger.actors import SYSTEM
from ledger.models import Entry, Erasure
from people.actions import mails
from people.models import Mail, User
from remediation.actions import removals
from tests.evidence.test_erasing import FREE_TEXTS, places
from tests.story import GRANTS, IDENTITIES, Story

pytestmark = pytest.mark.django_db
REASON = "Asked for it in a letter of 2 March"
#: David, under a name that stands nowhere else, and an account that nobody is known to hold.
NAMES = (("David Ekman", "Quentin Zwirbel"), ("david@x.example", "zwirbel@x.example"), ("Shared login", "Xaverine Quandt"))


@pytest.fixture
def key_file(tmp_path):
    """The log's own key."""
    with override_settings(CERTIFY_LEDGER_KEY_FILE=tmp_path / "key.json"):
        yield


@pytest.fixture
def closed(story: Story, key_file) -> Campaign:
    """A review is over in which David and the shared account were asked about; then both are in no file any more."""
    named = {kind: _named(text) for kind, text in story.texts.items()}
    story.load(**named)
    campaign = story.launch()
    close(story, campaign)
    story.load(**{kind: _without(text) for kind, text in named.items()})
    return campaign


def close(story: Story, campaign: Campaign, *, revoked: tuple[str, ...] = ()) -> None:
    """Everybody keeps what they are asked about, but for these accounts; then the review is closed."""
    for row in Assignment.objects.filter(campaign=campaign, is_active=True).select_related("item", "reviewer"):
        code = "revoke" if row.item.account_key in revoked else "approve"
        items.decide(assignment_id=row.pk, answer=items.Answer(code, "Seen and checked with the team"), by=row.reviewer)
    for reviewer in User.objects.filter(assignments__campaign=campaign).distinct():
        story.submit(campaign, reviewer)
    closing.close(campaign_id=campaign.pk, by=story.owner)


def _named(text: str) -> str:
    for name, other in NAMES:
        text = text.replace(name, other)
    return text


def _without(text: str) -> str:
    return "".join(f"{line}\n" for line in text.splitlines() if not line.startswith(("p4,", "crm,david,", "crm,shared,")))


def david() -> Identity:
    return Identity.objects.get(key="p4")


def shared() -> Account:
    return Account.objects.get(key="shared")


def erase(story, **changed):
    asked = {"identity_id": david().pk, "basis": "request", "reason": REASON, "by": story.admin}
    return erasing.erase_identity(**asked | changed)


def erase_shared(story):
    return erasing.erase_account(account_id=shared().pk, basis="other", reason=REASON, by=story.admin)


def sealed(item: ReviewItem) -> bytes:
    """What the leaf of an item holds in place of the names, by hand, from what a pack says of it."""
    names = canonical.dumps([item.account_name, item.identity_name])
    return bytes(item.name_commitment or hashlib.sha256(b"certify-item-names/1\n" + bytes(item.name_salt) + names).digest())


def test_the_names_go_and_everything_holds(closed, story):
    assert len(places("zwirbel", "quandt")) >= 5
    before = {item.number: sealed(item) for item in ReviewItem.objects.all()}
    erase(story)
    erase_shared(story)
    assert places("zwirbel", "quandt") <= FREE_TEXTS | {("inventory_rejectedrow", "raw")}
    items = ReviewItem.objects.filter(campaign=closed)
    assert {item.number: sealed(item) for item in items} == before
    of_david, mark = items.get(identity_key="p4"), f"erased identity {david().pk}"
    assert (of_david.identity_name, of_david.account_name, of_david.name_salt) == (mark, mark, None)
    assert items.get(account_key="shared").account_name == f"erased account {shared().pk}"
    assert items.get(account_key="ana").account_name == "Ana Berg"
    configuration.absorb(by=SYSTEM)
    sequencing.sequence(by=SYSTEM)
    assert verification.verify(verifier=keychain.verifier()).problems == []


def test_the_entry_says_who_and_why_and_by_which_key(closed, story):
    erase(story)
    erase_shared(story)
    data = [entry.payload_json["data"] for entry in Entry.objects.filter(kind="person:erased").order_by("pk")]
    why = {"reason": REASON, "commitments": []}
    assert data == [
        {"erased": f"inventory.identity:{david().pk}", "identity": "p4", "basis": "request", **why},
        {"erased": f"inventory.account:{shared().pk}", "source": "crm", "account": "shared", "basis": "other", **why},
    ]
    assert Erasure.objects.count() == 2


def test_the_population_comes_out_the_same_afterwards(closed, story):
    assert reperformance.of(closed).is_empty
    erase(story)
    erase_shared(story)
    assert reperformance.of(closed).is_empty


def test_what_former_readings_said_goes_with_it(story, key_file):
    story.load(identities=_named(story.texts["identities"]), grants=story.texts["grants"].replace("David Ekman", "Dave"))
    gone = {kind: _without(text) for kind, text in story.texts.items()}
    story.load(**gone)
    assert {"David Ekman", "Quentin Zwirbel"} <= set(queries.what_names(david()).called)
    erase(story)
    mark = f"erased identity {david().pk}"
    assert set(FormerIdentity.objects.filter(identity=david()).values_list("name", "email")) == {(mark, mark)}
    assert set(FormerAccount.objects.filter(account__key="david").values_list("name", flat=True)) == {mark}
    assert (david().name, david().email, Account.objects.get(key="david").name) == (mark, "", mark)


def test_mails_that_name_them_say_the_mark(closed, story):
    mails.queue(
        recipient=story.owner,
        template="welcome",
        context={"what": "Quentin Zwirbel · Read"},
        subject_ref="s",
        dedupe_key="k",
        by=SYSTEM,
    )
    erase(story)
    assert Mail.objects.get(dedupe_key="k").context["what"] == f"erased identity {david().pk} · Read"


def test_who_is_still_listed_or_holds_access_is_not_erased(story, key_file):
    with pytest.raises(DomainError, match=r"still lists them.*They hold 1 access right"):
        erase(story)
    with pytest.raises(DomainError, match="They hold 1 access right"):
        erase_shared(story)
    assert not Erasure.objects.exists()


def test_what_is_open_about_them_stands_against_it(story, key_file):
    campaign = story.launch()
    story.load(**{kind: _without(text) for kind, text in story.texts.items()})
    with pytest.raises(DomainError, match="reviews that are not over: 1"):
        erase(story)
    with pytest.raises(DomainError, match="reviews that are not over: 1"):
        erase_shared(story)
    close(story, campaign, revoked=("david",))
    removals.open_for_campaign(campaign_id=campaign.pk, by=SYSTEM)
    with pytest.raises(DomainError, match="Removals of their access that are not done: 1"):
        erase(story)


@pytest.mark.parametrize("covers", [{"people": ["p4"]}, {"systems": ["crm"]}, {"everything": True}])
def test_a_legal_hold_stands_against_it(closed, story, covers):
    holds.place(terms=holds.Terms("Case 7", "The court asks for everything", **covers), by=story.owner)
    with pytest.raises(DomainError, match="A legal hold covers them: “Case 7”"):
        erase(story)
    if "people" not in covers:
        with pytest.raises(DomainError, match="Case 7"):
            erase_shared(story)


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"reason": "too short"}, "reason"), ({"reason": "Quentin Zwirbel wrote to us"}, "reason"), ({"basis": "whim"}, "basis")],
)
def test_a_reason_that_is_none_or_names_them_is_refused(closed, story, changed, field):
    with pytest.raises(InvalidInput) as refused:
        erase(story, **changed)
    assert refused.value.field == field
    assert places("zwirbel") >= {("inventory_identity", "name"), ("campaigns_reviewitem", "identity_name")}


def test_only_administrators_may_and_nobody_twice(closed, story):
    for person in (story.owner, story.auditor):
        with pytest.raises(NotAllowed):
            erase(story, by=person)
    erase(story)
    with pytest.raises(DomainError, match="Nothing is left"):
        erase(story)


def test_who_comes_back_is_named_again_and_can_be_erased_again(closed, story):
    erase(story)
    gone = dict(story.texts)
    story.load(identities=_named(IDENTITIES), grants=_named(GRANTS))
    assert david().name == "Quentin Zwirbel"
    story.load(**gone)
    erase(story)
    assert Entry.objects.filter(kind="person:erased").count() == 2
    assert places("zwirbel") <= FREE_TEXTS


STATEMENTS = [
    "UPDATE campaigns_reviewitem SET identity_name = 'Somebody else' WHERE identity_key = 'p4'",
    "UPDATE campaigns_reviewitem SET name_salt = NULL, name_commitment = leaf WHERE identity_key = 'p4'",
    "UPDATE campaigns_reviewitem SET account_name = 'erased identity ' || {pk} WHERE account_key = 'ana'",
    "UPDATE campaigns_reviewitem SET account_name = 'erased identity ' || {pk}, department = '' WHERE identity_key = 'p4'",
    "UPDATE inventory_formeridentity SET name = 'Somebody else'",
    "UPDATE inventory_formeraccount SET name = 'erased identity ' || {pk} WHERE identity_key = 'p1'",
]


@pytest.mark.parametrize("is_erased", [False, True])
@pytest.mark.parametrize("statement", STATEMENTS)
def test_the_database_lets_nothing_else_through(closed, story, statement, is_erased):
    Identity.objects.filter(key="p4").update(name="David")
    story.load(grants=_without(story.texts["grants"]).replace("Ana Berg", "Anna"))
    story.load(identities=_without(story.texts["identities"]).replace("Ana Berg", "Anna"))
    if is_erased:
        erase(story)
    with pytest.raises(DatabaseError, match=r"append-only|has ended"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(pk=david().pk))


def test_from_the_command_line(closed, story):
    told = io.StringIO()
    call_command("erase_identity", "p4", stdout=told)
    assert "Would go: David Ekman, Quentin Zwirbel, david@x.example, zwirbel@x.example" in told.getvalue()
    with pytest.raises(CommandError, match="without a known holder"):
        call_command("erase_identity", "david", "--source", "crm")
    with pytest.raises(CommandError, match="10 to 2000"):
        call_command("erase_identity", "p4", "--yes", "--reason", "x")
    call_command("erase_identity", "p4", "--yes", "--reason", REASON, stdout=told)
    call_command("erase_identity", "shared", "--source", "crm", "--yes", "--reason", REASON, stdout=told)
    assert told.getvalue().endswith(f"“erased account {shared().pk}”.\n")
    assert not Identity.objects.filter(name__contains="Zwirbel").exists()

"""Somebody is erased after a year of reviews: their name is nowhere any more, the log holds, and so do the packs."""

import zipfile

import pytest
from django.db import connection

from campaigns import population
from campaigns.actions import launching
from certify.lib import clock
from certify.lib.errors import DomainError
from evidence.models import AuditPeriod, Sample
from evidence.pack import disclosure
from evidence.verifier import webpage
from inventory.actions import erasing as inventory_erasing
from inventory.models import Account, Identity
from ledger import keychain, rules, verification
from ledger.actions import configuration, entries
from ledger.actors import SYSTEM
from ledger.models import Entry
from people import hindrances
from people.actions import erasing, users
from people.models import Mail, User
from tests.evidence.conftest import build, seal, verify
from tests.evidence.story import moment, play
from tests.world import build as build_world

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
NAMES = {"owner": "Quirina Zapf", "system_owner": "Xaver Quast", "fallback": "Yorick Zwirn", "auditor": "Wendelin Quaas"}
#: Where people may write whom they like: evidence, which stays word for word.
FREE_TEXTS = {("ledger_entry", "payload"), ("ledger_entry", "payload_json")}


@pytest.fixture
def first_version(monkeypatch):
    """Entries and leaves with names in the clear, as they were before there were commitments."""
    monkeypatch.setattr(rules, "VERSION", 1)
    monkeypatch.setattr(
        User, "actor_ref", lambda self: {"id": f"people.user:{self.pk}", "name": self.name, "email": self.email}
    )
    monkeypatch.setattr(launching.rules, "APART", "")
    named = population.ITEM_CELLS | {"reviewer_name": "COALESCE(reviewer.name, asked.name)"}
    cells = [named.get(name, f"staged.{name}") for name in population.ITEM_COLUMNS]
    monkeypatch.setattr(population, "ITEM_LEAF", population.leaf_sql(cells))
    yield
    monkeypatch.undo()


@pytest.fixture
def period(story, key_file, monkeypatch) -> AuditPeriod:
    """The played year, by people with names that stand nowhere else; nothing hinders erasing them."""
    for role, name in NAMES.items():
        person = getattr(story, role)
        setattr(
            story, role, users.change(user_id=person.pk, name=name, email=f"{name.split()[1].lower()}@q.example", by=SYSTEM)
        )
    played = play(story)
    with clock.freeze(moment(12, 30)):
        configuration.absorb(by=SYSTEM)
    monkeypatch.setattr(hindrances, "OF_APPS", [])
    return played


def places(*words: str) -> set[tuple[str, str]]:
    """Every column of every table in which one of the words stands."""
    pattern = f"({'|'.join(words)})"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY 1, 2"
        )
        found = set()
        for table, column in cursor.fetchall():
            cursor.execute(f'SELECT EXISTS (SELECT FROM "{table}" WHERE "{column}"::text ~* %s)', [pattern])
            if cursor.fetchone()[0]:
                found.add((table, column))
    return found


def erase(story, *people: User) -> None:
    User.objects.filter(pk__in=[person.pk for person in people]).update(is_active=False)
    Mail.objects.filter(state="queued").update(state="skipped")
    asked = {"basis": "request", "reason": "Asked for it by letter", "by": story.admin}
    with clock.freeze(moment(12, 31)):
        for person in people:
            erasing.erase(user_id=person.pk, **asked)


def erase_everybody(story) -> None:
    erase(story, *(getattr(story, role) for role in NAMES))


def test_the_name_is_nowhere_any_more_and_everything_holds(period, story, tmp_path):
    words = [word for name in NAMES.values() for word in name.split()]
    with clock.freeze(moment(12, 30)):
        entries.record(kind="x:said", subject="s", by=story.owner, data={"note": f"{NAMES['owner']} was on leave"})
    assert len(places(*words)) > 25
    erase_everybody(story)
    assert places(*words) == FREE_TEXTS
    checkpoint = seal()
    assert verification.verify(verifier=keychain.verifier()).problems == []
    build(period, checkpoint, tmp_path / "pack.zip")
    found = verify(tmp_path / "pack.zip")
    assert "NOT hold" not in found.text, found.text
    assert "5 were erased, as the log says" in found.line("Names of people")
    with zipfile.ZipFile(tmp_path / "pack.zip") as pack:
        # The page is the same in every pack; in megabytes of base64 there is every short word.
        assert pack.read("verify.html") == webpage.page()
        names = set(pack.namelist()) - {"verify.html"}
        assert not [name for name in names if any(word.encode() in pack.read(name) for word in words)]


def test_no_entry_of_any_kind_names_who_uses_certify(key_file, tmp_path):
    build_world(tmp_path)
    assert Entry.objects.values("kind").distinct().count() >= 30
    for words in ("Control_Owner", "System_Owner", "owner@x.example", "auditor@x.example", "other-auditor"):
        assert not Entry.objects.filter(payload__contains=words).exists(), words


def test_a_pack_under_an_older_checkpoint_is_refused(period, story, tmp_path):
    checkpoint = seal()
    erase_everybody(story)
    with pytest.raises(DomainError, match="erased after its checkpoint"):
        build(period, checkpoint, tmp_path / "pack.zip")


def test_a_year_of_the_first_version_holds_before_and_after_an_erasure(story, key_file, first_version, monkeypatch, tmp_path):
    story.fallback = users.change(user_id=story.fallback.pk, name="Yorick Zwirn", email="zwirn@q.example", by=SYSTEM)
    period = play(story)
    build(period, seal(), tmp_path / "before.zip")
    assert "NOT hold" not in (text := verify(tmp_path / "before.zip").text), text
    monkeypatch.undo()
    monkeypatch.setattr(hindrances, "OF_APPS", [])
    erase(story, story.fallback)
    assert places("zwirn") == {
        ("ledger_entry", "actor_name"),
        ("ledger_entry", "payload"),
        ("ledger_entry", "payload_json"),
        ("campaigns_assignment", "reviewer_name"),
    }
    build(period, seal(), tmp_path / "after.zip")
    found = verify(tmp_path / "after.zip")
    assert "NOT hold" not in found.text, found.text
    assert verification.verify(verifier=keychain.verifier()).problems == []


def test_a_pack_of_one_sample_holds_after_an_erasure(period, story, tmp_path):
    erase_everybody(story)
    sample = Sample.objects.get(population="items")
    disclosure.write(disclosure.gather(sample, seal()), tmp_path / "sample.zip")
    found = verify(tmp_path / "sample.zip")
    assert "NOT hold" not in found.text, found.text
    assert "were erased, as the log says" in found.text


@pytest.fixture
def without_reviewed(period, story, monkeypatch) -> list[str]:
    """Everybody whose access was reviewed is erased, and so is the account that nobody is known to hold; returns what they were called,
    but for those who are named as users of Certify too.
    """
    monkeypatch.setattr("inventory.hindrances.of", lambda subject: [])
    asked = {"basis": "request", "reason": "Asked for it by letter", "by": story.admin}
    with clock.freeze(moment(12, 31)):
        words = []
        for identity in Identity.objects.all():
            words += [identity.name, identity.email]
            inventory_erasing.erase_identity(identity_id=identity.pk, **asked)
        for account in Account.objects.filter(identity=None).exclude(name=""):
            words.append(account.name)
            inventory_erasing.erase_account(account_id=account.pk, **asked)
    users_are = {word for pair in User.objects.values_list("name", "email") for word in pair}
    return [word for word in words if word and word not in users_are]


def test_a_year_holds_when_all_who_were_reviewed_are_erased(period, story, without_reviewed, tmp_path):
    assert len(without_reviewed) >= 4
    checkpoint = seal()
    assert verification.verify(verifier=keychain.verifier()).problems == []
    build(period, checkpoint, tmp_path / "pack.zip")
    found = verify(tmp_path / "pack.zip")
    assert "NOT hold" not in found.text, found.text
    with zipfile.ZipFile(tmp_path / "pack.zip") as pack:
        items = pack.read("reviews/items.csv").decode()
    assert "erased identity" in items
    assert not [word for word in without_reviewed if word in items]


def test_a_pack_of_one_sample_holds_without_those_who_were_reviewed(period, story, without_reviewed, tmp_path):
    disclosure.write(disclosure.gather(Sample.objects.get(population="items"), seal()), tmp_path / "sample.zip")
    found = verify(tmp_path / "sample.zip")
    assert "NOT hold" not in found.text, found.text
    with zipfile.ZipFile(tmp_path / "sample.zip") as pack:
        assert "erased identity" in pack.read("reviews/items.csv").decode()


def test_a_pack_from_before_those_who_were_reviewed_were_erased_is_refused(period, story, request, tmp_path):
    checkpoint = seal()
    request.getfixturevalue("without_reviewed")
    with pytest.raises(DomainError, match="erased after its checkpoint"):
        build(period, checkpoint, tmp_path / "pack.zip")

"""What is recorded does not depend on the language of whoever is signed in: rows, ledger entries, packs."""

import re

import pytest
from django.apps import apps
from django.db import transaction
from django.utils import translation

from certify.lib import language
from ledger.models import Entry
from tests.evidence.conftest import build, seal
from tests.evidence.story import play
from tests.story import tell
from tests.world import build as build_world

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
OURS = ("ledger", "people", "inventory", "campaigns", "remediation", "evidence")
#: Keys, hashes, signatures and times differ from one telling to the next; words do not.
CHANGING = re.compile(
    r"gAAAAA[\w-]+={0,2}|certify_[\w-]{4}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32,}|[A-Za-z0-9+/]{40,}={0,2}|\d+"
)


#: Which rows are drawn follows from ids that differ from one telling to the next.
DRAWN = {"evidence.SampleRow": "label"}


class RolledBackError(Exception):
    """Ends a telling without a trace."""


def recorded() -> dict[str, list[str]]:
    """Table → its rows in words, without what changes."""
    models = [model for app in OURS for model in apps.get_app_config(app).get_models()]
    return {
        model._meta.label: sorted(words(row, DRAWN.get(model._meta.label)) for row in model.objects.values())
        for model in models
    }


def words(row: dict, without: str | None) -> str:
    """The texts of a row, those inside lists and documents too."""
    texts = [
        f"{name}: {value}" for name, value in row.items() if isinstance(value, str | list | dict | tuple) and name != without
    ]
    return CHANGING.sub("#", "\n".join(texts))


def told(code: str, tale, folder) -> dict[str, list[str]]:
    """What is in the database after a tale in which everybody reads this language."""
    folder.mkdir()
    found = {}
    try:
        with transaction.atomic(), translation.override(code):
            tale(folder)
            found = recorded()
            raise RolledBackError
    except RolledBackError:
        return found


@pytest.mark.parametrize("tale", [lambda folder: play(tell(folder)), build_world], ids=["year", "world"])
def test_the_same_is_recorded_in_every_language(tale, key_file, tmp_path):
    english, german = told("en", tale, tmp_path / "en"), told("de", tale, tmp_path / "de")
    assert sum(map(len, english.values())) > 100
    differing = {name: sorted(set(german[name]) ^ set(english[name])) for name in english if german[name] != english[name]}
    assert differing == {}


def test_a_pack_has_the_same_bytes_in_every_language(period, tmp_path):
    checkpoint = seal()
    packs = {}
    for code in ("en", "de"):
        with translation.override(code):
            build(period, checkpoint, tmp_path / f"{code}.zip")
        packs[code] = (tmp_path / f"{code}.zip").read_bytes()
    assert packs["de"] == packs["en"]


def test_a_label_is_recorded_in_english():
    with translation.override("de"):
        words = translation.gettext("Reviewer")
        assert (words, language.english(translation.gettext_lazy("Reviewer"))) == ("Prüfung", "Reviewer")


def test_what_a_german_reader_does_is_entered_in_english(client, story):
    story.admin.language = "de"
    story.admin.save(update_fields=["language"])
    client.force_login(story.admin)
    client.post(
        "/people/new/", {"name": "Eva Falk", "username": "eva", "email": "eva@x.example", "roles": ["reviewer"], "invite": "on"}
    )
    eva = story.admin.__class__.objects.get(username="eva")
    assert Entry.objects.get(kind="user:created", subject=f"people.user:{eva.pk}").payload_json["data"]["roles"] == ["reviewer"]
    assert eva.mails.get().context == {"roles": ["Reviewer"]}

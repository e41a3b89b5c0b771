"""What stands in the tables goes through the migrations that rewrite it, and back: one trip for all, since each takes long."""

import json

import pytest
from django.core.management import call_command
from django.db import connection

from campaigns import ladder
from campaigns.models import CampaignDefinition
from ledger import persons
from ledger.models import PersonRecord
from tests.catalogue import catalogue
from tests.databases import by_the_old_ones

FIRST_SCOPE = {"sources": [1], "privileged": "yes", "departments": ["A*"], "kinds": ["agent"], "orphans": False}
SCOPE_DOCUMENT = {
    "version": 1,
    "sources": [1],
    "include": [
        {"field": "orphan", "any": ["no"]},
        {"field": "kind", "any": ["agent"]},
        {"field": "department", "any": ["A\\*"]},
        {"field": "privileged", "any": ["yes"]},
    ],
    "exclude": [],
    "standing": True,
}


def migrate(*targets: tuple[str, str]) -> None:
    """To these migrations, which have been squashed since."""
    by_the_old_ones().migrate(list(targets))


def remind(definition: CampaignDefinition, days: str) -> None:
    """As a definition of before the ladders was kept."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE campaigns_campaigndefinition SET reminder_days = %s WHERE id = %s", [days, definition.pk])


def reminded() -> list[tuple]:
    """The days of every definition of before the ladders."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reminder_days FROM campaigns_campaigndefinition ORDER BY id")
        return cursor.fetchall()


def scopes() -> list[dict]:
    """The scope of every definition, whatever columns there are beside it."""
    return list(CampaignDefinition.objects.order_by("pk").values_list("scope", flat=True))


def add_ana() -> int:
    """A user of before there were commitments; their key."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO people_user (username, name, email, password, roles, is_active, created_at)"
            " VALUES ('ana', E'Ana \"\\\\\\n', 'ana@x.example', '!', '{}', TRUE, now()) RETURNING id"
        )
        return cursor.fetchone()[0]


def record_of(user: int) -> PersonRecord:
    """What a user's commitment is to."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT commitment FROM people_user WHERE id = %s", [user])
        return PersonRecord.objects.get(commitment=cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
def test_what_is_there_is_rewritten_and_back(story):
    before = catalogue()
    definition, other = story.define(), story.define("Another")
    migrate(("campaigns", "0042_ladder"))
    remind(definition, "{7,0,3,20}")
    remind(other, "{}")
    migrate(("campaigns", "0044_without_reminder_days"))
    migrate(("campaigns", "0042_ladder"))
    assert reminded() == [([20, 7, 3],), ([],)]
    migrate(("campaigns", "0010_scopes"), ("people", "0041_api_tokens_kept"))
    remind(definition, "{7,0,3,20}")
    CampaignDefinition.objects.update(scope=FIRST_SCOPE)
    ana = add_ana()
    migrate(("campaigns", "0011_scope_documents"))
    assert scopes() == [SCOPE_DOCUMENT] * 2
    migrate(("campaigns", "0010_scopes"))
    assert scopes() == [FIRST_SCOPE] * 2
    call_command("migrate", verbosity=0)
    assert catalogue() == before
    assert scopes() == [SCOPE_DOCUMENT] * 2
    definition.refresh_from_db()
    other.refresh_from_db()
    assert definition.terms()["ladder"] == ladder.of({"reminder_days": [7, 0, 3, 20]})
    assert other.terms()["ladder"] == ladder.of({"reminder_days": []})
    record = record_of(ana)
    assert json.loads(record.particulars)["name"] == 'Ana "\\\n'
    assert persons.commitment(bytes(record.salt), record.particulars) == record.commitment

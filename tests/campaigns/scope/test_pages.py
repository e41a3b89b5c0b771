"""The definition's page: a scope is built, counted, saved and refused there, with and without JavaScript."""

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.actions import scopes
from campaigns.models import CampaignDefinition, SavedScope
from campaigns.scope.presets import PRESETS
from certify.lib import clock
from ledger.models import Entry

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(story, client: Client) -> Client:
    """The control owner's browser."""
    client.force_login(story.owner, backend="django.contrib.auth.backends.ModelBackend")
    return client


def form(story, **more) -> dict:
    """A complete definition form."""
    texts = {"name": "Finance", "duration_days": "14", "removal_days": "7", "manager_first": "on", "cadence": "quarterly"}
    people = {"fallback_reviewer": story.fallback.pk, "owner": story.owner.pk}
    return texts | people | {"kind": "people", "sources": [story.source.pk], "standing": "on"} | more


FINANCE = {"row": ["i1"], "i1-field": "department", "i1-any": ["Finance"]}
EXCEPT_ADMIN = {
    "rule": ["x1"],
    "x1-reason": "Watched every day",
    "x1-row": ["x1-1"],
    "x1-1-field": "entitlement",
    "x1-1-any": ["adm*"],
}


def test_a_definition_keeps_what_the_page_says(owner, story):
    answer = owner.post(reverse("campaigns:definition-create"), form(story, **FINANCE, **EXCEPT_ADMIN))
    definition = CampaignDefinition.objects.get()
    assert answer.status_code == 302
    assert definition.scope == {
        "version": 1,
        "sources": [story.source.pk],
        "include": [{"field": "department", "any": ["Finance"]}],
        "exclude": [{"code": "x1", "reason": "Watched every day", "when": [{"field": "entitlement", "any": ["adm*"]}]}],
        "standing": True,
    }
    assert (definition.kind, definition.cadence) == ("people", "quarterly")
    data = Entry.objects.get(kind="definition:created").payload_json["data"]
    assert (data["scope"], data["kind"], data["cadence"]) == (definition.scope, "people", "quarterly")
    shown = owner.get(reverse("campaigns:definition-edit", args=[definition.pk])).content.decode()
    assert 'value="Watched every day"' in shown
    assert 'name="i1-any" value="Finance"' in shown


def test_the_preview_says_the_scope_and_why_things_are_left_out(owner, story):
    owner.post(reverse("campaigns:definition-create"), form(story, **FINANCE, **EXCEPT_ADMIN))
    shown = owner.get(reverse("campaigns:definition-preview", args=[CampaignDefinition.objects.get().pk])).content.decode()
    assert "Access of those in Finance, in Customer records" in shown
    assert "Watched every day" in shown
    assert "Department not in scope" in shown


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"sources": []}, "Choose at least one system."),
        ({"row": ["i1"], "i1-field": "department"}, "Choose at least one, or remove this line."),
        ({"row": ["i1"], "i1-field": "unused", "i1-days": "soon"}, "Write a number of days"),
        (EXCEPT_ADMIN | {"x1-reason": ""}, "Say why in at least 10 characters"),
        (
            {"row": ["i1"], "i1-field": "person", "i1-new": "Nobody Known"},
            "Nobody has the key, name or address “Nobody Known”.",
        ),
    ],
)
def test_what_is_wrong_is_said_where_it_is_and_nothing_is_saved(owner, story, wrong, message):
    answer = owner.post(reverse("campaigns:definition-create"), form(story) | wrong)
    assert answer.status_code == 422
    assert message in answer.content.decode()
    assert not CampaignDefinition.objects.exists()


def test_a_person_may_be_typed_by_name(owner, story):
    owner.post(reverse("campaigns:definition-create"), form(story, **{"row": "i1", "i1-field": "below", "i1-new": "ana berg"}))
    assert CampaignDefinition.objects.get().scope["include"] == [{"field": "below", "any": ["p1"]}]


def test_buttons_work_without_javascript_and_keep_what_was_typed(owner, story):
    answer = owner.post(reverse("campaigns:definition-create"), form(story, act="add", add="department", name="Half done"))
    shown = answer.content.decode()
    assert answer.status_code == 200
    assert 'name="i1-field" value="department"' in shown
    assert 'value="Half done"' in shown
    assert not CampaignDefinition.objects.exists()


def test_the_counts_follow_the_scope(owner, story):
    shown = owner.post(reverse("campaigns:scope-counts"), form(story, **FINANCE, **EXCEPT_ADMIN))
    counts = shown.context["live"]["counts"]
    assert (counts.grants, counts.items, counts.people) == (7, 4, 3)
    assert counts.rules == [("department", 2), ("x1", 1)]
    assert counts.sources == [(story.source.pk, 7, 4, 3)]
    assert "2</b> left out: Department not in scope" in shown.content.decode()


def test_the_counts_are_those_of_the_preview(owner, story):
    for kind, preset in PRESETS.items():
        definition = story.define(f"D {kind}", scope={
            "version": 1, "sources": [story.source.pk], "include": list(preset.include), "exclude": [], "standing": True,
        })  # fmt: skip
        preview = owner.get(reverse("campaigns:definition-preview", args=[definition.pk])).context["preview"]
        edit = owner.get(reverse("campaigns:definition-edit", args=[definition.pk])).context["live"]
        assert edit["counts"].items == preview["items"], kind
        assert edit["sentence"] == preview["scope_words"]


@pytest.mark.parametrize("kind", PRESETS)
def test_every_kind_fills_the_form(owner, story, kind):
    shown = owner.get(f"{reverse('campaigns:definition-create')}?kind={kind}")
    assert shown.context["form"]["name"].value() == PRESETS[kind].name
    said = [row.field.name for row in shown.context["draft"].rows]
    assert said == [one["field"] for one in PRESETS[kind].include] + list(PRESETS[kind].open_fields)


def test_suggestions_come_from_the_data(owner, story):
    address = reverse("campaigns:scope-values")
    assert "Finance" in owner.get(f"{address}?field=department&i1-new=fin").content.decode()
    assert "Sales" not in owner.get(f"{address}?field=department&i1-new=fin").content.decode()
    below = owner.get(f"{address}?field=below&i1-new=").content.decode()
    assert ('value="p1"' in below, 'value="p2"' in below) == (True, False)
    assert owner.get(f"{address}?field=nonsense&i1-new=%25").content.decode().strip() == ""


def test_a_scope_is_saved_loaded_changed_by_its_owner_and_archived(owner, story):
    build = reverse("campaigns:scope-build")
    owner.post(build, form(story, **FINANCE, act="keep", save_as="Finance people"))
    saved = SavedScope.objects.get()
    loaded = owner.post(build, {"act": "load", "saved": saved.pk})
    assert [row.any for row in loaded.context["draft"].rows] == [["Finance"]]
    owner.post(build, form(story, act="keep", save_as="Finance people"))
    saved.refresh_from_db()
    assert saved.scope["include"] == []
    assert "Finance people" in owner.get(reverse("campaigns:saved-scope-list")).content.decode()
    owner.post(reverse("campaigns:saved-scope-archive", args=[saved.pk]))
    refused = owner.post(build, form(story, act="keep", save_as="Finance people")).content.decode()
    assert "This is the name of an archived scope. Choose another." in refused
    kinds = list(Entry.objects.filter(kind__startswith="scope:").order_by("id").values_list("kind", flat=True))
    assert kinds == ["scope:created", "scope:changed", "scope:archived"]


def test_a_list_is_added_shown_and_ended(owner, story):
    address = reverse("campaigns:standing-exclusion-list")
    today = clock.now().date()
    terms = {"name": "Break-glass", "reason": "Watched by the bank", "owner": story.owner.pk, "ends_on": today.isoformat()}
    wrong = owner.post(address, terms | {"accounts": "crm/nobody"})
    assert (wrong.status_code, "“crm/nobody” is not known." in wrong.content.decode()) == (422, True)
    owner.post(address, terms | {"accounts": "crm/shared\ncrm/job"})
    made = scopes.StandingExclusion.objects.get()
    assert made.accounts == ["crm/job", "crm/shared"]
    assert "Break-glass" in owner.get(address).content.decode()
    owner.post(reverse("campaigns:standing-exclusion-end", args=[made.pk]))
    made.refresh_from_db()
    assert made.ended_by == story.owner
    kinds = list(Entry.objects.filter(kind__startswith="standing-").order_by("id").values_list("kind", flat=True))
    assert kinds == ["standing-exclusion:created", "standing-exclusion:ended"]


@pytest.mark.parametrize("rows", [1, 3])
def test_the_page_asks_the_database_equally_often(owner, story, rows, django_assert_num_queries):
    words = ("Watched by the bank itself", story.owner, clock.now().date())
    for number in range(rows):
        scopes.exempt(terms=scopes.Exempt(f"List {number}", *words, accounts=["crm/shared"]), by=story.owner)
        scopes.keep(name=f"Scope {number}", scope=story.define(f"D{number}").scope, by=story.owner)
    owner.get(reverse("campaigns:definition-create"))
    with django_assert_num_queries(12):
        owner.get(reverse("campaigns:definition-create"))

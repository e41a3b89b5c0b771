"""Launch: every open grant is an item or an exclusion, everybody is asked but about themselves, and then nothing moves."""

import hashlib
import random

import pytest
from django.db import connection

from campaigns import population
from campaigns.actions import closing, launching
from campaigns.models import Assignment, Campaign, CampaignSource, Exclusion, ReviewItem
from campaigns.rules import EXCLUSION_COLUMNS, ITEM_COLUMNS
from campaigns.signals import CALM_RANK, RISKY
from certify.lib import canonical
from certify.lib.errors import InvalidInput, NotAllowed
from certify.lib.times import rfc3339
from inventory.models import Grant
from ledger import merkle
from ledger.models import Entry
from people.actions import users
from people.models import Mail

pytestmark = pytest.mark.django_db


def chosen(campaign) -> dict[tuple[str, str], tuple[str, str]]:
    """(account, entitlement) → (reviewer, rule)."""
    rows = Assignment.objects.filter(campaign=campaign).select_related("item", "reviewer")
    return {(a.item.account_key, a.item.entitlement_key): (a.reviewer.name, a.rule) for a in rows}


def test_reviewers_are_chosen_along_the_chain_and_never_oneself(story, campaign):
    assert chosen(campaign) == {
        ("ana", "read"): ("System_Owner", "system_owner"),
        ("bruno", "read"): ("Ana Berg", "manager"),
        ("bruno", "admin"): ("Ana Berg", "manager"),
        ("chloe", "read"): ("Ana Berg", "manager"),
        ("david", "read"): ("Ana Berg", "manager"),
        ("job", "read"): ("Ana Berg", "manager"),
        ("shared", "read"): ("System_Owner", "system_owner"),
    }


def test_signals_are_frozen_with_the_item(story, campaign):
    found = {(i.account_key, i.entitlement_key): (i.signals, i.risk_rank) for i in ReviewItem.objects.all()}
    assert found == {
        ("ana", "read"): ([], CALM_RANK),
        ("bruno", "read"): ([], CALM_RANK),
        ("bruno", "admin"): (["privileged"], RISKY.index("privileged")),
        ("chloe", "read"): (["left", "unused"], 0),
        ("david", "read"): (["external", "unknown_use"], RISKY.index("external")),
        ("job", "read"): (["non_human"], RISKY.index("non_human")),
        ("shared", "read"): (["orphan", "unknown_use"], RISKY.index("orphan")),
    }


def test_an_inactive_manager_is_passed_over(story):
    story.load(
        identities=story.texts["identities"].replace(
            "p1,Ana Berg,ana@x.example,employee,active", "p1,Ana Berg,ana@x.example,employee,inactive"
        )
    )
    assert set(chosen(story.launch()).values()) == {("System_Owner", "system_owner")}


def tie_fallback_to_ana(story) -> None:
    """Ana's own access has neither a system owner nor a fallback who may answer for it."""
    story.source.owner = None
    story.source.save()
    story.fallback.email = "ana@x.example"
    story.fallback.save()
    story.load()


def test_without_a_system_owner_the_fallback_is_asked(story):
    story.source.owner = None
    story.source.save()
    assert chosen(story.launch())["shared", "read"] == ("Reviewer", "fallback")


def test_where_the_fallback_is_the_person_reviewed_the_owner_of_the_control_is_asked(story):
    tie_fallback_to_ana(story)
    assert chosen(story.launch())["ana", "read"] == ("Control_Owner", "control_owner")


def test_a_launch_where_nobody_can_be_asked_is_refused_and_leaves_nothing(story):
    tie_fallback_to_ana(story)
    definition = story.define()
    users.deactivate(user_id=definition.owner_id, by=story.admin)
    campaign = launching.request(definition_id=definition.pk, name="Q4", by=story.owner)
    with pytest.raises(InvalidInput, match="1 items have no reviewer, for example ana · Read customers"):
        launching.launch(campaign_id=campaign.pk, by=story.owner)
    assert launching.preview(definition_id=definition.pk, by=story.owner)["missing_count"] == 1


@pytest.mark.parametrize(
    ("scope", "rules"),
    [
        ({"orphans": False}, {"orphan": 1}),
        ({"kinds": ["employee"]}, {"kind": 2}),
        ({"departments": ["Finance"]}, {"department": 2}),
        ({"privileged": "yes"}, {"not_privileged": 6}),
        ({"privileged": "yes", "kinds": ["employee"], "orphans": False}, {"not_privileged": 3, "kind": 2, "orphan": 1}),
    ],
)
def test_exclusions_carry_the_first_rule_that_fits_and_the_sums_balance(story, scope, rules):
    campaign = story.launch(**scope)
    found = list(Exclusion.objects.filter(campaign=campaign).values_list("rule", flat=True))
    assert {rule: found.count(rule) for rule in found} == rules
    source = CampaignSource.objects.get(campaign=campaign)
    assert (source.grants_open, source.items, source.excluded) == (7, 7 - len(found), len(found))
    assert campaign.item_count + campaign.excluded_count == 7


def test_a_scope_that_leaves_nothing_is_refused(story):
    with pytest.raises(InvalidInput, match="Nothing is in scope"):
        story.launch(departments=["Nobody"], orphans=False)


def cells(item: ReviewItem, assignment: Assignment) -> list[str]:
    """The row of an item, by hand."""
    facts = {
        "campaign": str(item.campaign_id),
        "item": str(item.number),
        "source": item.source_key,
        "snapshot": "1",
        "account_id": item.account_key,
        "identity_id": item.identity_key,
        "manager_id": item.manager_key,
        "entitlement_id": item.entitlement_key,
        "signals": " ".join(item.signals),
        "reviewer": f"people.user:{assignment.reviewer_id}",
        "reviewer_name": assignment.reviewer.name,
        "reviewer_rule": assignment.rule,
        **{name: rfc3339(getattr(item, name)) for name in ("granted_at", "last_used_at", "expires_at", "first_seen_at")},
    }
    return [facts[name] if name in facts else getattr(item, name) for name in ITEM_COLUMNS]


def test_population_root_is_over_the_rows_as_they_are_shown(story):
    odd = 'crm,odd,"Zoë ""Z"" \\ \u2028 Ł",,read,2026-01-05,,a/b\n'
    story.load(grants=story.texts["grants"] + odd)
    campaign = story.launch()
    Campaign.objects.filter(pk=campaign.pk).update(name="renamed after launch")
    leaves = []
    for item in ReviewItem.objects.filter(campaign=campaign).order_by("number"):
        row = cells(item, item.assignments.get())
        row[ITEM_COLUMNS.index("snapshot")] = "2"
        row[ITEM_COLUMNS.index("reviewer_name")] = ""  # Names of people stand apart.
        salted = b"certify-item-names/1\n" + item.name_salt + canonical.dumps([item.account_name, item.identity_name])
        row[ITEM_COLUMNS.index("account_name")] = hashlib.sha256(salted).hexdigest()
        row[ITEM_COLUMNS.index("identity_name")] = ""
        leaves.append(merkle.leaf_hash(canonical.dumps(row)))
    assert merkle.root(leaves).hex() == campaign.population_root
    entry = Entry.objects.get(uid=campaign.launch_entry_uid)
    assert entry.payload_json["data"]["population_root"] == campaign.population_root
    assert entry.payload_json["data"]["items"] == 8


def test_exclusion_root_is_over_its_rows(story):
    campaign = story.launch(privileged="yes")
    leaves = []
    for row in Exclusion.objects.filter(campaign=campaign).order_by("number"):
        facts = {"campaign": str(campaign.pk), "number": str(row.number), "source": row.source_key, "snapshot": "1",
                 "account_id": row.account_key, "identity_id": row.identity_key, "entitlement_id": row.entitlement_key}  # fmt: skip
        leaves.append(merkle.leaf_hash(canonical.dumps([facts.get(n, getattr(row, n, "")) for n in EXCLUSION_COLUMNS])))
    assert merkle.root(leaves).hex() == campaign.exclusion_root


def test_later_loads_change_nothing_in_it(story, campaign):
    before = list(ReviewItem.objects.order_by("number").values())
    story.load_without(("bruno", "admin"), ("chloe", "read"))
    story.load(identities=story.texts["identities"].replace("Bruno Costa", "Bruno Renamed"))
    assert list(ReviewItem.objects.order_by("number").values()) == before


def test_launching_twice_is_launching_once(story, campaign):
    again = launching.launch(campaign_id=campaign.pk, by=story.owner)
    assert again.population_root == campaign.population_root
    assert ReviewItem.objects.filter(campaign=campaign).count() == 7
    assert Entry.objects.filter(kind="campaign:launched").count() == 1


def test_each_reviewer_gets_one_mail_and_one_entry(story, campaign):
    mails = Mail.objects.filter(template="campaign_opened")
    assert {mail.recipient.name: mail.context["items"] for mail in mails} == {"Ana Berg": 5, "System_Owner": 2}
    made = Entry.objects.filter(kind="assignment:made").order_by("id")
    assert [entry.payload_json["data"]["items"] for entry in made] == [2, 5]


def test_new_since_the_last_review_of_the_source(story, campaign, ana):
    closing.close(campaign_id=campaign.pk, by=story.owner)
    story.load(grants=story.texts["grants"] + "crm,bruno2,Bruno Costa,p2,read,2026-11-20,2026-11-20,\n")
    second = story.launch("Q5")
    assert [i.account_key for i in ReviewItem.objects.filter(campaign=second, signals__contains=["new"])] == ["bruno2"]


def test_only_a_control_owner_launches(story):
    definition = story.define()
    for person in (story.admin, story.auditor, story.system_owner, story.fallback):
        with pytest.raises(NotAllowed):
            launching.request(definition_id=definition.pk, name="x", by=person)
        with pytest.raises(NotAllowed):
            launching.preview(definition_id=definition.pk, by=person)


def test_preview_says_what_the_launch_then_does(story):
    definition = story.define(privileged="yes_or_unknown")
    seen = launching.preview(definition_id=definition.pk, by=story.owner)
    campaign = launching.request(definition_id=definition.pk, name="Q4", by=story.owner)
    campaign = launching.launch(campaign_id=campaign.pk, by=story.owner)
    assert seen["items"] == campaign.item_count == 1
    assert seen["excluded"] == [("Customer records", "not_privileged", 6)]
    assert [(row["name"], row["items"]) for row in seen["reviewers"]] == [("Ana Berg", 1)]


@pytest.mark.parametrize("seed", range(6))
def test_random_populations_against_a_plain_model(story, seed):
    """Random people, managers and grants: every grant once, the sums balance, nobody decides on themself."""
    rng = random.Random(seed)
    people = [f"q{n}" for n in range(12)]
    lines = ["identity_id,name,email,kind,status,department,title,manager_id,owner_id"]
    for key in people:
        status, manager = rng.choice(["active", "active", "inactive"]), rng.choice([*people, "", "nobody"])
        lines.append(f"{key},{key},{key}@x.example,employee,{status},{rng.choice('AB')},,{manager},")
    grants = ["source,account_id,identity_id,entitlement_id,path"]
    for number in range(40):
        grants.append(f"crm,acc{number},{rng.choice([*people, ''])},{rng.choice(['read', 'admin'])},")
    story.load(identities="\n".join(lines) + "\n", grants="\n".join(grants) + "\n")
    campaign = story.launch(departments=rng.choice([[], ["A"]]), orphans=rng.choice([True, False]))
    items = ReviewItem.objects.filter(campaign=campaign)
    excluded = Exclusion.objects.filter(campaign=campaign)
    ids = [*items.values_list("grant_id", flat=True), *excluded.values_list("grant_id", flat=True)]
    assert sorted(ids) == sorted(Grant.objects.current().values_list("id", flat=True))
    assert list(items.order_by("number").values_list("number", flat=True)) == list(range(1, items.count() + 1))
    for item in items.prefetch_related("assignments__reviewer"):
        (assignment,) = item.assignments.all()
        assert assignment.reviewer.email != f"{item.identity_key}@x.example"
        assert assignment.reviewer.is_active


def test_population_leaves_escape_as_rfc_8785_does(db):
    """`array_to_json` in the database and RFC 8785 write the same bytes for every string PostgreSQL can hold."""
    texts = ['"', "\\", "/", "\b\f\n\r\t", "\x01\x1f\x7f", "é漢😀\u2028\u2029", "</script>", ""]
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + population.leaf_sql(["%s"] * len(texts)), texts)
        assert bytes(cursor.fetchone()[0]) == merkle.leaf_hash(canonical.dumps(texts))

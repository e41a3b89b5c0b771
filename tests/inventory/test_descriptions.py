"""What owners write about their rights: who may, what is kept, what the file says later, and what reviewers see."""

import hashlib
from io import BytesIO

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from campaigns import item_contexts
from inventory import describing
from inventory.actions import describing as actions
from inventory.actions.describing import Words
from inventory.models import Entitlement, EntitlementDescription, Grant
from inventory.rules import description_problem
from ledger.models import Entry
from people.actions import users
from tests.story import ENTITLEMENTS

PAGE, UPLOAD = "/inventory/descriptions/", "/inventory/descriptions/upload/"
#: Ana (p1) owns the right to read, which no file describes; nobody owns the other.
OWNED = ENTITLEMENTS.replace("See customers,no,", ",no,p1").replace("Everything,yes", ",yes")
SAID = "Look up any customer with address and phone number"


@pytest.fixture
def rights(story):
    story.load(entitlements=OWNED)
    story.launch()
    return story


def right(key: str) -> Entitlement:
    return Entitlement.objects.select_related("described").get(key=key)


def say(key: str, text: str, by, **more):
    return actions.describe(words=[Words(right(key).pk, text, **more)], by=by)


def upload(client, text: str, **more):
    file = BytesIO(text.encode())
    file.name = "rights.csv"
    return client.post(UPLOAD, {"file": file, **more})


@given(st.text(max_size=40))
def test_a_description_says_more_than_a_name(text):
    said = " ".join(text.split())
    is_good = len(said) >= 10 and len(set(said.lower())) >= 4 and said.lower() != "read customers" and "\x00" not in text
    assert (description_problem(text, names=("read", "Read customers")) == "") == is_good
    assert description_problem(f"Read \n{' ' * len(text)} customers", names=("read", "Read customers"))


@pytest.mark.django_db
def test_owners_describe_theirs_and_it_is_kept_with_who_and_when(rights):
    ana = rights.user("ana@x.example")
    done = say("read", f" {SAID}\n", ana)
    assert (done.written, right("read").described.text, right("read").description) == (1, SAID, "")
    entry = Entry.objects.signed().get(kind="entitlement:described")
    assert (entry.signed_as, entry.subject) == ("Ana Berg", f"inventory.entitlement:{right('read').pk}")
    said = {"source": "crm", "entitlement": "read", "old": "", "new": SAID, "file_said_sha256": "", "how": "form"}
    assert entry.payload_json["data"] == said
    assert right("read").described.entry_uid == entry.uid
    assert say("read", SAID, ana).unchanged == 1
    say("read", "", rights.system_owner)
    assert right("read").described is None
    assert [one.text for one in describing.history(right("read"))] == ["", SAID]


@pytest.mark.django_db
def test_others_may_not_and_nothing_is_half_written(rights):
    ana = rights.user("ana@x.example")
    both = [Words(right("read").pk, SAID), Words(right("admin").pk, SAID)]
    assert actions.describe(words=both, by=ana).refused == {right("admin").pk: "This is no right that you may describe."}
    assert list(actions.describe(words=[Words(right("read").pk, "aaaaaaaaaaaa")], by=ana).refused) == [right("read").pk]
    assert not EntitlementDescription.objects.exists()
    assert actions.describe(words=both, by=rights.system_owner).written == 2
    stranger = users.create(username="else", name="Else", roles=["reviewer"], by=rights.admin)
    assert actions.describe(words=both, by=stranger).refused.keys() == {one.entitlement_id for one in both}


@pytest.mark.django_db
def test_what_somebody_wrote_meanwhile_is_not_overwritten(rights):
    say("read", SAID, rights.user("ana@x.example"))
    refused = say("read", "Something else entirely", rights.system_owner, seen=0).refused
    assert SAID in refused[right("read").pk]
    assert say("read", "Something else entirely", rights.system_owner, seen=right("read").described_id).written == 1


@pytest.mark.django_db
def test_the_database_keeps_what_was_written(rights):
    say("read", SAID, rights.user("ana@x.example"))
    for statement in ("UPDATE inventory_entitlementdescription SET text = ''", "DELETE FROM inventory_entitlementdescription"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


@pytest.mark.django_db
def test_a_later_file_loses_neither_and_the_owner_is_asked(rights):
    before = rights.source.snapshots.first()
    say("read", SAID, ana := rights.user("ana@x.example"))
    after = rights.load(entitlements=OWNED.replace("role,,no", "role,Read access,no"))
    assert (right("read").described.text, right("read").description) == (SAID, "Read access")
    assert describing.counts(describing.owned(ana))["stale"] == 1
    item = rights.item(rights.launch("Q1"), "ana")
    assert (item.description, item_contexts.describer(item), item.context.file_description) == (
        SAID,
        "Ana Berg",
        "Read access",
    )
    was = {grant.owner_description_then for grant in Grant.objects.as_of(before)}
    then = {
        (grant.entitlement.key, grant.description_then, grant.owner_description_then) for grant in Grant.objects.as_of(after)
    }
    assert was == {""}
    assert then == {("read", "Read access", SAID), ("admin", "", "")}
    assert say("read", SAID, ana, is_confirmed=True).written == 1
    assert describing.counts(describing.owned(ana))["stale"] == 0
    say("read", "", ana)
    assert rights.item(rights.launch("Q2"), "ana").description == "Read access"


@pytest.mark.django_db
def test_a_file_is_taken_whole_or_not_at_all(client, rights):
    client.force_login(rights.system_owner)
    page = upload(
        client, f"source,entitlement_id,description\ncrm,read,{SAID}\ncrm,nope,{SAID}\ncrm,read,{SAID}\ncrm,admin,short\n"
    )
    found = [(one.line, one.right, one.reason) for one in page.context["refused"]]
    assert (page.status_code, found) == (422, [
        (3, "crm/nope", "This is no right that you may describe."),
        (4, "crm/read", "stands on line 2 already"),
        (5, "crm/admin", "Say in at least 10 characters what it lets people do."),
    ])  # fmt: skip
    assert not EntitlementDescription.objects.exists()
    text = f"source;entitlement_id;name;description\ncrm;read;;{SAID}\ncrm;admin;;\n"
    page = upload(client, text, only_check="on")
    assert page.context["would"] == "Set: 1. As before: 0. Left empty: 1. Refused: 0."
    assert not EntitlementDescription.objects.exists()
    assert upload(client, text).status_code == 302
    entry = Entry.objects.get(kind="descriptions:imported")
    assert entry.payload_json["data"]["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert entry.payload_json["data"]["written"] == 1
    assert right("read").described.how == "file"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "The submitted file is empty."),
        ("source,entitlement_id\ncrm,read\n", "“description” is missing"),
        ("source,entitlement_id,description,colour\n", "“colour” is not one of them"),
        ("source,entitlement_id,description\n", "The file has no rows."),
    ],
)
def test_what_is_no_such_file_is_said(client, rights, text, said):
    client.force_login(rights.system_owner)
    page = upload(client, text)
    assert page.status_code == 422
    assert said in page.content.decode()


@pytest.mark.django_db
def test_the_download_can_be_uploaded_and_changes_nothing(client, rights):
    odd = "=SUM(A1) is what it “does”,\nover two lines"
    say("read", odd, rights.system_owner)
    client.force_login(rights.system_owner)
    text = b"".join(client.get("/inventory/descriptions.csv")).decode()
    assert "'=SUM(A1)" in text
    assert upload(client, text, only_check="on").context["would"] == "Set: 0. As before: 1. Left empty: 1. Refused: 0."


@pytest.mark.django_db
def test_the_page_writes_several_at_once_and_shows_what_is_wrong(client, rights, django_assert_max_num_queries):
    client.force_login(rights.system_owner)
    with django_assert_max_num_queries(12):
        page = client.get(PAGE)
    assert "2 of your 2 rights have no description." in page.content.decode()
    read, admin = right("read").pk, right("admin").pk
    form = {f"{name}-{one}": "" for one in (read, admin) for name in ("was", "text")} | {
        f"seen-{one}": "0" for one in (read, admin)
    }
    wrong = client.post(PAGE, form | {f"text-{read}": SAID, f"text-{admin}": "no"})
    assert wrong.status_code == 422
    assert SAID in wrong.content.decode()
    assert not EntitlementDescription.objects.exists()
    assert (
        client.post(PAGE, form | {f"text-{read}": SAID, f"text-{admin}": "Change every setting\r\nand user"}).status_code == 302
    )
    assert right("admin").described.text == "Change every setting\nand user"
    described = client.get(f"{PAGE}?show=described").content.decode()
    assert "Written by System_Owner" in described
    kept = {f"seen-{read}": right("read").described_id, f"was-{read}": SAID, f"text-{read}": SAID}
    client.post(PAGE, kept | {"drop": read})
    assert right("read").described is None


@pytest.mark.django_db
def test_owners_hear_of_it_where_they_begin(client, rights):
    client.force_login(rights.user("ana@x.example"))
    assert "<b>1</b> of your 1 rights has no description." in client.get("/reviews/").content.decode()
    client.force_login(rights.fallback)
    assert "has no description" not in client.get("/reviews/").content.decode()


@pytest.mark.django_db
def test_reviewers_see_whose_words_they_read(client, rights):
    say("read", SAID, ana := rights.user("ana@x.example"))
    campaign = rights.launch("Q1")
    client.force_login(ana)
    drawer = client.get(f"/reviews/{campaign.pk}/items/{rights.row(campaign, 'bruno').pk}/").content.decode()
    assert f"{SAID} <span" in drawer
    assert "(written by Ana Berg, " in drawer
    client.force_login(rights.system_owner)
    shown = client.get(f"/inventory/rights/{right('read').pk}/").content.decode()
    assert "What was written about it" in shown

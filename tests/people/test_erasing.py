"""Erasing a person: what goes, what stays and why, and that the database lets nothing else through."""

import io
import json
import re

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certify.lib import canonical
from certify.lib.errors import DomainError, InvalidInput, NotAllowed
from evidence.actions import holds
from evidence.verifier import verify as verifier
from ledger import keys, personal, persons, verification
from ledger import rules as ledger_rules
from ledger.actions import configuration, entries, privileges, sequencing
from ledger.actors import SYSTEM
from ledger.models import Entry, Erasure, PersonRecord
from people import hindrances, queries, rules
from people.actions import erasing, mails, users
from people.models import Mail, User

pytestmark = pytest.mark.django_db
REASON = "Asked for it in a letter of 2 March"


@pytest.fixture
def admin() -> User:
    return users.create(username="root", name="Ada Admin", email="ada@x.example", roles=["administrator"], by=SYSTEM)


@pytest.fixture
def key_file(tmp_path):
    """The log's own key."""
    with override_settings(CERTIFY_LEDGER_KEY_FILE=tmp_path / "key.json"):
        yield


@pytest.fixture
def gone(admin) -> User:
    """Somebody who left, after their name changed."""
    person = users.create(username="zita", name="Zita Quint", email="zita@x.example", roles=["reviewer"], by=admin)
    users.change(user_id=person.pk, name="Zita Quint-Rossi", email="zita.rossi@x.example", by=admin)
    return users.deactivate(user_id=person.pk, by=admin)


def erase(person: User, by, **changed) -> User:
    return erasing.erase(**{"user_id": person.pk, "basis": "request", "reason": REASON, "by": by} | changed)


def test_the_name_goes_and_the_commitments_stay(gone, admin):
    before = list(PersonRecord.objects.filter(person=f"people.user:{gone.pk}").values_list("commitment", flat=True))
    person = erase(gone, admin)
    entry = Entry.objects.get(kind="person:erased")
    data = entry.payload_json["data"]
    assert (len(before), set(data.pop("commitments"))) == (2, set(before))
    assert data == {"erased": f"people.user:{gone.pk}", "basis": "request", "reason": REASON}
    assert Erasure.objects.get().entry_uid == entry.uid
    left = PersonRecord.objects.filter(person=f"people.user:{gone.pk}").values_list("commitment", "salt", "particulars")
    assert sorted(left) == sorted((one, None, "") for one in before)
    mark = f"erased person {gone.pk}"
    assert (person.name, person.username, person.email, person.has_usable_password()) == (mark, mark, "", False)


@pytest.mark.parametrize("covers", [{"people": ["zita"]}, {"everything": True}])
def test_a_legal_hold_stands_against_it_until_it_is_released(gone, admin, covers):
    other = users.create(username="olga", name="Olga Owner", email="", roles=["administrator"], by=admin)
    hold = holds.place(terms=holds.Terms("Case 7", "The court asks for everything", **covers), by=other)
    with pytest.raises(DomainError, match="A legal hold covers them: “Case 7”"):
        erase(gone, admin)
    assert not Erasure.objects.exists()
    holds.release(hold_id=hold.pk, reason="The court has decided", by=admin)
    assert erase(gone, admin).erased_at


def test_who_they_were_is_shown_by_the_mark(gone, admin, client):
    entries.record(kind="x:done", subject="s", by=gone, data={})
    client.force_login(admin)
    assert "Zita Quint-Rossi" in client.get("/ledger/?kind=x:done").content.decode()
    erase(gone, admin)
    page = client.get("/ledger/?kind=x:done").content.decode()
    assert f"erased person {gone.pk}" in page
    assert "Zita" not in page


@pytest.mark.parametrize(
    ("changed", "refusal", "words"),
    [
        ({"reason": "short"}, InvalidInput, "Give a reason"),
        ({"reason": "The letter of zita.ROSSI@x.example"}, InvalidInput, "do not write"),
        ({"basis": "whim"}, InvalidInput, "Choose"),
    ],
)
def test_what_is_asked_wrongly_is_refused(gone, admin, changed, refusal, words):
    with pytest.raises(refusal, match=words):
        erase(gone, admin, **changed)
    assert not Erasure.objects.exists()


def test_only_administrators_erase_and_only_those_who_are_gone(gone, admin):
    with pytest.raises(NotAllowed):
        erase(gone, gone)
    with pytest.raises(DomainError, match="still sign in"):
        erase(admin, SYSTEM)
    erase(gone, admin)
    with pytest.raises(DomainError, match="erased already"):
        erase(gone, admin)


def test_somebody_who_was_erased_does_not_come_back(gone, admin):
    erase(gone, admin)
    for act in (
        lambda: users.reactivate(user_id=gone.pk, by=admin),
        lambda: users.set_roles(user_id=gone.pk, roles=[], by=admin),
    ):
        with pytest.raises(DomainError, match="erased"):
            act()
    with pytest.raises(DatabaseError, match="was erased"), transaction.atomic():
        User.objects.filter(pk=gone.pk).update(name="Zita")


def test_whatever_must_be_kept_hinders(gone, admin, monkeypatch):
    monkeypatch.setattr(hindrances, "OF_APPS", [lambda person: [f"{person.name} is held."]])
    with pytest.raises(DomainError, match=r"Zita Quint-Rossi is held\."):
        erase(gone, admin)


def test_mails_lose_the_name_wherever_it_stands(gone, admin):
    context = {"giver": "Zita Quint-Rossi", "Zita Quint": ["by Zita Quint."], "other": "Zita Quintana"}
    queued = {"recipient": admin, "template": "welcome", "subject_ref": "s", "by": gone}
    mail = mails.queue(context=context, dedupe_key="one", **queued)
    Mail.objects.filter(recipient=gone).update(state="sent", address="zita@x.example", context={"roles": []})
    erase(gone, admin)
    mail.refresh_from_db()
    mark = f"erased person {gone.pk}"
    assert mail.context == {"giver": mark, "Zita Quint": [f"by {mark}."], "other": "Zita Quintana"}
    assert mail.queued_by_name == mark


def test_a_commitment_is_made_whoever_changes_a_name(gone):
    first = gone.commitment
    with connection.cursor() as cursor:
        cursor.execute("UPDATE people_user SET email = 'z@x.example', commitment = 'mine' WHERE id = %s", [gone.pk])
    gone.refresh_from_db()
    record = PersonRecord.objects.get(commitment=gone.commitment)
    assert gone.commitment not in (first, "mine")
    assert json.loads(record.particulars)["email"] == "z@x.example"
    assert len(record.salt) == 32


FORBIDDEN = [
    "UPDATE ledger_personrecord SET salt = NULL, particulars = ''",
    "DELETE FROM ledger_personrecord",
    "INSERT INTO ledger_erasure (person, at, entry_uid) VALUES ('people.user:1', now(), gen_random_uuid())",
    "UPDATE auditlog_logentry SET object_repr = 'erased person ' || object_pk",
    "UPDATE auditlog_logentry SET changes = ledger_masked(changes, 'people.user:' || object_pk)",
]


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_without_an_erasure_the_database_lets_no_name_go(gone, statement):
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_the_log_holds_after_an_erasure(gone, admin, key_file):
    erase(gone, admin)
    configuration.absorb(by=SYSTEM)
    sequencing.sequence(by=SYSTEM)
    assert verification.verify(verifier=keys.load().verifier).problems == []


TAMPERED = {
    "UPDATE ledger_personrecord SET particulars = replace(particulars, 'Zita', 'Rita')": "does not fit what it commits to",
    "UPDATE ledger_personrecord SET salt = NULL, particulars = ''": "lacks what it commits to, and no entry says",
    "DELETE FROM ledger_personrecord": "is in an entry, and no record has it",
}


@pytest.mark.parametrize("statement", TAMPERED)
def test_what_a_superuser_does_to_names_is_found(gone, key_file, statement):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ledger_personrecord DISABLE TRIGGER USER")
        cursor.execute(statement)
    sequencing.sequence(by=SYSTEM)
    assert TAMPERED[statement] in " ".join(verification.verify(verifier=keys.load().verifier).problems)


def test_the_applications_role_may_erase_and_do_nothing_else_to_names(gone, admin):
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE certify_test_eraser")
        privileges.grant(role="certify_test_eraser", by=SYSTEM)
        cursor.execute("SET LOCAL ROLE certify_test_eraser")
        made = users.create(username="nora", name="Nora", email="", roles=[], by=admin)
        assert PersonRecord.objects.filter(commitment=made.commitment).exists()
        assert erase(gone, admin).erased_at
        for statement in FORBIDDEN[1:]:
            with pytest.raises(DatabaseError), transaction.atomic():
                cursor.execute(statement)
        cursor.execute("RESET ROLE")


def test_the_page_says_what_goes_and_what_stays_and_erases(gone, admin, client):
    client.force_login(admin)
    address = f"/people/{gone.pk}/erase/"
    page = client.get(address).content.decode()
    for words in ("Zita Quint-Rossi", "zita@x.example", "Erase for good", "backups that have left"):
        assert words in page
    asked = {"basis": "request", "reason": REASON}
    assert client.post(address, asked).status_code == 422
    assert client.post(address, asked | {"is_sure": "on", "reason": "For Zita Quint, as asked"}).status_code == 422
    answer = client.post(address, asked | {"is_sure": "on"}, follow=True)
    page = answer.content.decode()
    assert answer.redirect_chain == [(f"/people/{gone.pk}/", 302)]
    assert "Zita" not in page
    assert f"erased person {gone.pk}" in page
    assert REASON in page
    assert client.get(address).status_code == 404


def test_the_page_of_somebody_who_cannot_be_erased_yet_says_why(admin, client):
    client.force_login(admin)
    page = client.get(f"/people/{admin.pk}/erase/").content.decode()
    assert "They can still sign in. Deactivate them first." in page
    assert "Erase for good" not in page


def test_the_command_tells_first_and_erases_when_told_to(gone):
    told, done = io.StringIO(), io.StringIO()
    call_command("erase_person", "zita", stdout=told)
    assert "Would go: Zita Quint, Zita Quint-Rossi" in told.getvalue()
    assert not Erasure.objects.exists()
    call_command("erase_person", "zita", "--yes", "--reason", REASON, stdout=done)
    assert f"erased person {gone.pk}" in done.getvalue()
    with pytest.raises(CommandError, match="Nobody signs in as zita"):
        call_command("erase_person", "zita")


#: Columns that no trigger names: frozen and empty since names stand apart, or cleaned by the name alone.
BY_NAME = {
    ("campaigns_itemcontext", "described_by_name"),
    ("people_apitoken", "revoked_by_name"),
    ("people_mail", "queued_by_name"),
}


def test_whatever_holds_somebodys_name_is_erased():
    models = [model for app in ("inventory", "campaigns", "remediation", "evidence", "people") for model in get_models(app)]
    held = {
        (model._meta.db_table, field.column)
        for model in models
        for field in model._meta.concrete_fields
        if re.search(r"(^|_)by_name$|^(reviewer|holder|person)_(name|email)$", field.column)
    }
    known = {(column.table, column.name) for column in personal.columns()}
    assert held - known == BY_NAME
    assert len(held) > 25


def get_models(app: str):
    return apps.get_app_config(app).get_models()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=60))
def test_the_database_commits_to_what_everybody_else_computes(gone, name):
    User.objects.filter(pk=gone.pk).update(name=name)
    gone.refresh_from_db()
    record = PersonRecord.objects.get(commitment=gone.commitment)
    said = {"email": gone.email, "id": f"people.user:{gone.pk}", "name": name, "username": "zita"}
    assert record.particulars.encode() == canonical.dumps(said)
    salt = bytes(record.salt)
    assert persons.commitment(salt, record.particulars) == verifier.opened(salt.hex(), said) == gone.commitment


@given(
    st.recursive(
        st.text(max_size=20), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    )
)
def test_names_are_replaced_as_whole_words_and_nothing_else(value):
    named = rules.naming(["Zita Quint", "zita@x.example"])
    assert rules.renamed(value, named, "x") == value
    assert rules.renamed({"Zita Quint": [value, "Zita Quint, Zita Quinta"]}, named, "x") == {
        "Zita Quint": [value, "x, Zita Quinta"]
    }


def test_names_from_before_there_were_commitments_go_out_of_mails_too(gone, admin, monkeypatch):
    mails.queue(recipient=admin, template="welcome", context={"by": "Zita Old"}, subject_ref="s", dedupe_key="one", by=SYSTEM)
    data = {"user": f"people.user:{gone.pk}", "old": {"name": "Zita Old", "email": ""}, "new": {"name": "Z", "email": ""}}
    entries.record(kind="user:changed", subject=f"people.user:{gone.pk}", by=SYSTEM, data=data)
    assert queries.what_names(gone).in_the_clear == 0
    monkeypatch.setattr(ledger_rules, "VERSION", 1)
    entries.record(kind="user:changed", subject=f"people.user:{gone.pk}", by=SYSTEM, data=data)
    monkeypatch.undo()
    assert queries.what_names(gone).in_the_clear == 1
    erase(gone, admin)
    assert Mail.objects.get(recipient=admin).context == {"by": f"erased person {gone.pk}"}

"""What changes a person, who may, and what the ledger says of it."""

import threading

import pytest
from auditlog.models import LogEntry
from django.db import IntegrityError, ProgrammingError, connection, transaction

from certify.lib.errors import DomainError, InvalidInput, NotAllowed
from ledger.actors import SYSTEM
from ledger.models import PersonRecord
from people.actions import users
from people.models import Mail, User
from people.states import Role
from tests.people.conftest import PASSWORD, Recorded, make

pytestmark = pytest.mark.django_db


def test_create_makes_a_person_without_a_password(admin):
    recorded = Recorded()
    person = users.create(
        username=" Nora ", name=" Nora  Berg", email="nora@x.example", roles=["reviewer", "administrator"], by=admin
    )
    person.refresh_from_db()
    assert (person.username, person.name, person.email) == ("nora", "Nora Berg", "nora@x.example")
    assert person.roles == ["administrator", "reviewer"]
    assert person.is_active
    assert not person.has_usable_password()
    subject = f"people.user:{person.pk}"
    data = {
        "user": subject,
        "person": {"id": subject, "person": person.commitment},
        "roles": ["administrator", "reviewer"],
    }
    assert recorded.all() == [("user:created", subject, f"people.user:{admin.pk}", data)]
    assert Mail.objects.count() == 0


def test_create_with_invitation_queues_one_mail(admin):
    person = users.create(username="nora", name="Nora", email="nora@x.example", roles=[], invite=True, by=admin)
    mail = Mail.objects.get()
    assert (mail.recipient, mail.template, mail.state) == (person, "welcome", "queued")


@pytest.mark.parametrize("taken", ["rita", "RITA", "  Rita ", "Ｒｉｔａ"])
def test_create_refuses_a_sign_in_name_in_any_case(admin, reviewer, taken):
    recorded = Recorded()
    with pytest.raises(InvalidInput, match="taken") as refusal:
        users.create(username=taken, name="Rita Two", roles=[], by=admin)
    assert refusal.value.field == "username"
    assert User.objects.count() == 2
    assert recorded.all() == []


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"username": " "}, "username"),
        ({"name": ""}, "name"),
        ({"email": "nobody"}, "email"),
        ({"email": "", "invite": True}, "email"),
        ({"roles": ["root"]}, "roles"),
    ],
)
def test_create_refuses_wrong_input(admin, wrong, field):
    recorded = Recorded()
    right = {"username": "nora", "name": "Nora", "email": "nora@x.example", "roles": []}
    with pytest.raises(InvalidInput) as refusal:
        users.create(**{**right, **wrong}, by=admin)
    assert refusal.value.field == field
    assert recorded.all() == []
    assert not User.objects.filter(username="nora").exists()


@pytest.mark.parametrize("role", [role for role in Role if role != Role.ADMINISTRATOR])
def test_only_administrators_change_people(admin, reviewer, role):
    stranger = make("sten", roles=[role])
    recorded = Recorded()
    acts = (
        lambda: users.create(username="nora", name="Nora", roles=[], by=stranger),
        lambda: users.change(user_id=reviewer.pk, name="X", email="", by=stranger),
        lambda: users.set_roles(user_id=stranger.pk, roles=["administrator"], by=stranger),
        lambda: users.deactivate(user_id=reviewer.pk, by=stranger),
        lambda: users.reactivate(user_id=reviewer.pk, by=stranger),
    )
    for act in acts:
        with pytest.raises(NotAllowed):
            act()
    assert recorded.all() == []


def test_change_records_old_and_new_and_django_auditlog_agrees(admin, reviewer):
    recorded = Recorded()
    users.change(user_id=reviewer.pk, name="Rita Holm", email="", by=admin)
    reviewer.refresh_from_db()
    assert (reviewer.name, reviewer.email) == ("Rita Holm", "")
    subject = f"people.user:{reviewer.pk}"
    was, now = [
        {"id": subject, "person": one.commitment}
        for name in ("Rita", "Rita Holm")
        for one in PersonRecord.objects.filter(person=subject, particulars__contains=f'"name":"{name}"')
    ]
    assert now["person"] == reviewer.commitment
    data = {"user": subject, "old": was, "new": now, "changed": ["name", "email"]}
    assert recorded.all() == [("user:changed", subject, f"people.user:{admin.pk}", data)]
    change = LogEntry.objects.filter(object_pk=str(reviewer.pk), action=LogEntry.Action.UPDATE).latest("id")
    assert change.changes_dict == {"name": ["Rita", "Rita Holm"], "email": ["rita@x.example", ""]}


def test_auditlog_never_sees_a_password(reviewer):
    changes = [entry.changes_dict for entry in LogEntry.objects.filter(object_pk=str(reviewer.pk))]
    assert changes
    assert all("password" not in change and "last_login" not in change for change in changes)


def test_nothing_changed_is_nothing_recorded(admin, reviewer):
    recorded = Recorded()
    users.change(user_id=reviewer.pk, name=reviewer.name, email=reviewer.email, by=admin)
    users.set_roles(user_id=reviewer.pk, roles=reviewer.roles, by=admin)
    users.reactivate(user_id=reviewer.pk, by=admin)
    assert recorded.all() == []


def test_set_roles_records_old_and_new(admin, reviewer):
    recorded = Recorded()
    users.set_roles(user_id=reviewer.pk, roles=["auditor", "control_owner"], by=admin)
    reviewer.refresh_from_db()
    assert reviewer.roles == ["control_owner", "auditor"]
    subject = f"people.user:{reviewer.pk}"
    data = {"user": subject, "old": ["reviewer"], "new": ["control_owner", "auditor"]}
    assert recorded.all() == [("user:roles-changed", subject, f"people.user:{admin.pk}", data)]


def test_set_roles_refuses_an_unknown_role(admin, reviewer):
    with pytest.raises(InvalidInput):
        users.set_roles(user_id=reviewer.pk, roles=["root"], by=admin)


def test_nobody_takes_their_own_administrator_role(admin):
    make("boris", roles=[Role.ADMINISTRATOR])
    with pytest.raises(DomainError) as refusal:
        users.set_roles(user_id=admin.pk, roles=["reviewer"], by=admin)
    assert refusal.value.code == "own_role"
    users.set_roles(user_id=admin.pk, roles=["administrator", "reviewer"], by=admin)


def test_another_administrator_may_take_it(admin):
    other = make("boris", roles=[Role.ADMINISTRATOR])
    users.set_roles(user_id=admin.pk, roles=[], by=other)
    admin.refresh_from_db()
    assert not admin.has_role(Role.ADMINISTRATOR)


@pytest.mark.parametrize("act", ["set_roles", "deactivate"])
def test_the_last_active_administrator_stays(admin, act):
    gone = make("boris", roles=[Role.ADMINISTRATOR])
    users.deactivate(user_id=gone.pk, by=admin)
    options = {"roles": ["reviewer"]} if act == "set_roles" else {}
    with pytest.raises(DomainError) as refusal:
        getattr(users, act)(user_id=admin.pk, by=SYSTEM, **options)
    assert refusal.value.code == "last_administrator"
    admin.refresh_from_db()
    assert admin.has_role(Role.ADMINISTRATOR)


def test_a_deactivated_administrator_may_lose_the_role(admin):
    gone = make("boris", roles=[Role.ADMINISTRATOR])
    users.deactivate(user_id=gone.pk, by=admin)
    users.set_roles(user_id=gone.pk, roles=[], by=admin)
    gone.refresh_from_db()
    assert gone.roles == []


def test_deactivate_and_reactivate_keep_roles_and_password(admin, reviewer):
    recorded = Recorded()
    users.deactivate(user_id=reviewer.pk, by=admin)
    users.deactivate(user_id=reviewer.pk, by=admin)
    reviewer.refresh_from_db()
    assert not reviewer.is_active
    assert not reviewer.has_role(Role.REVIEWER)
    users.reactivate(user_id=reviewer.pk, by=admin)
    reviewer.refresh_from_db()
    assert reviewer.has_role(Role.REVIEWER)
    assert reviewer.check_password(PASSWORD)
    subject, actor, data = f"people.user:{reviewer.pk}", f"people.user:{admin.pk}", {"user": f"people.user:{reviewer.pk}"}
    assert recorded.all() == [("user:deactivated", subject, actor, data), ("user:reactivated", subject, actor, data)]


def test_nobody_deactivates_themselves(admin):
    make("boris", roles=[Role.ADMINISTRATOR])
    with pytest.raises(DomainError) as refusal:
        users.deactivate(user_id=admin.pk, by=admin)
    assert refusal.value.code == "own_access"


def test_a_deactivated_administrator_acts_no_more(admin, reviewer):
    other = make("boris", roles=[Role.ADMINISTRATOR])
    users.deactivate(user_id=other.pk, by=admin)
    with pytest.raises(NotAllowed):  # though `other` was read before it happened
        users.deactivate(user_id=reviewer.pk, by=other)


def test_set_password_is_the_persons_alone(admin, reviewer):
    recorded = Recorded()
    with pytest.raises(NotAllowed):
        users.set_password(user_id=reviewer.pk, password="another good long one", by=admin)
    users.set_password(user_id=reviewer.pk, password="another good long one", by=reviewer)
    reviewer.refresh_from_db()
    assert reviewer.check_password("another good long one")
    subject = f"people.user:{reviewer.pk}"
    assert recorded.all() == [("user:password-set", subject, subject, {"user": subject})]


@pytest.mark.parametrize("weak", ["short", "passwordpassword1"[:8], "123456789012345", "rita@x.example"])
def test_set_password_refuses_weak_ones(reviewer, weak):
    recorded = Recorded()
    with pytest.raises(InvalidInput) as refusal:
        users.set_password(user_id=reviewer.pk, password=weak, by=reviewer)
    assert refusal.value.field == "password"
    assert recorded.all() == []


def test_set_password_refuses_the_deactivated(admin, reviewer):
    users.deactivate(user_id=reviewer.pk, by=admin)
    with pytest.raises(NotAllowed):
        users.set_password(user_id=reviewer.pk, password="another good long one", by=reviewer)


def test_a_failing_ledger_fails_the_act(admin, reviewer):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ledger_entry ADD CONSTRAINT broken CHECK (kind <> 'user:deactivated')")
    with pytest.raises(IntegrityError), transaction.atomic():
        users.deactivate(user_id=reviewer.pk, by=admin)
    reviewer.refresh_from_db()
    assert reviewer.is_active


def test_the_database_refuses_to_delete_people(reviewer):
    with pytest.raises(ProgrammingError, match="people_user"), transaction.atomic():
        User.objects.filter(pk=reviewer.pk)._raw_delete("default")
    assert User.objects.filter(pk=reviewer.pk).exists()


@pytest.mark.parametrize("wrong", ["roles = '{root}'", "username = 'ALMA'"])
def test_the_database_refuses_unknown_roles_and_twins(admin, reviewer, wrong):
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE people_user SET {wrong} WHERE username = 'rita'")


@pytest.mark.django_db(transaction=True)
def test_two_administrators_cannot_remove_each_other():
    pair = [make("alma", roles=[Role.ADMINISTRATOR]), make("boris", roles=[Role.ADMINISTRATOR])]
    ready, refusals = threading.Barrier(2), []

    def demote(by: User, other: User) -> None:
        ready.wait()
        try:
            users.set_roles(user_id=other.pk, roles=[], by=by)
        except DomainError as refusal:
            refusals.append(refusal)
        finally:
            connection.close()

    threads = [threading.Thread(target=demote, args=(by, other)) for by, other in (pair, pair[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert User.objects.with_role(Role.ADMINISTRATOR).count() == 1
    assert [type(refusal) for refusal in refusals] == [NotAllowed]

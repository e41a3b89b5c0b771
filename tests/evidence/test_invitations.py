"""Auditors who are invited by mail, again, and taken off; and the way of one through the pages."""

from datetime import date, timedelta

import pytest
from django.core import mail as outbox
from django.core.mail import get_connection
from django.urls import reverse

from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from evidence.actions import invitations, periods
from evidence.models import AuditPeriod
from ledger.actors import SYSTEM
from ledger.models import Entry
from people import factors
from people.actions import delivery, users
from people.models import Mail, User
from people.queries import password_path

PASSWORD = "seven green lamps on a hill"


@pytest.fixture
def period(story):
    """A period that nobody is invited to yet."""
    today = clock.now().date()
    details = periods.Details("SOC 2", "soc2", date(today.year, 1, 1), today, today + timedelta(days=30))
    return periods.create(details=details, by=story.owner)


def invite(period, story, email="nia@audit.example", name="Nia Noor", by=None):
    """One invitation by the control owner."""
    return invitations.invite(period_id=period.pk, name=name, email=email, by=by or story.owner)


def delivered() -> list[str]:
    """The mails that go out now, as text."""
    outbox.outbox = []
    mailer = get_connection("django.core.mail.backends.locmem.EmailBackend")
    while delivery.send_next(mailer=mailer, by=SYSTEM):
        pass
    return [f"{one.subject}\n{one.body}" for one in outbox.outbox]


def test_an_invited_auditor_gets_a_sign_in_with_that_role_alone_and_a_link(period, story, settings):
    settings.CERTIFY_TWO_FACTOR_ROLES = ["auditor"]
    person = invite(period, story).auditor
    assert (person.username, person.roles, person.has_usable_password()) == ("nia@audit.example", ["auditor"], False)
    assert list(AuditPeriod.objects.visible_to(person, clock.now().date())) == [period]
    (text,) = delivered()
    assert "SOC 2" in text
    assert "/password/set/" in text
    assert "second factor" in text
    entry = Entry.objects.get(kind="auditor:invited")
    assert entry.subject == f"evidence.period:{period.pk}"
    assert entry.payload_json["data"]["named"] == person.actor_ref()
    assert (
        Entry.objects.get(kind="user:created", subject=f"people.user:{person.pk}").actor_id == f"people.user:{story.owner.pk}"
    )


def test_an_auditor_with_a_sign_in_is_told_and_nobody_is_made(period, story):
    users.set_password(user_id=story.auditor.pk, password=PASSWORD, by=story.auditor)
    before = User.objects.count()
    assert invite(period, story, email="AUDITOR@x.example").auditor == story.auditor
    assert User.objects.count() == before
    (text,) = delivered()
    assert "/password/set/" not in text


@pytest.mark.parametrize("email", ["reviewer@x.example", "admin@x.example"])
def test_who_has_another_role_is_not_made_an_auditor_by_inviting(period, story, email):
    with pytest.raises(InvalidInput) as refused:
        invite(period, story, email=email)
    assert "An administrator can give the role." in refused.value.message
    assert not period.auditors.exists()


@pytest.mark.parametrize("by", ["admin", "auditor", "fallback", "system_owner"])
def test_only_control_owners_invite(period, story, by):
    with pytest.raises(NotAllowed):
        invite(period, story, by=getattr(story, by))
    assert not User.objects.filter(username="nia@audit.example").exists()


def test_nobody_is_invited_twice_without_an_address_or_after_the_last_day(period, story):
    invite(period, story)
    for email in ("nia@audit.example", "", "no address"):
        with pytest.raises(InvalidInput):
            invite(period, story, email=email)
    with clock.freeze(clock.now() + timedelta(days=40)), pytest.raises(InvalidInput):
        invite(period, story, email="late@audit.example")
    assert not User.objects.filter(username="late@audit.example").exists()


def test_the_mail_goes_out_again_after_ten_minutes(period, story):
    person = invite(period, story).auditor
    with pytest.raises(InvalidInput):
        invitations.invite_again(period_id=period.pk, auditor_id=person.pk, by=story.owner)
    with clock.freeze(clock.now() + timedelta(minutes=11)):
        again = invitations.invite_again(period_id=period.pk, auditor_id=person.pk, by=story.owner)
    assert again.sent == 2
    assert Mail.objects.filter(template="auditor_invited").count() == 2
    assert Entry.objects.filter(kind="auditor:invited-again").count() == 1


def test_a_withdrawn_invitation_is_not_sent_and_its_link_opens_nothing(period, story, client):
    person = invite(period, story).auditor
    link = password_path(User.objects.get(pk=person.pk))
    assert client.get(link, follow=True).context["validlink"]
    invitations.withdraw(period_id=period.pk, auditor_id=person.pk, by=story.owner)
    assert not client.get(link, follow=True).context["validlink"]
    assert delivered() == []
    assert Mail.objects.get(template="auditor_invited").state == "skipped"
    assert not AuditPeriod.objects.visible_to(person, clock.now().date()).exists()
    assert Entry.objects.filter(kind="auditor:withdrawn").count() == 1


def test_taking_an_auditor_off_leaves_the_password_they_have(period, story):
    users.set_password(user_id=story.auditor.pk, password=PASSWORD, by=story.auditor)
    invite(period, story, email="auditor@x.example")
    invitations.withdraw(period_id=period.pk, auditor_id=story.auditor.pk, by=story.owner)
    assert User.objects.get(pk=story.auditor.pk).check_password(PASSWORD)


def test_from_the_invitation_to_the_period_through_the_pages(period, story, client, settings):
    settings.CERTIFY_TWO_FACTOR_ROLES = ["auditor"]
    client.force_login(story.owner)
    address = reverse("evidence:auditor-list", args=[period.pk])
    answer = client.post(address, {"name": "Nia Noor", "email": "nia@audit.example"}, follow=True)
    assert "The invitation to Nia Noor is on its way." in answer.text
    assert "No password set yet" in answer.text
    client.logout()
    person = User.objects.get(username="nia@audit.example")
    form = client.get(password_path(person)).url
    client.post(form, {"password": PASSWORD, "again": PASSWORD})
    page = reverse("evidence:period-detail", args=[period.pk])
    client.post("/sign-in/", {"username": person.username, "password": PASSWORD})
    assert client.get(page).status_code == 302
    client.get("/sign-in/set-up/")
    code = factors.code_at(client.session["second_factor_secret"], factors.step_at(clock.now()))
    assert client.post("/sign-in/set-up/", {"code": code}).status_code == 200
    assert client.get(page).status_code == 200
    assert Entry.objects.filter(kind="period:opened", actor_id=f"people.user:{person.pk}").exists()

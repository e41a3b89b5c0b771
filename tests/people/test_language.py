"""Pages and mails in their reader's language: the one they chose, else the browser's, else the usual one."""

import pytest
from django.core import mail as outbox
from django.utils import translation

from certify.lib import language
from certify.lib.errors import InvalidInput, NotAllowed
from people.actions import mails, users
from people.models import Mail, User
from people.tasks import send_queued_mail
from tests.people.conftest import Recorded, make

pytestmark = pytest.mark.django_db


def opened(client, person: User, accepted: str = "") -> str:
    client.force_login(person)
    answer = client.get("/my-hours/", headers={"Accept-Language": accepted})
    text = answer.content.decode()
    code = answer.headers["Content-Language"]
    assert f'<html lang="{code}">' in text
    assert ("Ihre Arbeitszeiten" in text, "Your working hours" in text) == (code == "de", code == "en")
    return code


@pytest.mark.parametrize(
    ("chosen", "accepted", "usual", "code"),
    [
        ("", "", "en", "en"),
        ("", "", "de", "de"),
        ("", "de-AT,de;q=0.9,en;q=0.5", "en", "de"),
        ("", "fr,en;q=0.8,de;q=0.5", "de", "en"),
        ("", "fr,*;q=0.1", "de", "de"),
        ("", "not a header;;", "en", "en"),
        ("en", "de", "de", "en"),
        ("de", "en", "en", "de"),
        ("tlh", "en", "de", "en"),
    ],
)
def test_the_chosen_language_outranks_the_browser_and_that_the_usual_one(
    client, reviewer, settings, chosen, accepted, usual, code
):
    settings.CERTIFY_LANGUAGE = usual
    User.objects.filter(pk=reviewer.pk).update(language=chosen)
    assert opened(client, reviewer, accepted) == code


def test_the_page_to_sign_in_speaks_the_language_of_the_browser(client):
    answer = client.get("/sign-in/", headers={"Accept-Language": "de"})
    assert "Anmeldename" in answer.content.decode()
    assert "Accept-Language" in answer.headers["Vary"]


def test_no_request_leaves_its_language_behind(client, reviewer):
    opened(client, reviewer, "de")
    assert translation.get_language() == "en"


def test_a_person_chooses_a_language_and_it_is_entered(client, reviewer):
    client.force_login(reviewer)
    written = Recorded()
    answer = client.post("/my-language/", {"language": "de"}, follow=True)
    assert "Gespeichert. Seiten und E-Mails sind ab jetzt in dieser Sprache." in answer.content.decode()
    subject = f"people.user:{reviewer.pk}"
    assert written.all() == [("user:language-changed", subject, subject, {"user": subject, "old": "", "new": "de"})]
    client.post("/my-language/", {"language": "de"})
    client.post("/my-language/", {"language": "tlh"})
    assert len(written.all()) == 1


def test_nobody_chooses_for_others_or_a_language_that_is_not_spoken(admin, reviewer):
    with pytest.raises(NotAllowed):
        users.set_language(user_id=reviewer.pk, language="de", by=admin)
    with pytest.raises(InvalidInput, match="does not speak “tlh”"):
        users.set_language(user_id=reviewer.pk, language="tlh", by=reviewer)


def test_a_refusal_is_in_the_language_of_whoever_is_refused(admin):
    with translation.override("de"), pytest.raises(InvalidInput, match="Geben Sie einen Anmeldenamen an"):
        users.create(username=" ", name="x", roles=[], by=admin)


def test_dates_have_the_order_and_the_names_of_the_language(reviewer):
    moment = reviewer.created_at.replace(year=2026, month=12, day=3, hour=9, minute=5)
    with translation.override("de"):
        assert reviewer.hours.words(moment) == "Donnerstag, 3. Dezember 2026, 09:05 (UTC)"
    assert reviewer.hours.words(moment) == "Thursday 3 December 2026, 09:05 (UTC)"


@pytest.mark.parametrize(
    ("chosen", "usual", "subject"), [("de", "en", "Ihr Zugang"), ("", "de", "Ihr Zugang"), ("en", "de", "Your sign-in")]
)
def test_a_mail_is_in_its_readers_language(settings, admin, chosen, usual, subject):
    settings.CERTIFY_LANGUAGE = usual
    person = make("petra", roles=["reviewer"], email="petra@x.example")
    User.objects.filter(pk=person.pk).update(language=chosen)
    mails.queue(
        recipient=person, template="welcome", context={"roles": ["Reviewer"]}, subject_ref="x", dedupe_key="w", by=admin
    )
    send_queued_mail()
    assert outbox.outbox[0].subject.startswith(subject)
    assert Mail.objects.get(dedupe_key="w").subject == outbox.outbox[0].subject


def test_labels_within_a_sentence_are_small_in_english_only():
    assert language.within(translation.gettext_lazy("Reviewer")) == "reviewer"
    with translation.override("de"):
        assert language.within(translation.gettext_lazy("Reviewer")) == "Prüfung"

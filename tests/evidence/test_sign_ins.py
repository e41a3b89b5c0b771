"""By which means reviewers had signed in who signed: each sign-in with its entry, and what it comes to for each statement."""

import csv
import io
import zipfile
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session

from certify.lib import clock
from evidence.pack import sign_ins
from evidence.verifier import verify as verifier
from people.states import Means
from tests.evidence import signing_in, spoil
from tests.evidence.conftest import verify

pytestmark = pytest.mark.django_db


def table(pack, name: str) -> list[dict[str, str]]:
    with zipfile.ZipFile(pack) as archive:
        return list(csv.DictReader(io.StringIO(archive.read(name).decode(), newline="")))


def test_each_statement_says_by_which_means_its_reviewer_had_signed_in(honest):
    rows = [row for row in table(honest.path, "reviews/signed_in_by.csv") if row["submitted_at"][5:10] == "02-05"]
    assert [(row["reviewer_name"], row["sign_ins"], row["means"]) for row in rows] == [
        ("Ana Berg", "2", "password and code"), ("Control_Owner", "2", "not known")]  # fmt: skip
    later = [row for row in table(honest.path, "reviews/signed_in_by.csv") if row["submitted_at"][5:10] != "02-05"]
    assert {(row["sign_ins"], row["means"]) for row in later} == {("0", "not known")}
    assert len(rows) + len(later) == len(table(honest.path, "reviews/submissions.csv"))


def test_sign_ins_of_those_who_signed_are_in_the_pack_and_nobody_elses(honest):
    rows = table(honest.path, "reviews/sign_ins.csv")
    signers = {row["reviewer"] for row in table(honest.path, "reviews/submissions.csv")}
    assert [(row["reviewer_name"], row["means"]) for row in rows] == [
        ("Ana Berg", "password"), ("Control_Owner", "password"), ("Ana Berg", "password and code"),
        ("Control_Owner", "password and code"), ("Ana Berg", "password and code")]  # fmt: skip
    assert {row["reviewer"] for row in rows} <= signers


def test_the_verifier_says_how_many_are_known(honest):
    told = verify(honest.path).text
    assert "Sign-ins of reviewers: of " in told
    assert "1 were signed after sign-ins by one means only" in told


def test_a_stronger_means_than_was_recorded_is_found_in_both_tables(honest):
    copy = spoil.read(honest.path)
    spoil.change(copy, "reviews/signed_in_by.csv", spoil.cell(3, "means", "password and code"), forge=True)
    checks = verifier.Verifier(spoil.Held(copy)).run()
    wrong = [problem for check in checks if check.title == "Sign-ins of reviewers" for problem in check.problems]
    assert wrong == [
        "reviews/signed_in_by.csv, row 3: means is “password and code”, but the log comes to “not known”: the row was changed"
    ]


def test_a_session_ends_twelve_hours_after_its_sign_in_whatever_is_done_in_it(story, settings):
    made = signing_in.sign_in(story.owner, Means.PASSWORD)
    made.session.save()
    ends = Session.objects.get(pk=made.session.session_key).expire_date
    made.session["later"] = "something"
    made.session.save()
    assert Session.objects.get(pk=made.session.session_key).expire_date == ends
    assert sign_ins.HOURS * 3600 == settings.SESSION_COOKIE_AGE == verifier.SignIns.SESSION // 1_000_000
    assert timedelta(hours=11, minutes=59) < ends - clock.now() <= timedelta(hours=12)

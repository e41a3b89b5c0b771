"""The two reports of an audit: the same records as readiness and packs, with what people stated, and what nobody did."""

import io
import re
from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pypdf import PdfReader

from campaigns.models import Occurrence
from certify.lib import clock
from evidence import assurance_sections, deviations
from evidence.actions import duties, periods
from evidence.actions import statements as acts
from evidence.assurance import Assurance
from evidence.models import AuditPeriod, Statement
from evidence.readiness import Readiness
from ledger.models import Entry
from people.actions import users
from tests.evidence.conftest import build, seal
from tests.evidence.spoil import read
from tests.evidence.stated import YEAR, moment, state
from tests.evidence.story import details, play
from tests.evidence.test_pages import client_of

pytestmark = pytest.mark.django_db


def report(period: AuditPeriod, at=None) -> dict[str, assurance_sections.Section]:
    """The sections by name."""
    return {one.name: one for one in assurance_sections.of(Assurance(Readiness(period, at or moment(12, 31))))}


def texts(section) -> list[list[str]]:
    return [[cell.text for cell in row] for row in section.rows]


def words(pdf: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())


def of_iso(story, **changes) -> AuditPeriod:
    return periods.create(details=details(story, name="ISO", framework="iso27001", **changes), by=story.owner)


# ---- did the controls operate ----


def test_the_controls_ran_as_readiness_counts_them(story):
    period = play(story)
    sections, line = report(period), next(
        one for one in Readiness(period, moment(12, 31)).lines() if one.control.id == "CC6.3"
    )  # fmt: skip
    row = next(row for row in texts(sections["operation"]) if row[0] == "CC6.3")
    assert row[1:] == [story.owner.name, *map(str, (len(line.runs), line.performed, line.late, line.missed, 0))]
    assert list(sections)[:2] == ["scope", "missing"], "scope stands on top"
    assert list(sections)[2:] == ["applicability", "operation", "deviations", "user_control", "subservice", "nonconformity"]


def test_a_deviation_names_who_answered_then_and_its_nonconformity(story):
    period = play(story)
    late = Occurrence.objects.get(due_on__year=YEAR, due_on__month=6)
    with clock.freeze(moment(12, 20)):
        duties.give(control="soc2:CC6.3", duty="process_owner", holder=story.admin, by=story.owner)
    rows = texts(report(period)["deviations"])
    what, held, made = next(row for row in rows if f"{late.label}, due" in row[0])
    assert "performed late" in what
    assert f"process owner {story.owner.name}, approver nobody" in held, "whoever has it today had it not then"
    assert made == "No. 1"
    assert sum(row[2] == "not stated" for row in rows) == len(rows) - 1 > 3
    kinds = {one.key.partition(":")[0] for one in deviations.of(Readiness(period, moment(12, 31)))}
    assert kinds == {"run", "not-reviewed", "cancelled", "removals"}


def test_what_people_stated_stands_under_their_names_and_the_rest_is_said_to_be_missing(story):
    sections = report(play(story))
    applies = {row[0]: row[1:] for row in texts(sections["applicability"])}
    assert applies["CC6.2"][:2] == ["yes", "partly implemented"], "the latest version"
    assert [row[0] for row in texts(sections["operation"])] == ["CC6.2", "CC6.3"]
    assert applies["CC9.2"] == ["not stated", "–", "–"]
    assert sections["user_control"].rows == []
    assert sections["user_control"].cut == "1 was withdrawn."
    (host,) = sections["subservice"].records
    assert [cell.text for _label, cell in host[1]][:3] == [
        "=Host, Inc.",
        "Runs the machines",
        "carve-out: its controls are outside this audit",
    ]
    told = dict(sections["nonconformity"].records[0][1])
    assert (told["Stands at"].text, told["Stands at"].under) == ("Effective", f"{story.admin.name}: @July was in time")
    gaps = " ".join(row[0] for row in texts(sections["missing"]))
    assert "No complementary user-entity control is stated" in gaps
    assert "No subservice organisation" not in gaps
    assert re.search(r"Whether \d+ controls apply is not stated", gaps)


def test_what_is_stated_after_the_period_says_so(story):
    period = periods.create(details=details(story), by=story.owner)
    for day in ((2031, 12, 31), (2032, 1, 1)):
        with clock.freeze(moment(1, 1).replace(year=day[0], month=day[1], day=day[2])):
            state(story, "user_control", title="Tell us who left")
    first, second = report(period)["user_control"].rows
    assert "after the period" not in first[0].under
    assert second[0].under.endswith("1 Jan 2032, after the period")


# ---- is there a managed system ----


def test_of_a_managed_system_everything_that_is_not_stated_is_said(story):
    play(story)
    sections = report(of_iso(story))
    gaps = " ".join(row[0] for row in texts(sections["missing"]))
    for said in (
        "No internal audit of this period",
        "No management review of this period",
        "Of 1 control that reviews serve no risk is stated",
    ):
        assert said in gaps
    assert list(sections)[2:] == [
        "applicability", "operation", "deviations", "risk", "internal_audit", "nonconformity", "management_review",
    ]  # fmt: skip
    row = next(row for row in sections["operation"].rows if row[0].text == "A.5.18")
    assert [cell.text for cell in (row[1], row[7])] == ["not stated", "not stated"]
    assert "Definition of Of another standard" in row[8].text


def test_a_managed_system_is_told_with_its_risks_audits_and_reviews(story):
    play(story)
    period = of_iso(story)
    state(story, "risk", "iso27001", title="Leavers keep access", treatment="modify", controls=["iso27001:A.5.18"])
    held = {"auditor": "Internal audit, not of this team", "result": "Two findings"}
    state(story, "internal_audit", "iso27001", title="Access", held_on=date(YEAR, 5, 1), **held)
    state(story, "internal_audit", "iso27001", title="Access before", held_on=date(YEAR - 1, 5, 1), **held)
    review = {"period": str(period.pk), "held_on": date(YEAR, 12, 1), "attended": "The board", "decisions": "A second team"}
    state(story, "management_review", "iso27001", **review)
    sections = report(period)
    row = next(row for row in texts(sections["operation"]) if row[0] == "A.5.18")
    assert row[7] == "Leavers keep access (modify the risk by controls)"
    assert [row[1].text for row in sections["internal_audit"].rows] == ["Access"]
    assert sections["internal_audit"].cut == "1 of another time is not shown."
    (told,) = sections["management_review"].records
    figures = dict(told[1])["Figures"].text
    assert figures.startswith("0 runs expected; 0 performed in time")
    assert not any("internal audit" in row[0] or "management review" in row[0] for row in texts(sections["missing"]))


@pytest.mark.parametrize(
    ("found_on", "checked_at", "is_told"),
    [
        (date(YEAR, 12, 31), None, True),
        (date(YEAR + 1, 1, 1), None, False),
        (date(YEAR - 1, 6, 1), None, True),
        (date(YEAR - 1, 6, 1), date(YEAR - 1, 12, 31), False),
        (date(YEAR - 1, 6, 1), date(YEAR, 1, 1), True),
    ],
)
def test_nonconformities_belong_to_the_periods_in_which_they_were_open(found_on, checked_at, is_told, story):
    facts = {"title": "Late", "found_on": found_on, "done_on": found_on, "controls": ["iso27001:A.5.18"]}
    made = state(story, "nonconformity", "iso27001", **facts)
    if checked_at:
        with clock.freeze(moment(1, 1).replace(year=checked_at.year, month=checked_at.month, day=checked_at.day)):
            acts.check(statement_id=made.pk, effective=True, note="Seen", by=story.admin)
    assert bool(report(of_iso(story))["nonconformity"].rows) == is_told


# ---- page, file, pack ----


def test_page_file_and_pack_tell_the_same(story, key_file, tmp_path):
    period = play(story)
    client = client_of(story.owner)
    with clock.freeze(moment(12, 31)):
        page = client.get(reverse("evidence:period-report", args=[period.pk])).text
        answer = client.get(reverse("evidence:period-report-pdf", args=[period.pk]))
    assert answer["Content-Disposition"] == f'attachment; filename="certify-soc2-{YEAR}-01-01-{YEAR}-12-31.pdf"'
    build(period, seal(), tmp_path / "pack.zip")
    told = words(read(tmp_path / "pack.zip")["report.pdf"])
    sections = report(period)
    row = " ".join(next(row for row in texts(sections["operation"]) if row[0] == "CC6.3"))
    assert told.index("Outside, and why") < told.index("What deviated"), "scope stands on top"
    for name in ("scope", "applicability", "operation", "subservice", "nonconformity"):
        assert sections[name].heading in page
        assert sections[name].heading in told
    assert row in words(answer.content)
    assert row in told
    for said in ("=June was late", "Runs the machines", "@July was in time"):
        assert said in page
        assert said in words(answer.content)
        assert said in told


def test_an_auditor_reads_it_without_links_and_is_recorded(story):
    period = play(story)
    page, file = (reverse(f"evidence:{name}", args=[period.pk]) for name in ("period-report", "period-report-pdf"))
    text = client_of(story.auditor).get(page).text
    assert "/statements/" not in text
    assert "What you open here is recorded" in text
    assert client_of(story.auditor).get(file).status_code == 200
    opened = [entry.payload_json["data"]["page"] for entry in Entry.objects.filter(kind="period:opened").order_by("id")]
    assert opened == ["report", "report-pdf"]
    text = client_of(story.owner).get(page).text
    assert reverse("evidence:statement-create", args=["soc2", "nonconformity"]) + "?deviation=" in text
    assert reverse("evidence:statement-detail", args=["soc2", "nonconformity", 1]) in text
    assert "/statements/soc2/nonconformity/?" not in client_of(story.admin).get(page).text, "who may not state is not asked to"


def test_the_file_is_in_the_language_of_its_reader_and_what_was_stated_as_it_was(story):
    period = play(story)
    users.set_language(user_id=story.owner.pk, language="de", by=story.owner)
    told = words(client_of(story.owner).get(reverse("evidence:period-report-pdf", args=[period.pk])).content)
    assert "Haben die Kontrollen funktioniert?" in told
    assert "=June was late" in told


def test_long_tables_say_what_they_do_not_show(story, monkeypatch):
    monkeypatch.setattr(assurance_sections, "SHOWN", 2)
    period = play(story)
    for number in range(3):
        state(story, "user_control", title=f"Do {number}")
    sections = report(period)
    assert (len(sections["user_control"].rows), sections["user_control"].cut) == (2, "The first 2 of 3. 1 was withdrawn.")
    assert sections["deviations"].cut.startswith("The first 2 of ")
    assert sections["applicability"].cut.startswith("The first 2 of ")


def test_queries_do_not_grow_with_controls_statements_and_deviations(story):
    period = periods.create(details=details(story), by=story.owner)

    def count() -> int:
        with CaptureQueriesContext(connection) as found:
            report(period, clock.now())
        return len(found)

    story.launch("Q1")
    state(story, "user_control", title="One")
    before = count()
    for name in ("Q2", "Q3"):
        story.launch(name)
        state(story, "user_control", title=name)
    state(story, "applicability", control=["soc2:CC6.1", "soc2:CC6.2"], applies="no", justification="None")
    assert count() == before


# ---- stating ----


def test_a_deviation_becomes_a_nonconformity_and_is_then_told_as_answered(story):
    period = play(story)
    client = client_of(story.owner)
    with clock.freeze(moment(12, 31)):
        text = client.get(reverse("evidence:period-report", args=[period.pk])).text
        link = re.search(r'href="([^"]*/nonconformity/\?deviation=cancelled[^"]*)"', text)[1].replace("&amp;", "&")
        form = client.get(link).context["form"]
        said = {name: form[name].value() or "" for name in form.fields}
        assert said["controls"] == ["soc2:CC6.3"]
        answer = client.post(link, said | {"cause": "Haste"})
        assert "Launched by mistake</a>" in client.get(answer["Location"]).text
        made = Statement.objects.latest("id")
        assert (made.facts["cause"], made.facts["deviation"].partition(":")[0]) == ("Haste", "cancelled")
        assert link.replace("&", "&amp;") not in client.get(reverse("evidence:period-report", args=[period.pk])).text


def test_a_statement_is_changed_checked_and_withdrawn_on_its_page(story):
    found = {"title": "Late", "found_on": date(YEAR, 5, 1), "done_on": date(YEAR, 5, 2), "controls": ["soc2:CC6.3"]}
    state(story, "nonconformity", **found)
    at = ["soc2", "nonconformity", 1]
    detail, change, check, withdraw = (
        reverse(f"evidence:statement-{name}", args=at) for name in ("detail", "change", "check", "withdraw")
    )
    owner, admin = client_of(story.owner), client_of(story.admin)
    assert "has to check whether it was effective" in owner.get(detail).text
    refused = owner.post(check, {"effective": "yes", "note": "Seen"})
    assert (refused.status_code, "Somebody else must check it" in refused.text) == (422, True)
    said = found | {"version": 1, "owner": f"people.user:{story.system_owner.pk}"}
    assert owner.post(change, said).status_code == 302
    stale = owner.post(change, said | {"cause": "x"})
    assert (stale.status_code, "Somebody changed this statement meanwhile" in stale.text) == (422, True)
    assert admin.post(check, {"version": 2, "effective": "no", "note": "Late again"}).status_code == 302
    assert "Not effective" in admin.get(detail).text
    assert owner.post(withdraw, {"version": 3, "why": ""}).status_code == 422
    assert owner.post(withdraw, {"version": 3, "why": "Another one tells it"}).status_code == 302
    text = owner.get(detail).text
    assert "Another one tells it" in text
    assert [f"Version {n} of" in text for n in (1, 2, 3, 4)] == [True] * 4
    assert "withdrawn" in owner.get(reverse("evidence:statement-list", args=["soc2"])).text


def test_unknown_kinds_frameworks_and_numbers_are_not_found(story):
    client = client_of(story.owner)
    for name, args in (
        ("create", ["soc2", "risk"]), ("create", ["none", "risk"]), ("list", ["none"]), ("detail", ["soc2", "risk", 1]),
    ):  # fmt: skip
        assert client.get(reverse(f"evidence:statement-{name}", args=args)).status_code == 404


def test_what_does_not_apply_needs_no_owner_and_no_figures(story):
    state(story, "applicability", "iso27001", control=["iso27001:A.5.20"], applies="no", justification="No suppliers")
    state(story, "applicability", "iso27001", control=["iso27001:A.5.15"], applies="yes", justification="Owners decide")
    sections = report(of_iso(story))
    assert [row[0] for row in texts(sections["operation"])] == ["A.5.15"]
    assert next(row for row in texts(sections["applicability"]) if row[0] == "A.5.20")[1:] == ["no", "–", "No suppliers"]

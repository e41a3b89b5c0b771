"""What a pack has for other tools: OSCAL that its reference library reads, and the columns of other products."""

import csv
import io
import json
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from trestle.oscal.assessment_results import Model

from evidence.pack import builder, oscal

pytestmark = pytest.mark.django_db


def table(pack: Path, name: str) -> list[dict[str, str]]:
    with zipfile.ZipFile(pack) as archive:
        return list(csv.DictReader(io.StringIO(archive.read(name).decode(), newline="")))


def convert(*arguments) -> subprocess.CompletedProcess:
    """As an auditor runs it: alone, without site-packages."""
    command = [sys.executable, "-I", "-S", builder.CONVERTER, *arguments]
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60, check=False)


def report(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


# ---- OSCAL ----


@pytest.fixture
def document(honest) -> dict:
    with zipfile.ZipFile(honest.path) as archive:
        return json.loads(archive.read(oscal.PATH))


def test_oscal_is_valid_by_its_reference_library(document):
    Model.model_validate(document)
    assert document["assessment-results"]["metadata"]["oscal-version"] == "1.1.2"
    del document["assessment-results"]["results"][0]["observations"][0]["collected"]
    with pytest.raises(ValidationError):
        Model.model_validate(document)


def test_oscal_observes_each_review_with_its_figures_and_concludes_nothing(honest, document):
    result = document["assessment-results"]["results"][0]
    reviews = [one for one in result["observations"] if one["types"] == ["control-objective"]]
    shown = [{prop["name"]: prop["value"] for prop in one["props"] if prop["name"] != "control"} for one in reviews]
    rows = table(honest.path, "campaigns/campaigns.csv")
    names = ("campaign", "state", *oscal.FIGURES)
    assert [[one.get(name.replace("_", "-"), "") for name in names] for one in shown] == [
        [row[name] for name in names] for row in rows
    ]
    assert "findings" not in result


def test_oscal_names_runs_that_deviated_and_no_others(honest, document):
    observed = {
        prop["value"]
        for one in document["assessment-results"]["results"][0]["observations"]
        for prop in one["props"]
        if one["types"] == ["finding"] and prop["name"] == "occurrence"
    }
    rows = table(honest.path, "controls/calendar.csv")
    assert observed == {row["occurrence"] for row in rows if row["performed"] == "late" or row["state"] == "missed"} != set()


def test_oscal_observes_each_nonconformity_as_it_was_stated_last(document):
    every = document["assessment-results"]["results"][0]["observations"]
    found = {one["title"]: one for one in every if one["title"].startswith("Nonconformity")}
    assert set(found) == {"Nonconformity 1: =June was late", "Nonconformity 2: Nobody told the owner"}
    late = found["Nonconformity 1: =June was late"]
    told = {prop["name"]: prop["value"] for prop in late["props"]}
    assert (told["version"], told["effective"], told["control"]) == ("2", "yes", "soc2:CC6.3")
    assert late["description"] == "=June was late A pause A stand-in"
    assert [one["description"] for one in late["relevant-evidence"]] == ["controls/statements.csv"]


def test_the_hashes_of_its_resources_are_those_of_the_tables(honest, document):
    with zipfile.ZipFile(honest.path) as archive:
        files = json.loads(archive.read("manifest.json"))["files"]
    links = [link for one in document["assessment-results"]["back-matter"]["resources"] for link in one["rlinks"]]
    assert links
    for link in links:
        assert link["hashes"][0]["value"] == files[link["href"].removeprefix("../")]["sha256"]


@given(st.text(min_size=1, max_size=30))
def test_every_reference_becomes_a_token(reference):
    assert oscal.token(reference)[0] in "_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    assert set(oscal.token(reference)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")


def test_tokens_of_known_references():
    assert oscal.token("soc2:CC6.3") == "soc2-CC6.3"
    assert oscal.token("hipaa:164.308(a)(3)") == "hipaa-164.308-a-3"


# ---- the columns of other products ----


def test_entra_has_a_row_for_each_item_with_its_result(honest):
    done = convert(honest.path, "entra")
    assert (done.returncode, done.stderr) == (0, "")
    rows, items = list(csv.DictReader(io.StringIO(done.stdout, newline=""))), table(honest.path, "reviews/items.csv")
    assert list(rows[0])[:3] == ["AccessReviewId", "AccessReviewSeriesId", "ReviewType"]
    assert len(rows[0]) == 30
    words = {"approved": "Approve", "revoked": "Deny", "reduced": "Reduce"}
    expected = [(one["campaign"], words.get(one["outcome"], "NotReviewed"), one["rationale"]) for one in items]
    assert [(row["AccessReviewId"], row["ReviewResult"], row["Justification"]) for row in rows] == expected
    assert {"=Review of spring"} & {row["ReviewName"].removeprefix("'") for row in rows}
    assert not [cell for row in rows for cell in row.values() if cell[:1] in "=+-@" and cell]


def test_a_removal_is_applied_only_when_it_was_proved(honest):
    rows = list(csv.DictReader(io.StringIO(convert(honest.path, "entra").stdout, newline="")))
    states = Counter(row["state"] for row in table(honest.path, "remediation/removals.csv"))
    applied = [row for row in rows if row["SubmissionResult"] == "AppliedSuccessfully"]
    assert len(applied) == states["verified_gone"] > 0
    assert all(row["AppliedDate"] for row in applied)
    assert not [row for row in rows if row["AppliedDate"] and row not in applied]


def test_okta_has_four_reports_and_what_was_proved_gone_is_in_the_last_no_more(honest, tmp_path):
    done = convert(honest.path, "okta", tmp_path / "reports")
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.name for path in (tmp_path / "reports").iterdir()) == [
        "Campaign actions.csv", "Campaign scope.csv", "Resource access - Campaign complete.csv", "Resource access - Campaign launch.csv",
    ]  # fmt: skip
    items, left_out = (len(table(honest.path, f"{name}.csv")) for name in ("reviews/items", "population/exclusions"))
    gone = sum(row["state"] == "verified_gone" for row in table(honest.path, "remediation/removals.csv"))
    launch, complete = (report(tmp_path / "reports", f"Resource access - Campaign {when}") for when in ("launch", "complete"))
    assert (len(launch), len(complete)) == (items + left_out, items + left_out - gone)
    actions = report(tmp_path / "reports", "Campaign actions")
    assert sum(row["Remediation status"] == "SUCCESS" for row in actions) == gone > 0
    again = convert(honest.path, "okta", tmp_path / "reports")
    assert again.returncode == 2
    assert "already there; name an empty folder" in again.stderr


def test_an_unpacked_pack_gives_the_same(honest, tmp_path):
    with zipfile.ZipFile(honest.path) as archive:
        archive.extractall(tmp_path)
    assert convert(tmp_path, "entra").stdout == convert(honest.path, "entra").stdout


def test_what_is_no_pack_is_said(tmp_path):
    (tmp_path / "pack.zip").write_text("no")
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "pack.zip", tmp_path / "empty", tmp_path / "missing.zip"):
        done = convert(path, "entra")
        assert done.returncode == 2
        assert "Run verify.py: it says what is wrong." in done.stderr
    assert "okta needs a folder" in convert(tmp_path, "okta").stderr

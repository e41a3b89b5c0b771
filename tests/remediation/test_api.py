"""The API of programs that carry removals out, and its tokens."""

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction
from django.template.loader import render_to_string
from django.test import Client

from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from inventory.actions import sources
from ledger.models import Entry
from people.actions import tokens
from people.models import ApiToken
from remediation import tasks
from remediation.models import ApplyResult, RemediationTask
from remediation.permissions import READ, REPORT

pytestmark = pytest.mark.django_db
WORDS = "Taken out of the group by the nightly job"


class Program:
    """A client with a token."""

    def __init__(self, text: str):
        self.headers = {"authorization": f"Bearer {text}"}

    def get(self, path: str, **query):
        """The status and the JSON of an answer."""
        answer = Client().get(f"/api/v1/{path}", query, headers=self.headers)
        return answer.status_code, answer.json()

    def send(self, method: str, path: str, body, **headers):
        """The status and the JSON of an answer."""
        sent = getattr(Client(), method)
        answer = sent(f"/api/v1/{path}", json.dumps(body), content_type="application/json", headers=self.headers | headers)
        return answer.status_code, answer.json()


def made(story, name: str = "Nightly job", scopes=(READ, REPORT), things=("crm",), days: int = 30) -> str:
    """A token's text."""
    return tokens.create(name=name, scopes=scopes, things=things, days=days, by=story.admin)[1]


@pytest.fixture
def program(story):
    return Program(made(story))


def test_denials_are_listed_and_narrowed(opened, program, story):
    status, found = program.get("removals/")
    rows = {row["account"]["id"]: row for row in found["removals"]}
    assert (status, sorted(rows)) == (200, ["bruno", "chloe", "david"])
    row = rows["bruno"]
    assert (row["right"], row["state"], row["has_result"]) == (
        {"id": "admin", "name": "Administrator", "privileged": "yes"}, "open", False)  # fmt: skip
    first = program.get("removals/", limit=2)[1]
    rest = program.get("removals/", after=first["next_after"])[1]
    assert [row["id"] for row in first["removals"] + rest["removals"]] == sorted(task.pk for task in opened.values())
    assert program.get("removals/", waiting="false")[1]["removals"] == []
    assert program.get("removals/", campaign=opened["bruno"].campaign_id + 1)[1]["removals"] == []


@pytest.mark.parametrize("query", [{"campaign": "x"}, {"limit": 0}, {"limit": 1001}, {"sauce": "crm"}, {"waiting": "maybe"}])
def test_a_parameter_that_makes_no_sense_is_named(opened, program, query):
    status, found = program.get("removals/", **query)
    assert (status, list(found)) == (400, list(query))


def test_applied_is_a_claim_and_only_data_proves_it(opened, program, story):
    task = opened["david"]
    status, found = program.send("patch", f"removals/{task.pk}/", {"result": "applied", "description": WORDS})
    assert (status, found["state"]) == (200, "claimed_done")
    entry = Entry.objects.get(kind="removal:claimed-done")
    assert (entry.actor_name, entry.actor_id.partition(":")[0]) == ("Nightly job (program)", "people.token")
    attempt = task.attempts.get()
    assert (attempt.by, attempt.by_name, attempt.note) == (None, "Nightly job (program)", WORDS)
    story.load()
    tasks.verify_new_snapshots()
    assert program.get(f"removals/{task.pk}/")[1]["state"] == "still_there"
    assert not program.get(f"removals/{task.pk}/")[1]["has_result"]
    story.load_without(("david", "read"))
    tasks.verify_new_snapshots()
    assert program.get(f"removals/{task.pk}/")[1]["verified_gone"]


@pytest.mark.parametrize("result", ["failed", "not_supported", "not_found"])
def test_other_results_are_on_record_and_leave_the_removal_to_be_done(opened, program, result):
    task = opened["david"]
    status, found = program.send("patch", f"removals/{task.pk}/", {"result": result, "description": WORDS})
    assert (status, found["state"]) == (200, "open")
    assert Entry.objects.get(kind="removal:result-reported").payload_json["data"]["result"] == result
    waiting = program.get("removals/", waiting="true")[1]["removals"]
    assert {row["account"]["id"] for row in waiting} == {"bruno", "chloe"}


def test_a_review_stays_in_remediation_until_each_has_a_result(opened, program):
    rows = [{"removal": task.pk, "result": "applied", "description": WORDS} for task in opened.values()]
    assert program.send("post", "removals/results/", {"results": rows[:2]})[0] == 207
    assert (program.get("campaigns/")[1]["campaigns"][0]["status"], program.get("campaigns/")[1]["campaigns"][0]["waiting"]) == (
        "in_remediation", 1)  # fmt: skip
    program.send("patch", f"removals/{rows[2]['removal']}/", {"result": "failed", "description": "The system answered 503"})
    assert program.get("campaigns/")[1]["campaigns"][0]["status"] == "results_complete"
    assert RemediationTask.objects.unproved().count() == 3


def test_each_row_stands_by_itself(opened, program):
    good = {"removal": opened["david"].pk, "result": "applied", "description": WORDS}
    rows = [
        good, good, {"removal": 10**9, "result": "applied", "description": WORDS}, {"removal": opened["bruno"].pk, "result": "done",
        "description": WORDS}, {"removal": opened["bruno"].pk, "result": "failed", "description": "no"}, "nonsense", {},
    ]  # fmt: skip
    status, found = program.send("post", "removals/results/", {"results": rows})
    assert (status, [row["status"] for row in found["results"]]) == (207, [200, 409, 404, 422, 422, 422, 422])
    assert "At least 10 characters" in str(found["results"][4]["error"])
    assert ApplyResult.objects.count() == 1


@pytest.mark.parametrize("body", [{}, [], {"results": []}, {"results": "x"}, {"results": [{}] * 501}])
def test_a_body_that_is_no_list_of_reports_is_refused(opened, program, body):
    status, found = program.send("post", "removals/results/", body)
    assert (status, list(found)) == (400, ["results"])


def test_a_report_that_comes_twice_under_its_key_is_one(opened, program):
    said = {"result": "failed", "description": WORDS}
    path = f"removals/{opened['david'].pk}/"
    first, second = (program.send("patch", path, said, **{"idempotency-key": "a1"}) for _ in range(2))
    assert (first[1]["repeated"], second[1]["repeated"], ApplyResult.objects.count()) == (False, True, 1)
    status, found = program.send("patch", path, said | {"result": "applied"}, **{"idempotency-key": "a1"})
    assert (status, "named another report" in found["error"]) == (409, True)


def test_a_repeated_claim_is_answered_as_before_even_when_data_has_judged_it(opened, program, story):
    said = {"removal": opened["david"].pk, "result": "applied", "description": WORDS, "key": "k"}
    program.send("post", "removals/results/", {"results": [said]})
    story.load_without(("david", "read"))
    tasks.verify_new_snapshots()
    assert program.send("post", "removals/results/", {"results": [said]})[1]["results"][0]["repeated"]
    assert RemediationTask.objects.get(pk=opened["david"].pk).state == "verified_gone"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer nothing", "Bearer a b", "Basic YTpi", "Bearer ünsinn"])
def test_without_a_good_token_nothing_opens(opened, header):
    for path in ("campaigns/", "removals/", f"removals/{opened['david'].pk}/", "removals/results/"):
        headers = {"authorization": header} if header else {}
        assert Client().get(f"/api/v1/{path}", headers=headers).status_code == 401


def test_an_ended_or_revoked_token_opens_nothing(opened, story):
    short, other = Program(made(story, days=1)), Program(made(story, "Other"))
    with clock.freeze(clock.now() + timedelta(days=1)):
        assert short.get("removals/")[0] == 401
        assert other.get("removals/")[0] == 200
    tokens.revoke(token_id=ApiToken.objects.get(name="Other").pk, by=story.admin)
    assert other.get("removals/")[0] == 401


def test_a_token_sees_its_systems_and_does_what_it_is_for(opened, story):
    sources.create(key="erp", name="Finance", owner=story.system_owner, by=story.admin)
    elsewhere, reader = Program(made(story, "Elsewhere", things=("erp",))), Program(made(story, "Reader", scopes=(READ,)))
    writer = Program(made(story, "Writer", scopes=(REPORT,)))
    path, said = f"removals/{opened['david'].pk}/", {"result": "applied", "description": WORDS}
    assert (elsewhere.get("removals/")[1]["removals"], elsewhere.get(path)[0]) == ([], 404)
    assert elsewhere.send("patch", path, said)[0] == 404
    assert (reader.get(path)[0], reader.send("patch", path, said)[0]) == (200, 403)
    assert reader.send("post", "removals/results/", {"results": [said]})[0] == 403
    assert (writer.get(path)[0], writer.send("patch", path, said)[0]) == (403, 200)


def test_the_person_with_the_number_of_a_token_is_nobody_to_it(opened, story):
    """A token and a person may have the same id; who reviewed an item, or owns it, is never mistaken for the program."""
    RemediationTask.objects.update(owner_id=story.system_owner.pk)
    token, text = tokens.create(name="Same", scopes=(READ, REPORT), things=("crm",), days=9, by=story.admin)
    assert not token.has_role("administrator", "control_owner", "system_owner")
    path = f"removals/{opened['david'].pk}/"
    assert Program(text).send("patch", path, {"result": "applied", "description": WORDS})[0] == 200


def test_a_session_of_a_browser_opens_nothing(opened, story):
    client = Client()
    client.force_login(story.admin)
    assert client.get("/api/v1/removals/").status_code == 401


def test_only_the_hash_of_a_token_is_kept_and_a_token_never_changes(story):
    text = made(story)
    token = ApiToken.objects.get()
    assert (text[:12], text in str(token.__dict__)) == (token.hint, False)
    assert not Entry.objects.filter(payload__contains=text).exists()
    for change in ({"scopes": [READ]}, {"expires_at": clock.now()}, {"sha256": "x"}):
        with pytest.raises(DatabaseError, match="refused"), transaction.atomic():
            ApiToken.objects.filter(pk=token.pk).update(**change)
    tokens.revoke(token_id=token.pk, by=story.admin)
    with pytest.raises(DatabaseError, match="stays revoked"), transaction.atomic():
        ApiToken.objects.filter(pk=token.pk).update(revoked_at=None)


@pytest.mark.parametrize(
    "change", [{"scopes": ()}, {"things": ()}, {"days": 0}, {"days": 367}, {"name": " "}, {"name": "NIGHTLY JOB"}]
)
def test_a_token_that_makes_no_sense_is_not_made(story, change):
    made(story)
    with pytest.raises(InvalidInput):
        made(story, **({"name": "Other"} | change))


def test_an_administrator_makes_and_revokes_tokens_in_the_browser(story):
    with pytest.raises(NotAllowed):
        tokens.create(name="Mine", scopes=(READ,), things=("crm",), days=9, by=story.owner)
    client = Client()
    client.force_login(story.admin)
    page = client.post("/removals/tokens/", {"name": "Script", "scopes": [READ], "things": ["crm"], "days": 90})
    text = page.text.partition("<code>certify_")[2].partition("<")[0]
    assert (page.status_code, Program(f"certify_{text}").get("removals/")[0]) == (200, 200)
    assert text not in client.get("/removals/tokens/").text
    assert client.post("/removals/tokens/", {"name": "Script", "scopes": ["admin"], "days": 0}).status_code == 422
    client.post(f"/removals/tokens/{ApiToken.objects.get().pk}/revoke/")
    assert Program(f"certify_{text}").get("removals/")[0] == 401
    assert list(Entry.objects.filter(kind__startswith="token:").values_list("kind", flat=True)) == [
        "token:created",
        "token:revoked",
    ]


def test_commands_do_the_same_with_files(opened, story, tmp_path, capsys):
    (tmp_path / "token").write_text(made(story) + "\n")
    rows = f"removal,result,description\n{opened['david'].pk},applied,{WORDS}\nx,applied,{WORDS}\n{opened['bruno'].pk},gone,{WORDS}\n"
    (tmp_path / "in.csv").write_text(rows)
    call_command("list_removals", token_file=tmp_path / "token", source="crm")
    assert [line.split(",")[3] for line in capsys.readouterr().out.splitlines()[1:]].count("david") == 1
    with pytest.raises(SystemExit):
        call_command("report_removals", tmp_path / "in.csv", token_file=tmp_path / "token")
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == f"2,{opened['david'].pk},recorded"
    assert ("not a number" in lines[2], "result is one of" in lines[3]) == (True, True)
    (tmp_path / "in.csv").write_text("a,b\n1,2\n")
    with pytest.raises(CommandError, match="no column description, removal, result"):
        call_command("report_removals", tmp_path / "in.csv", token_file=tmp_path / "token")
    (tmp_path / "token").write_text("certify_no")
    with pytest.raises(CommandError, match="unknown, revoked or has ended"):
        call_command("list_removals", token_file=tmp_path / "token")


HOSTILE = [
    b"[" * 200_000, b'{"results":' * 100_000, b'{"results":[{"removal":' + b"9" * 5_000 + b"}]}", b"\xff\xfe", b"",
    b'{"results":[{"removal":1e999,"result":"applied","description":"x"}]}',
    b'{"results":[NaN]}', b'{"results":"' + b"a" * 4_000_000 + b'"}',
]  # fmt: skip
ODD_ROWS = [
    {"removal": 2**63, "result": "applied", "description": "x"}, {"removal": 10**30, "result": "applied", "description": "x"},
    {"removal": 1, "result": "applied", "description": "\ud800"}, {"removal": 1, "result": "applied", "description": "a\0b"},
    {"removal": 1, "result": "applied", "description": "x", "key": "\udfff"}, {"removal": [1], "result": {}, "description": []},
    {"removal": True, "result": "applied", "description": "x"}, None, 7, "x", [],
]  # fmt: skip


@pytest.mark.parametrize("body", HOSTILE)
def test_whatever_is_sent_is_answered(opened, program, body):
    answer = Client().post("/api/v1/removals/results/", body, content_type="application/json", headers=program.headers)
    assert answer.status_code in (207, 400), answer.content[:200]
    assert not ApplyResult.objects.exists()


@pytest.mark.parametrize("row", ODD_ROWS)
def test_a_row_that_makes_no_sense_falls_by_itself(opened, program, row):
    status, found = program.send("post", "removals/results/", {"results": [row]})
    assert status == 207
    assert found["results"][0]["status"] in (404, 422)


@pytest.mark.parametrize("key", ["x" * 5_000, "\u00fc", "a\x7fb"])
def test_an_odd_key_in_the_header_is_answered(opened, program, key):
    body = {"result": "applied", "description": WORDS}
    status, _ = program.send("patch", f"removals/{opened['chloe'].pk}/", body, **{"Idempotency-Key": key})
    assert status in (200, 422)


@pytest.mark.parametrize(
    "query", ["after=" + "9" * 900, f"campaign={2**63}", "source=%EF%BF%BF", "limit=1e9", "waiting=null", "source=%25"]
)
def test_an_odd_question_is_answered(opened, program, query):
    assert program.get(f"removals/?{query}")[0] in (200, 400)


def test_a_page_of_errors_can_be_made_for_a_program(rf, story):
    request = rf.get("/")
    request.user = ApiToken()
    assert "could not be read" in render_to_string("400.html", request=request)

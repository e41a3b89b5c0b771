"""Catalogues of controls: what comes with Certify, what a file may bring, and who answers for a control."""

import json
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import ProgrammingError, connection
from django.http import QueryDict
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from campaigns.actions import schedules
from campaigns.forms import DefinitionForm
from campaigns.models import CampaignDefinition
from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from evidence import catalogue, coverage, frameworks
from evidence.accountability import Accountability
from evidence.actions import duties
from evidence.actions import frameworks as loading
from evidence.models import ControlDuty, FrameworkFile
from evidence.states import Duty
from ledger.models import Entry
from tests.evidence.test_pages import client_of
from tests.story import QUARTERLY

PUBLISHED = Path(__file__).parents[2] / "docs/schemas/framework.json"
#: What Certify promises to know, family by family.
NAMED = {
    "soc2": "CC6.1 CC6.1-ID CC6.1-PRIV CC6.2 CC6.2-REMOVE CC6.2-REVIEW CC6.3 CC6.3-SOD CC6.3-REVIEW CC1.5 CC4.1 CC4.2",
    "iso27001": "6.1 6.1.2 6.1.3 6.2 8.1 8.2 8.3 9.1 9.2 9.3 10.1 10.2 A.5.2 A.5.3 A.5.15 A.5.16 A.5.17 A.5.18 A.5.19 A.5.20 A.5.22 "
    "A.5.35 A.5.36 A.6.5 A.8.2 A.8.3 A.8.5",
    "iso27001-2013": "A.9.1.1 A.9.1.2 A.9.2.1 A.9.2.2 A.9.2.3 A.9.2.4 A.9.2.5 A.9.2.6 A.9.3.1 A.9.4.1 A.9.4.2 A.9.4.3 A.9.4.4 A.9.4.5",
    "nist-csf": "PR.AA-01 PR.AA-02 PR.AA-03 PR.AA-04 PR.AA-05 PR.AA-06 GV.RR-01 GV.RR-02 GV.RR-03 GV.RR-04 GV.OV-01 GV.OV-02 GV.OV-03 "
    "GV.SC-02 GV.SC-04 GV.SC-05 GV.SC-07 GV.SC-10 ID.AM-02 ID.AM-04 ID.AM-05 ID.AM-07 ID.AM-08 PR.AC-4",
    "nist-800-53": "AC-2 AC-2(3) AC-5 AC-6(7) AU-9 AU-10 AU-11 PS-4 PS-5 PS-7",
    "nist-800-63": "63A-IAL 63B-AAL 63B-SESSION 63C-FAL",
    "pci-dss": "7.2.4 7.2.5 7.2.5.1 8.6 8.6.1 8.6.2 8.6.3",
    "hipaa": "164.308(a)(3)(i) 164.308(a)(3)(ii)(A) 164.308(a)(3)(ii)(B) 164.308(a)(3)(ii)(C) 164.308(a)(4)(i) 164.308(a)(4)(ii)(A) "
    "164.308(a)(4)(ii)(B) 164.308(a)(4)(ii)(C)",
    "sox-itgc": "APD-1 APD-2 APD-3 APD-4 APD-5 APD-6 APD-7",
}  # fmt: skip
#: The question that an audit under each asks.
ASKED = {"iso27001": "iso27001", "iso27001-2013": "iso27001"}

identifiers = st.text("ACR012.()-", min_size=1, max_size=28)
texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=60).map("a{}".format)
controls = st.lists(
    st.fixed_dictionaries({"id": identifiers, "text": texts}, optional={"asks": st.lists(texts, max_size=3)}),
    min_size=1,
    max_size=6,
    unique_by=lambda one: one["id"],
)
documents = st.fixed_dictionaries({"code": st.text("az09_-", min_size=2, max_size=30), "name": texts, "controls": controls})
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner)
)


def document(**changes) -> dict:
    return {"code": "house", "name": "Rules of the house", "controls": [{"id": "H-1", "text": "Doors are locked."}]} | changes


def content(**changes) -> bytes:
    return json.dumps(document(**changes), indent=1).encode()


# ---- the files ----


@pytest.mark.parametrize("code", NAMED)
def test_every_control_that_was_named_is_there_mapped_and_can_be_named_by_definitions(code):
    framework = frameworks.SHIPPED[code]
    for identifier in NAMED[code].split():
        found = frameworks.control(f"{code}:{identifier}", frameworks.SHIPPED)
        assert found, f"{identifier} is in no catalogue"
        assert found.asks, f"{identifier} asks for no evidence"
        assert frameworks.MAPPINGS.get(framework.reference(found.id)), f"{identifier} is mapped to nothing"
    assert all(len(framework.reference(control)) <= 60 for control in framework.controls)
    assert framework.assurance == ASKED.get(code, "soc2")


def test_every_catalogue_of_ours_is_named_and_identifiers_of_older_editions_lead_on():
    assert set(NAMED) == set(frameworks.SHIPPED)
    assert frameworks.control("nist-csf:PR.AC-4", frameworks.SHIPPED).id == "PR.AA-05"


def test_no_pair_of_controls_is_mapped_twice():
    pairs = [sorted(pair[::2]) for pair in json.loads(frameworks.CROSSWALK.read_text())["pairs"]]
    assert [pair for pair in pairs if pairs.count(pair) > 1] == []


def test_the_published_schema_is_the_one_that_is_read_by():
    assert json.loads(PUBLISHED.read_text()) == catalogue.schema(), "write catalogue.schema() to docs/schemas/framework.json"
    for path in frameworks.FOLDER.glob("*.json"):
        jsonschema.validate(json.loads(path.read_text()), catalogue.schema())


def test_what_is_asked_for_are_known_words_in_the_catalogues_of_ours():
    asked = {word for one in frameworks.SHIPPED.values() for control in one.controls.values() for word in control.asks}
    assert asked <= set(catalogue.EVIDENCE)


def test_mappings_lead_from_one_known_control_to_another_and_back():
    for control, mappings in frameworks.MAPPINGS.items():
        assert frameworks.control(control, frameworks.SHIPPED), control
        for one in mappings:
            assert control in [back.other for back in frameworks.MAPPINGS[one.other]]
            assert one.source


@given(documents)
def test_what_the_schema_takes_is_read_as_it_was_written(body):
    found = catalogue.parse(json.dumps(body))
    jsonschema.validate(body, catalogue.schema())
    assert (found.code, found.name, list(found.controls)) == (
        body["code"],
        body["name"],
        [one["id"] for one in body["controls"]],
    )
    assert [one.text for one in found.controls.values()] == [one["text"] for one in body["controls"]]


def put(body: dict, name: str, value: object) -> str:
    return json.dumps(body | {name: value})


spoiled = st.builds(put, documents, st.sampled_from(sorted(catalogue.FIELDS)), anything)


@given(st.one_of(st.text(), anything.map(json.dumps), spoiled))
def test_whatever_is_loaded_is_read_or_refused_with_its_line(text):
    found, error = read(text)
    if found:
        jsonschema.validate(json.loads(text), catalogue.schema())
        assert found.controls
    else:
        assert 1 <= error.line <= text.count("\n") + 1
        assert error.problem


def read(text: str):
    try:
        return catalogue.parse(text), None
    except catalogue.CatalogueError as error:
        return None, error


@given(documents, st.data())
def test_the_line_of_what_is_wrong_is_that_of_its_control(body, data):
    index = data.draw(st.integers(0, len(body["controls"]) - 1))
    body["controls"][index]["text"] = "  "
    lines = [json.dumps(one) for one in body["controls"]]
    text = json.dumps({"code": body["code"], "name": body["name"], "controls": []})[:-2] + "\n" + ",\n".join(lines) + "\n]}"
    with pytest.raises(catalogue.CatalogueError) as refused:
        catalogue.parse(text)
    assert (refused.value.line, refused.value.field) == (index + 2, f"controls[{index}].text")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"code": "x",\n "name" "y"}', "Line 2: this is not JSON"),
        ("[]", "Line 1: must be an object"),
        ('{"code": "aa", "code": "bb"}', "code: stands there twice"),
        (json.dumps(document(colour="red")), "colour: is not known"),
        (json.dumps(document(code="UP")), "code: 2 to 30 small letters"),
        (json.dumps(document(controls=[])), "controls: must be a list"),
        (json.dumps(document(controls=[{"id": "A", "text": "b"}] * 2)), "controls[1].id: “A” is there already"),
        (json.dumps(document(controls=[{"id": "A B", "text": "b"}])), "“A B” is no identifier"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_refusals_say_where_and_what(text, says):
    with pytest.raises(catalogue.CatalogueError) as refused:
        catalogue.parse(text)
    assert says in str(refused.value)


# ---- in the product ----


@pytest.mark.django_db
def test_a_file_is_loaded_once_and_every_version_is_kept(story):
    first = loading.load(content=content(), by=story.owner)
    assert loading.load(content=content(), by=story.owner) == first
    second = loading.load(content=content(name="Other rules"), by=story.owner)
    assert (first.version, second.version, FrameworkFile.objects.count()) == (1, 2, 2)
    assert frameworks.get("house").name == "Other rules"
    assert [
        entry.payload_json["data"]["version"] for entry in Entry.objects.filter(kind="framework:loaded").order_by("id")
    ] == [1, 2]
    with pytest.raises(ProgrammingError, match="append-only"), connection.cursor() as cursor:
        cursor.execute("UPDATE evidence_frameworkfile SET document = ''")


@pytest.mark.django_db
def test_a_shipped_code_strangers_and_nonsense_are_refused(story):
    with pytest.raises(InvalidInput, match="comes with Certify"):
        loading.load(content=content(code="soc2"), by=story.owner)
    with pytest.raises(InvalidInput, match="not UTF-8"):
        loading.load(content=b"\xff\xfe", by=story.owner)
    with pytest.raises(NotAllowed):
        loading.load(content=content(), by=story.auditor)
    assert not FrameworkFile.objects.exists()


@pytest.mark.django_db
def test_the_page_of_a_framework_shows_what_serves_it_and_what_names_nothing(story):
    client = client_of(story.owner)
    answer = client.post(reverse("evidence:framework-load"), {"file": SimpleUploadedFile("f.json", b'{"code": "x",\n oops}')})
    assert (answer.status_code, "Line 2: this is not JSON" in answer.text) == (422, True)
    answer = client.post(reverse("evidence:framework-load"), {"file": SimpleUploadedFile("f.json", content())})
    assert answer["Location"] == reverse("evidence:framework-detail", args=["house"])
    definition = story.define()
    CampaignDefinition.objects.filter(pk=definition.pk).update(controls=["house:H-1", "house:H-2", "soc3:A"])
    text = client.get(answer["Location"]).text
    assert "Doors are locked." in text
    assert "Quarterly review" in text
    assert "<code>house:H-2</code>: Quarterly review" in text
    assert "<code>soc3:A</code>: Quarterly review" in client.get(reverse("evidence:framework-list")).text
    assert "22 controls are served by no review." in client.get(reverse("evidence:framework-detail", args=["soc2"])).text


@pytest.mark.django_db
def test_a_definition_picks_controls_and_keeps_texts_that_no_catalogue_has(story):
    definition = story.define()
    CampaignDefinition.objects.filter(pk=definition.pk).update(controls=["soc2:CC6.3", "soc3:A"])
    page = reverse("campaigns:definition-edit", args=[definition.pk])
    text = client_of(story.owner).get(page).text
    assert 'value="soc2:CC6.3" checked' in text
    assert 'name="controls" id="id_controls" value="soc3:A"' in text


def test_ticked_and_typed_controls_are_joined_each_once():
    data = QueryDict("controls=soc2:CC6.3&controls=soc2:CC6.1&controls=soc3:A, soc2:CC6.3")
    widget = DefinitionForm.base_fields["controls"].widget
    assert widget.value_from_datadict(data, {}, "controls") == "soc2:CC6.3 soc2:CC6.1 soc3:A"
    assert widget.value_from_datadict({"controls": "a b"}, {}, "controls") == "a b"


# ---- who answers ----


def give(story, holder, duty=Duty.PROCESS_OWNER, control="soc2:CC6.3") -> ControlDuty:
    return duties.give(control=control, duty=duty, holder=holder, by=story.owner)


@pytest.mark.django_db
def test_a_missed_run_names_who_answered_then_not_who_does_now(story):
    definition = story.define()
    start = clock.now()
    with clock.freeze(start):
        give(story, story.owner)
        schedules.set_schedule(definition_id=definition.pk, schedule=QUARTERLY, by=story.owner)
    run = definition.occurrences.order_by("due_at").first()
    with clock.freeze(run.due_at + timedelta(days=1)):
        give(story, story.system_owner)
        give(story, story.admin, Duty.OPERATOR)
    (found,) = [
        one for one in coverage.ran("soc2:CC6.3", coverage.runs_of("soc2:CC6.3"), run.due_at + timedelta(days=2),
                                    Accountability(["soc2:CC6.3"]))
        if one.occurrence == run
    ]  # fmt: skip
    assert found.status == "overdue"
    named = {one.duty: one.name for one in found.held}
    assert named == {Duty.PROCESS_OWNER: story.owner.name, Duty.APPROVER: "", Duty.EVIDENCE_HOLDER: "", Duty.OPERATOR: ""}
    now = Accountability(["soc2:CC6.3"]).at("soc2:CC6.3", run.due_at + timedelta(days=2))
    assert {one.name for one in now} == {story.system_owner.name, story.admin.name, ""}


@pytest.mark.django_db
def test_duties_are_history_and_refuse_what_says_nothing_new(story):
    give(story, story.owner)
    with pytest.raises(InvalidInput, match="so already"):
        give(story, story.owner)
    with pytest.raises(InvalidInput, match="so already"):
        give(story, None, Duty.APPROVER)
    with pytest.raises(InvalidInput, match="No catalogue"):
        give(story, story.owner, control="soc2:XX")
    with pytest.raises(NotAllowed):
        duties.give(control="soc2:CC6.3", duty=Duty.APPROVER, holder=story.owner, by=story.admin)
    give(story, None)
    facts = [entry.payload_json["data"] for entry in Entry.objects.filter(kind="duty:given").order_by("id")]
    owner = story.owner.actor_ref()
    assert [(one.get("given_to"), one.get("taken_from")) for one in facts] == [(owner, None), (None, owner)]
    with pytest.raises(ProgrammingError, match="append-only"), connection.cursor() as cursor:
        cursor.execute("DELETE FROM evidence_controlduty")


@pytest.mark.django_db
def test_the_page_of_a_control_records_who_answers(story):
    client = client_of(story.owner)
    page = reverse("evidence:control-detail", args=["soc2", "CC6.3"])
    post = reverse("evidence:duty-give", args=["soc2", "CC6.3"])
    answer = client.post(post, {"duty": "approver", "holder": story.system_owner.pk})
    assert answer["Location"] == page
    assert f"<dt>Approver</dt><dd>{story.system_owner.name}</dd>" in client.get(page).text
    answer = client.post(post, {"duty": "approver", "holder": story.system_owner.pk})
    assert (answer.status_code, "That is so already." in answer.text) == (422, True)
    assert client.get(reverse("evidence:control-detail", args=["soc2", "CC99"])).status_code == 404


@pytest.mark.parametrize("document", [
    '{"code": ' + "9" * 5_000 + "}", '{"\\ud800": 1}', '{"\\ud800": 1, "\\ud800": 2}', '{"' + "x" * 900_000 + '": 1}',
])  # fmt: skip
def test_what_json_allows_and_a_message_cannot_show_is_refused_in_words(document):
    with pytest.raises(catalogue.CatalogueError) as refusal:
        catalogue.parse(document)
    assert len(str(refusal.value).encode()) < 500

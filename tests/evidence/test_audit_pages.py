"""The auditor's pages: what is on them, who may open them, and that every opening is recorded."""

from datetime import timedelta

import pytest
from django.urls import reverse

from campaigns.actions import closing, launching
from campaigns.models import Campaign, CampaignDefinition
from certify.lib import clock
from certify.lib.files import store
from evidence import trail
from evidence.actions import periods, requests, samples
from evidence.models import AuditRequest, Sample
from evidence.verifier import verify as verifier
from inventory.actions import loads
from inventory.actions.loads import Upload
from inventory.actions.snapshots import Origin
from inventory.models import LoadFile
from inventory.states import LoadState
from ledger import keys
from ledger.actions import sequencing
from ledger.actors import SYSTEM
from ledger.models import Entry
from people import letters
from people.actions import users
from remediation.actions import attempts, removals, verification
from remediation.models import RemediationTask
from tests.evidence.test_pages import client_of
from tests.evidence.test_periods import open_period
from tests.evidence.test_samples import draw
from tests.story import Story

pytestmark = pytest.mark.django_db


def load_kept(story: Story):
    """Load the files through a job, as people do: the uploaded files are kept."""
    uploads = [
        Upload(kind, f"{kind}.csv", store([text.encode()], directory="uploads", limit=10**6))
        for kind, text in story.texts.items()
    ]
    job = loads.create(
        source_id=story.source.pk, uploads=uploads, origin=Origin("Exported by the test", "full"), by=story.admin
    )
    loads.request_check(job_id=job.pk, mappings={}, by=story.admin)
    loads.run_check(job_id=job.pk, progress=lambda *_: None, by=story.admin)
    loads.request_load(job_id=job.pk, by=story.admin)
    job = loads.run_load(job_id=job.pk, progress=lambda *_: None, by=story.admin)
    assert job.state == LoadState.LOADED, job.error
    return job.snapshot


@pytest.fixture
def audit(story, key_file):
    """A period with a closed review of kept files, a removal proved gone, and a sample of all seven items."""
    load_kept(story)
    campaign, ana = story.launch("Q1"), story.user("ana@x.example")
    story.decide(campaign, "bruno", "approve", ana)
    story.decide(campaign, "bruno", "revoke", ana, entitlement="admin")
    story.submit(campaign, ana)
    closing.close(campaign_id=campaign.pk, by=story.owner)
    removals.open_for_campaign(campaign_id=campaign.pk, by=SYSTEM)
    task = RemediationTask.objects.get()
    proof = attempts.Proof("screen.txt", store([b"seen"], directory="proofs", limit=100))
    attempts.claim_one(task_id=task.pk, act=attempts.Act("Taken out of the group", proof), by=story.system_owner)
    snapshot = story.load_without(("bruno", "admin"))
    verification.verify_against(snapshot_id=snapshot.pk, by=SYSTEM)
    period = open_period(story)
    sample = draw(story, period, size=7)
    sequencing.sequence(by=SYSTEM)
    return period, sample


def url(name: str, *args) -> str:
    return reverse(f"evidence:{name}", args=args)


def row_of(sample: Sample, account: str, right: str = "read"):
    return sample.rows.get(item__account_key=account, item__entitlement_key=right)


def test_a_row_is_followed_from_the_file_to_the_proof(story, audit):
    period, sample = audit
    row, client = row_of(sample, "bruno", "admin"), client_of(story.auditor)
    text = client.get(url("sample-row", period.pk, sample.pk, row.number)).text
    line = story.texts["grants"].splitlines()
    for said in (
        "grants.csv", "<dt>Line</dt><dd>4</dd>", "Exported by the test", "Population root", "What the reviewer was shown",
        "(on exactly what is shown above)", "Seen and checked with the team", "The review was closed: To be removed", "Outcome root",
        "Removal opened", "Taken out of the group", "screen.txt", "Gone",
    ):  # fmt: skip
        assert said in text, said
    assert line, "the story has rows"
    entry = Entry.objects.get(kind="decision:made", subject=f"campaigns.reviewitem:{sample.campaigns[0]}/{row.item.number}")
    page = url("row-entry", period.pk, sample.pk, row.number, entry.uid)
    assert page in text
    shown = client.get(page).text
    assert "Proved" in shown
    assert "under the signed checkpoint of" in shown
    file = client.get(url("row-proof", period.pk, sample.pk, row.number, entry.uid))
    assert file["Content-Disposition"].endswith('.tlog-proof"')
    index, path, note = verifier.read_proof(file.content.decode(), "proof")
    head = verifier.Checkpoint.open(note, verifier.Key(keys.load().verifier, "key"), "note")
    assert verifier.verify_inclusion(index, head.size, verifier.leaf_hash(entry.payload.encode()), path, head.root)


def test_only_entries_of_the_rows_own_trail_are_shown(story, audit):
    period, sample = audit
    client = client_of(story.auditor)
    row, other = row_of(sample, "bruno"), row_of(sample, "bruno", "admin")
    foreign = Entry.objects.get(kind="decision:made", subject=f"campaigns.reviewitem:{sample.campaigns[0]}/{other.item.number}")
    assert client.get(url("row-entry", period.pk, sample.pk, row.number, foreign.uid)).status_code == 404
    assert client.get(url("row-proof", period.pk, sample.pk, row.number, foreign.uid)).status_code == 404
    attempt = RemediationTask.objects.get().attempts.get()
    assert client.get(url("row-attempt", period.pk, sample.pk, row.number, attempt.pk)).status_code == 404
    assert client.get(url("row-attempt", period.pk, sample.pk, other.number, attempt.pk)).content == b"seen"


def test_a_file_that_was_changed_since_its_load_is_told(story, audit, settings):
    period, sample = audit
    kept = LoadFile.objects.get(kind="grants")
    path = settings.CERTIFY_DATA_DIR / kept.stored_as
    body = path.read_bytes()
    page = url("sample-row", period.pk, sample.pk, row_of(sample, "bruno").number)
    path.write_bytes(body.replace(b"Bruno", b"Bruna"))
    assert "is not the one that was loaded" in client_of(story.auditor).get(page).text
    path.unlink()
    assert "The file itself is not kept here" in client_of(story.auditor).get(page).text


def test_pages_cost_the_same_for_one_row_and_for_seven(story, audit, django_assert_max_num_queries):
    period, sample = audit
    few, client = draw(story, period, size=1), client_of(story.auditor)
    for one in (few, sample):
        with django_assert_max_num_queries(28):
            client.get(url("sample-detail", period.pk, one.pk))


def pages(period, sample) -> list[str]:
    row = sample.rows.first()
    return [
        url("sample-list", period.pk), url("sample-detail", period.pk, sample.pk), url("sample-row", period.pk, sample.pk, row.number),
        url("row-entry", period.pk, sample.pk, row.number, Campaign.objects.get().launch_entry_uid), url("request-list", period.pk),
        url("campaign-reperform", period.pk, sample.campaigns[0]),
    ]  # fmt: skip


def test_strangers_and_lapsed_auditors_find_nothing(story, audit):
    period, sample = audit
    stranger = users.create(username="s", name="S", email="s@x.example", roles=["auditor"], by=story.admin)
    for page in pages(period, sample):
        assert client_of(stranger).get(page).status_code == 404, page
        assert client_of(story.auditor).get(page).status_code == 200, page
    with clock.freeze(clock.now() + timedelta(days=2)):
        for page in pages(period, sample):
            assert client_of(story.auditor).get(page).status_code == 404, page
    other = open_period(story, name="Other")
    assert client_of(story.auditor).get(url("sample-detail", other.pk, sample.pk)).status_code == 404


def test_what_an_auditor_opens_is_recorded_in_words_for_the_auditee(story, audit):
    period, sample = audit
    for page in pages(period, sample):
        client_of(story.auditor).get(page)
        client_of(story.owner).get(page)
    assert Entry.objects.filter(kind="period:opened").count() == len(pages(period, sample))
    text = client_of(story.owner).get(url("period-detail", period.pk)).text
    for said in ("Opened the samples", f"Opened sample {sample.pk}, row 1", "Opened the requests", "Opened the re-performance"):
        assert said in text


def test_an_auditor_draws_concludes_and_signs_in_the_browser(story, audit):
    period, _sample = audit
    client = client_of(story.auditor)
    form = {"population": "items", "size": 2, "strata_by": "", "campaign": "", "seed": ""}
    answer = client.post(url("sample-list", period.pk), form | {"size": 0})
    assert answer.status_code == 422
    answer = client.post(url("sample-list", period.pk), form)
    sample = Sample.objects.first()
    assert answer.url == url("sample-detail", period.pk, sample.pk)
    sign = url("sample-sign", period.pk, sample.pk)
    assert "2 rows have no conclusion yet" in client.post(sign, {"signed": "on"}).text
    for number, told in (
        (1, {"conclusion": "no_exception"}),
        (2, {"conclusion": "exception", "note": "Nobody knows the reason"}),
    ):
        assert client.post(url("sample-row", period.pk, sample.pk, number), told).status_code == 302
    assert client.post(sign, {}).status_code == 422
    assert client.post(sign, {"signed": "on"}).status_code == 302
    text = client.get(url("sample-detail", period.pk, sample.pk)).text
    assert "1 without exception, 1 with an exception" in text
    assert "Sign off</button>" not in text
    assert client_of(story.owner).post(sign, {"signed": "on"}).status_code == 403
    assert client_of(story.owner).post(url("sample-row", period.pk, sample.pk, 1), {}).status_code == 403


# ---- requests ----


def test_a_request_goes_from_asked_to_answered_to_closed(story, audit, tmp_path):
    period, sample = audit
    auditor, owner, row = client_of(story.auditor), client_of(story.owner), sample.rows.first()
    with (tmp_path / "list.txt").open("wb+") as file:
        file.write(b"the list")
        file.seek(0)
        answer = auditor.post(
            url("request-list", period.pk) + f"?row={row.pk}", {"title": "Why?", "text": "Please say", "file": file}
        )
    thread = AuditRequest.objects.get()
    page = url("request-detail", period.pk, thread.pk)
    assert (answer.url, thread.row) == (page, row)
    post = thread.posts.get()
    assert b"".join(owner.get(url("request-file", period.pk, thread.pk, post.pk)).streaming_content) == b"the list"
    assert post.file_sha256 == Entry.objects.get(kind="request:asked").payload_json["data"]["file_sha256"]
    assert owner.post(page, {"kind": "close", "text": "no"}).status_code == 403
    assert auditor.post(page, {"kind": "answer", "text": "no"}).status_code == 403
    assert owner.post(page, {"kind": "answer", "text": ""}).status_code == 422
    assert owner.post(page, {"kind": "answer", "text": "Because"}).status_code == 302
    assert "Answered" in auditor.get(url("request-list", period.pk)).text
    assert auditor.post(page, {"kind": "close"}).status_code == 302
    for client, kind in ((auditor, "ask"), (owner, "answer")):
        assert client.post(page, {"kind": kind, "text": "Once more"}).status_code == 403
    assert list(thread.posts.values_list("kind", flat=True)) == ["ask", "answer", "close"]


def test_nobody_else_asks_or_answers_and_nothing_is_half_written(story, audit):
    period, sample = audit
    assert client_of(story.owner).post(url("request-list", period.pk), {"title": "Mine", "text": "No"}).status_code == 403
    assert client_of(story.auditor).post(url("request-list", period.pk), {"title": "Mine", "text": ""}).status_code == 422
    assert not AuditRequest.objects.exists()
    client_of(story.auditor).post(
        url("request-list", period.pk) + f"?sample={sample.pk}", {"title": "All?", "text": "Is it all?"}
    )
    assert AuditRequest.objects.get().sample == sample
    other = open_period(story, name="Other")
    foreign = draw(story, other, size=1)
    with pytest.raises(requests.InvalidInput, match="not of this period"):
        requests.ask(period_id=period.pk, title="Why?", said=requests.Said("Please"), sample=foreign, by=story.auditor)


def test_a_digest_is_queued_once_for_what_waits(story, audit):
    period, _sample = audit
    asked = requests.ask(period_id=period.pk, title="Why?", said=requests.Said("Please"), by=story.auditor)
    requests.ask(period_id=period.pk, title="Who?", said=requests.Said("Please"), by=story.auditor)
    assert (requests.send_digests(by=SYSTEM), requests.send_digests(by=SYSTEM)) == (1, 0)
    mail = story.owner.mails.get(template="audit_requests")
    text = letters.write(mail, {}, clock.now(), None).body
    assert f"/audit/{period.pk}/requests/{asked.pk}/" in text
    assert "You get this mail because you take part in an audit" in text
    assert (mail.context["count"], {line["title"] for line in mail.context["lines"]}) == (2, {"Why?", "Who?"})
    requests.post(request_id=asked.pk, kind="answer", said=requests.Said("Because"), by=story.owner)
    assert requests.send_digests(by=SYSTEM) == 1, "the auditor's; the owner had one today"
    assert story.auditor.mails.get(template="audit_requests").context["lines"][0]["state"] == "answered"
    with clock.freeze(clock.now() + timedelta(days=2)):
        assert requests.send_digests(by=SYSTEM) == 0, "nothing new for the owner, and the auditor may not read any more"


def test_periods_are_narrowed_for_an_auditor_who_was_taken_off(story, audit):
    period, sample = audit
    periods.change(period_id=period.pk, details=details_without(period), by=story.owner)
    with pytest.raises(samples.NotAllowed):
        samples.conclude(row_id=sample.rows.first().pk, conclusion="no_exception", note="", by=story.auditor)


def details_without(period) -> periods.Details:
    return periods.Details(period.name, period.framework, period.from_on, period.to_on, period.open_until, [])


def test_a_leavers_row_tells_of_the_reviews_of_its_period_alone(story, key_file):
    for name, controls in (("Ours", ["soc2:CC6.3"]), ("Theirs", ["hipaa:164.308(a)(4)"])):
        definition = story.define(f"Definition of {name}")
        CampaignDefinition.objects.filter(pk=definition.pk).update(controls=controls)
        campaign = launching.request(definition_id=definition.pk, name=name, by=story.owner)
        campaign = launching.launch(campaign_id=campaign.pk, by=story.owner)
        story.decide(campaign, "david", "approve", story.user("ana@x.example"))
    story.load(identities=story.texts["identities"].replace("contractor,active", "contractor,inactive"))
    latest = story.load()
    period = open_period(story)
    row = draw(story, period, "leavers", 1).rows.get()
    reviews, access = (next(part for part in trail.of(row).parts if part.name == key) for key in ("reviews", "access"))
    assert [step.title.partition(",")[0] for step in reviews.steps] == ["“Ours”"]
    assert [step.uid for step in access.steps] == [latest.entry_uid], "where it was last seen"


def test_a_proof_that_is_taken_away_is_recorded(audit, story):
    period, sample = audit
    row = row_of(sample, "bruno")
    uid = next(iter(trail.of(row, has_file=False).entries))
    before = Entry.objects.filter(kind="period:opened").count()
    assert client_of(story.auditor).get(url("row-proof", period.pk, sample.pk, row.number, uid)).status_code == 200
    assert Entry.objects.filter(kind="period:opened").count() == before + 1

"""The build of a pack is killed, and goes on where it was: the same bytes, fewer members made twice, and never two states in one pack."""

import io
import json
import re
import stat
import threading
import zipfile

import pytest
from django.db import connection, transaction
from django.db.models import Value
from django.db.models.functions import Concat
from django.test import override_settings
from django.urls import reverse
from django.utils import translation

from certify.lib import clock
from certify.lib.progress import Progress
from evidence import tasks
from evidence.actions import holds, packs
from evidence.models import AuditPeriod, EvidencePack
from evidence.pack import builder, fingerprint, journal, scope, tables
from evidence.pack.archive import Archive
from inventory.models import Source
from ledger.actors import SYSTEM
from ledger.models import Checkpoint
from people.actions import erasing, users
from people.models import LegalHold, User
from tests.evidence.conftest import build, seal
from tests.evidence.story import moment
from tests.killing import run

pytestmark = pytest.mark.django_db

#: Programs that build a pack and end themselves by SIGKILL: before or after a member is in the journal, within one, or at the end.
DIE = """
import os, signal
from evidence.actions import packs
from evidence.pack import archive, journal
from people.models import User
die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
add, write = journal.Unfinished.add, archive.Member.write
def before(self, member):
    member.name == NAME and die()
    add(self, member)
def after(self, member):
    add(self, member)
    member.name == NAME and die()
def within(self, data):
    write(self, data)
    if self.target._zinfo.filename == NAME:
        self.target._fileobj.flush()
        die()
"""
BUILD = "packs.build(pack_id={pack}, by=User.objects.get(username='control_owner'))\n"
AFTER, BEFORE = "journal.Unfinished.add = after\n", "journal.Unfinished.add = before\n"
#: (the member at which it dies, how, the last one that is finished then)
KILLS = (
    ("administration/roles.csv", AFTER, "administration/roles.csv"),
    ("reviews/items.csv", AFTER, "reviews/items.csv"),
    ("ledger/entries.jsonl", "archive.Member.write = within\n", "reviews/submissions.csv"),
    ("workbook.xlsx", BEFORE, "ledger/people.csv"),
    ("manifest.json", AFTER, "manifest.json"),
    ("", "packs._recorded = die\n", "manifest.sig"),
)


class Killed(BaseException):
    """Ends a build as a kill does, in this process."""


@pytest.fixture
def asked(period, story) -> EvidencePack:
    """A pack that waits, over the played year."""
    with clock.freeze(moment(12, 30)):
        hold = LegalHold.objects.get(name="Case 8")
        holds.release(hold_id=hold.pk, reason="The council has what it asked for", by=story.admin)
        late = users.create(username="meanwhile", name=NAME, email="", roles=["administrator"], by=story.admin)
        users.deactivate(user_id=late.pk, by=story.admin)
    pack = packs.request(period_id=period.pk, by=story.owner)
    seal()
    return pack


def files(pack) -> dict[str, object]:
    folder = packs.settings.CERTIFY_DATA_DIR / "packs"
    return {one.name.removeprefix(f".{pack.pk}."): one for one in folder.iterdir()}


def told(pack) -> list[dict]:
    """What the journal says of the members that are finished, in their order."""
    lines = files(pack)["journal"].read_bytes().splitlines()[1:]
    return [json.loads(line.partition(b" ")[2]) for line in lines]


def kept(pack) -> list[str]:
    """The members that the journal calls finished."""
    return [one["name"] for one in told(pack)]


def body(pack) -> bytes:
    pack.refresh_from_db()
    assert pack.state == "ready"
    return (packs.settings.CERTIFY_DATA_DIR / pack.stored_as).read_bytes()


def undisturbed(pack, tmp_path, checkpoint=None) -> bytes:
    """The same pack, built at once."""
    period = AuditPeriod.objects.get(pk=pack.period_id)
    with transaction.atomic():
        build(period, checkpoint or Checkpoint.objects.latest("size"), tmp_path / "undisturbed.zip")
    return (tmp_path / "undisturbed.zip").read_bytes()


def kill_in_process(pack, after: str, monkeypatch) -> None:
    """End the build once this member is finished."""
    add = journal.Unfinished.add

    def die(self, member):
        add(self, member)
        if member.name == after:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(journal.Unfinished, "add", die)
        with pytest.raises(Killed):
            packs.build(pack_id=pack.pk, by=SYSTEM)


def go_on(pack) -> list[packs.Start]:
    """Build it; what was said of the beginning."""
    said: list[packs.Start] = []
    with clock.freeze(moment(12, 31, 23)):
        packs.build(pack_id=pack.pk, by=SYSTEM, begun=said.append)
    return said


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_killed_at_any_moment_it_goes_on_and_has_the_same_bytes(asked, story, tmp_path, monkeypatch, settings):
    for name in ("CERTIFY_DATA_DIR", "CERTIFY_LEDGER_ORIGIN", "CERTIFY_LEDGER_KEY_FILE"):
        monkeypatch.setenv(name, str(getattr(settings, name)))
    for name, program, last in KILLS:
        pack = EvidencePack.objects.filter(state="requested").first() or packs.request(
            period_id=asked.period_id, by=story.owner
        )
        checkpoint = seal()
        assert run(f"{DIE}NAME = {name!r}\n{program}{BUILD.format(pack=pack.pk)}").wait() == -9
        finished = kept(pack)
        assert finished[-1] == last
        assert {stat.S_IMODE(one.stat().st_mode) for one in files(pack).values()} == {0o600}
        users.create(username=f"late{pack.pk}", name="Late", roles=["reviewer"], by=story.admin)
        assert seal().size > checkpoint.size  # the log goes on, the pack keeps its checkpoint
        wanted = undisturbed(pack, tmp_path, checkpoint)
        with zipfile.ZipFile(tmp_path / "undisturbed.zip") as archive:
            members = len(archive.namelist())
        assert go_on(pack) == [packs.Start(len(finished), members)]
        assert body(pack) == wanted
        assert f"{pack.pk}-{checkpoint.size}.zip" in files(pack)
        assert not {"part", "journal"} & set(files(pack))


def spoil_journal(pack):
    path = files(pack)["journal"]
    path.write_bytes(path.read_bytes()[:-7])


def spoil_line(pack):
    path = files(pack)["journal"]
    path.write_bytes(path.read_bytes().replace(b'"rows": ', b'"rows": 1', 1))


def spoil_length(pack):
    with files(pack)["part"].open("r+b") as part:
        part.truncate(told(pack)[-1]["end"] - 1)


def spoil_byte(pack):
    with files(pack)["part"].open("r+b") as part:
        part.seek(40)
        byte = part.read(1)
        part.seek(40)
        part.write(bytes([byte[0] ^ 1]))


def lose_part(pack):
    files(pack)["part"].unlink()


@pytest.mark.parametrize("spoil", [spoil_journal, spoil_line, spoil_length, spoil_byte, lose_part])
def test_what_is_damaged_is_thrown_away(asked, tmp_path, monkeypatch, spoil):
    kill_in_process(asked, "campaigns/mails.csv", monkeypatch)
    spoil(asked)
    assert go_on(asked) == [packs.Start(anew=journal.DAMAGED)]
    assert body(asked) == undisturbed(asked, tmp_path)


def test_everything_that_may_change_is_compared(asked, tmp_path, monkeypatch):
    kill_in_process(asked, "ledger/people.csv", monkeypatch)
    checkpoint = Checkpoint.objects.latest("size")
    found = scope.of(asked.period, checkpoint)
    builder._prepare(found)
    found = fingerprint.of(found, builder.FORMAT)
    assert {*fingerprint.SAID, *fingerprint.COMPARED} == set(found)
    for name in found:
        with journal.held(asked.pk) as unfinished, pytest.raises(journal.Stale) as stale:
            unfinished.go_on(checkpoint.size, found | {name: "another"}, tmp_path / "none.zip")
        assert stale.value.reason == name
        assert fingerprint.reason(name) in {*fingerprint.SAID.values(), fingerprint.DATA}
    with journal.held(asked.pk) as unfinished:
        unfinished.go_on(checkpoint.size, found, tmp_path / "none.zip")
        assert unfinished.kept


def update(query: str, *values) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # as whoever owns the database could
        cursor.execute(query, values)
        cursor.execute("SET LOCAL session_replication_role = origin")


CHANGES = {
    "campaigns_assignment": "UPDATE campaigns_assignment SET reason = reason || '!'",
    "campaigns_campaign": "UPDATE campaigns_campaign SET name = name || '!'",
    "campaigns_reviewitem": "UPDATE campaigns_reviewitem SET rationale = rationale || '!'",
    "inventory_identity": "UPDATE inventory_identity SET key = key || '!' WHERE user_id IS NOT NULL",
    "inventory_source": "UPDATE inventory_source SET key = key || '!'",
    "remediation_remediationtask": "UPDATE remediation_remediationtask SET owner_id = (SELECT max(id) FROM people_user)",
    "scope": "UPDATE evidence_auditperiod SET outside = 'Everything else'",
    "pack_leaver": "UPDATE inventory_account SET key = key || '!'",
    "people_counted": "UPDATE inventory_identity SET status = 'inactive', snapshot_id = 1",
}  # fmt: skip


def test_each_change_is_seen_and_nothing_else_is(asked):
    checkpoint = Checkpoint.objects.latest("size")

    def prints() -> dict[str, str]:
        found = scope.of(AuditPeriod.objects.get(pk=asked.period_id), checkpoint)
        builder._prepare(found)
        return fingerprint.of(found, builder.FORMAT)

    before = prints()
    assert prints() == before
    for name, query in CHANGES.items():
        with transaction.atomic():
            update(query)
            assert prints()[name] != before[name], name
            transaction.set_rollback(True)
    with override_settings(CERTIFY_REPORT_FONTS=str(builder.README.parent)), translation.override("de"):
        assert [name for name, said in prints().items() if said != before[name]] == ["options"]


def test_every_table_that_a_build_asks_is_kept_by_a_trigger_or_compared(asked, tmp_path):
    asked_for = [table.query for table in tables.TABLES]

    def note(execute, sql, params, many, context):
        asked_for.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        build(AuditPeriod.objects.get(pk=asked.period_id), Checkpoint.objects.latest("size"), tmp_path / "pack.zip")
    words = set(re.findall(r"[a-z_]+", " ".join(map(str, asked_for))))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid"
            " WHERE proname IN ('certify_refuse_change', 'inventory_keep_former_account') AND (tgtype & 24) = 24"
        )
        fixed = {name for (name,) in cursor.fetchall()}
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        read = words & {name for (name,) in cursor.fetchall()}
    assert "ledger_entry" in read
    assert read - fixed - set(fingerprint.COMPARED) == OTHERWISE


#: Accounts and rights are in `pack_leaver`, periods and occurrences in the scope; of people's particulars only an erasure changes any.
OTHERWISE = {"inventory_account", "inventory_grant", "evidence_auditperiod", "campaigns_occurrence", "ledger_personrecord"}


def test_a_changed_name_is_in_the_pack_and_the_old_one_is_not(asked, story, tmp_path, monkeypatch):
    kill_in_process(asked, "report.pdf", monkeypatch)
    AuditPeriod.objects.filter(pk=asked.period_id).update(name="Called otherwise")
    assert go_on(asked) == [packs.Start(anew=fingerprint.SAID["scope"])]
    assert body(asked) == undisturbed(asked, tmp_path)
    with zipfile.ZipFile(tmp_path / "undisturbed.zip") as archive:
        assert json.loads(archive.read("manifest.json"))["period"]["name"] == "Called otherwise"


def test_who_was_erased_meanwhile_is_in_no_part_file(asked, story, tmp_path, monkeypatch):
    kill_in_process(asked, "ledger/people.csv", monkeypatch)
    with journal.held(asked.pk) as unfinished:
        assert NAME.encode() in b"".join(Archive(unfinished.part, unfinished).read("ledger/people.csv"))
    erase(story)
    assert go_on(asked) == [packs.Start(anew=fingerprint.ERASURES)]
    assert NAME.encode() not in content(body(asked), tmp_path)
    assert asked.checkpoint_size == Checkpoint.objects.latest("size").size


def test_who_is_erased_at_the_last_moment_is_in_no_pack(asked, story, tmp_path, monkeypatch):
    recorded, once = packs._recorded, []

    def late(*facts):
        if not once:
            once.append(erase(story))
        return recorded(*facts)

    monkeypatch.setattr(packs, "_recorded", late)
    assert go_on(asked) == [packs.Start(anew=fingerprint.ERASURES)]
    assert NAME.encode() not in content(body(asked), tmp_path)
    assert len(files(asked)) == 1


NAME = "Erased Meanwhile"


def erase(story) -> None:
    with clock.freeze(moment(12, 31, 22)):
        erasing.erase(
            user_id=User.objects.get(name=NAME).pk, basis="request", reason="They asked for it by letter", by=story.admin
        )
    seal()


def content(pack: bytes, tmp_path) -> bytes:
    with zipfile.ZipFile(io.BytesIO(pack)) as archive:
        return b"".join(archive.read(name) for name in archive.namelist())


def test_what_was_begun_of_a_pack_that_is_given_up_goes(asked, monkeypatch):
    kill_in_process(asked, "ledger/people.csv", monkeypatch)
    tasks.clear_unfinished()
    assert set(files(asked)) == {"part", "journal"}
    packs.fail(pack_id=asked.pk, reason="Nobody wants it", by=SYSTEM)
    tasks.build_requested_packs()
    assert files(asked) == {}


def test_the_sweep_goes_on_with_what_a_killed_worker_left(asked, monkeypatch, settings, client, story):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    kill_in_process(asked, "ledger/people.csv", monkeypatch)
    shown, finished, gone_on = [], len(kept(asked)), packs.builder.SEAL_AT
    client.force_login(story.owner, backend="django.contrib.auth.backends.ModelBackend")

    def look(self, value, show=Progress.show):
        show(self, value)
        if value["percent"] == gone_on:
            for language in ("en", "de"):
                User.objects.filter(pk=story.owner.pk).update(language=language)
                shown.append(client.get(reverse("evidence:period-detail", args=[asked.period_id])).content.decode())

    monkeypatch.setattr(Progress, "show", look)
    tasks.build_requested_packs()
    assert f"Resumed after {finished} of " in shown[0]
    assert f"Fortgesetzt nach {finished} von " in shown[1]
    asked.refresh_from_db()
    assert asked.state == "ready"


def test_a_second_worker_leaves_it_to_the_first_even_where_that_lost_its_database(asked):
    with journal.held(asked.pk) as first:
        assert first is not None
        assert packs.build(pack_id=asked.pk, by=SYSTEM) is None
    assert go_on(asked) == []
    asked.refresh_from_db()
    assert asked.state == "ready"


@pytest.mark.django_db(transaction=True)
def test_what_changes_during_a_build_is_in_no_member(asked, tmp_path):
    wanted, once = undisturbed(asked, tmp_path), []

    def rename() -> None:
        try:
            Source.objects.update(key=Concat("key", Value("-renamed")))
        finally:
            connection.close()

    def change(percent: int, text: str) -> None:
        if not once:
            once.append(threading.Thread(target=rename))
            once[0].start()
            once[0].join(20)

    packs.build(pack_id=asked.pk, by=SYSTEM, progress=change)
    assert body(asked) == wanted
    assert undisturbed(asked, tmp_path) != wanted

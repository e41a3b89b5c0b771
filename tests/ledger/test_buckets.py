"""The log and its checkpoints in an S3 bucket.

A contract: without settings it runs against moto on the loopback address; CERTIFY_TEST_S3_BUCKET (with Object Lock and versions),
CERTIFY_TEST_S3_ENDPOINT and the AWS libraries' own variables point it at a real store, where it leaves small objects for a day.
"""

import os
import uuid
from datetime import timedelta

import pytest
from moto.server import ThreadedMotoServer
from tlog_scales.signing import Vkey, VkeySet
from tlog_scales.tlog import Checkpoint as TheirCheckpoint

from certify.lib import clock
from certify.lib.times import rfc3339
from ledger import buckets, keys, publishing, queries, tasks, tiles
from ledger.actions import sequencing
from ledger.actors import SYSTEM
from ledger.anchoring import ChannelError, schedule
from ledger.anchoring.bucket import BucketChannel
from ledger.buckets import Bucket, BucketError, DifferentObjectError
from ledger.models import Anchor, AnchorFailure, Entry, Publication
from tests.ledger.conftest import superuser, verify, write
from tests.ledger.test_views import person

REAL = os.environ.get("CERTIFY_TEST_S3_BUCKET", "")
only_moto = pytest.mark.skipif(bool(REAL), reason="it breaks the store, which is somebody's")


@pytest.fixture(scope="module")
def store():
    """(endpoint, bucket with Object Lock)."""
    if REAL:
        yield os.environ.get("CERTIFY_TEST_S3_ENDPOINT", ""), REAL
        return
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}", "certify-locked"
    server.stop()


@pytest.fixture
def bucket(store, settings, monkeypatch) -> Bucket:
    """A folder of its own in the bucket, configured for anchors and for the log."""
    if not REAL:
        for name, value in {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}.items():
            monkeypatch.setenv(name, value)
    settings.CERTIFY_S3_ENDPOINT = store[0]
    address = f"s3://{store[1]}/tests/{uuid.uuid4()}"
    settings.CERTIFY_ANCHOR_S3 = settings.CERTIFY_LEDGER_LOG_S3 = address
    settings.CERTIFY_ANCHOR_S3_DAYS = 1
    found = Bucket.of(address)
    if not REAL and store[1] not in [one["Name"] for one in found.client.list_buckets()["Buckets"]]:
        found.client.create_bucket(Bucket=store[1], ObjectLockEnabledForBucket=True)
    return found


def key_of(checkpoint) -> str:
    return f"checkpoints/certify.example/ledger/{checkpoint.size:020d}.txt"


def channel():
    (standing,) = schedule.standings()
    return standing


@pytest.mark.parametrize(
    ("address", "name", "prefix"),
    [("s3://abc", "abc", ""), ("s3://abc/", "abc", ""), ("s3://abc/d/e", "abc", "d/e/"), ("s3://abc/d/", "abc", "d/")],
)
def test_addresses(address, name, prefix):
    assert Bucket.of(address) == Bucket(name, prefix)


def test_nothing_is_replaced(bucket):
    assert (bucket.add("a", b"one"), bucket.add("a", b"one")) == (True, False)
    with pytest.raises(DifferentObjectError, match="is there already, and is another"):
        bucket.add("a", b"two")
    assert bucket.read("a")[0] == b"one"
    assert bucket.read("b") is None


def test_the_checkpoint_is_replaced_by_whoever_saw_it_last(bucket):
    bucket.replace("checkpoint", b"one", None)
    tag = bucket.read("checkpoint")[1]
    bucket.replace("checkpoint", b"two", tag)
    for stale in (tag, None):
        with pytest.raises(BucketError, match="somebody else meanwhile"):
            bucket.replace("checkpoint", b"three", stale)
    assert bucket.read("checkpoint")[0] == b"two"


def _without_conditions(params, **_):
    """As a store that does not know If-None-Match, and takes no If-Match for true."""
    params["headers"].pop("If-None-Match", None)
    if "If-Match" in params["headers"]:
        params["headers"]["If-Match"] = '"another"'


@pytest.fixture
def forgetful(bucket, monkeypatch) -> Bucket:
    """A bucket of a store that does not keep to conditions, as Ceph's does not where there are versions."""
    monkeypatch.setattr(buckets, "KEEPS_CONDITIONS", {})
    bucket.client.meta.events.register("before-call.s3.PutObject", _without_conditions)
    return bucket


@only_moto
def test_a_store_that_ignores_conditions_is_noticed_and_nothing_is_replaced(forgetful):
    assert (forgetful.add("a", b"one"), forgetful.keeps_conditions) == (True, False)
    assert forgetful.add("a", b"one") is False
    with pytest.raises(DifferentObjectError, match="is there already, and is another"):
        forgetful.add("a", b"two")
    assert forgetful.read("a")[0] == b"one"


@only_moto
def test_what_was_there_before_the_store_was_known_is_not_replaced_either(forgetful):
    forgetful.client.put_object(Bucket=forgetful.name, Key=forgetful.prefix + "a", Body=b"one")
    with pytest.raises(DifferentObjectError):
        forgetful.add("a", b"two")
    assert (forgetful.read("a")[0], forgetful.keeps_conditions) == (b"one", None)


@only_moto
def test_a_store_that_refuses_conditions_that_hold_is_asked_without(forgetful):
    forgetful.replace("checkpoint", b"one", None)
    tag = forgetful.read("checkpoint")[1]
    forgetful.replace("checkpoint", b"two", tag)
    assert forgetful.keeps_conditions is False
    for stale in (tag, None):
        with pytest.raises(BucketError, match="somebody else meanwhile"):
            forgetful.replace("checkpoint", b"three", stale)
    assert forgetful.read("checkpoint")[0] == b"two"


@only_moto
def test_a_store_that_keeps_conditions_is_known_by_the_first_object(bucket, monkeypatch):
    monkeypatch.setattr(buckets, "KEEPS_CONDITIONS", {})
    assert (bucket.keeps_conditions, bucket.add("a", b"one"), bucket.keeps_conditions) == (None, True, True)
    versions = bucket.client.list_object_versions(Bucket=bucket.name, Prefix=bucket.prefix)["Versions"]
    assert len(versions) == 1


def test_names_in_their_order(bucket):
    for name in ("f/1", "f/3", "g/2"):
        bucket.add(name, b"")
    assert [bucket.first_after("f/", key) for key in ("f/0", "f/1", "f/2", "f/3")] == ["f/1", "f/3", "f/3", ""]


# --- anchors ---


def test_a_checkpoint_is_kept_so_that_nobody_deletes_it(log, bucket):
    tasks.leave_anchors()
    anchor, checkpoint = Anchor.objects.get(), queries.latest_checkpoint()
    assert bucket.read(key_of(checkpoint))[0] == checkpoint.note.encode()
    assert (anchor.channel, anchor.checkpoint, anchor.detail["mode"]) == ("s3", checkpoint, "COMPLIANCE")
    stored = bucket.stored(key_of(checkpoint))
    assert anchor.detail["until"] == rfc3339(stored.until)
    assert timedelta(hours=23) < stored.until - clock.now() <= timedelta(days=1)
    with pytest.raises(bucket.client.exceptions.ClientError, match="AccessDenied"):
        bucket.client.delete_object(Bucket=bucket.name, Key=bucket.prefix + key_of(checkpoint), VersionId=stored.version)
    assert Entry.objects.get(uid=anchor.entry_uid).payload_json["data"]["detail"] == anchor.detail
    assert verify(bucket.read(key_of(checkpoint))[0].decode()).problems == []


def test_a_worker_that_dies_behind_the_store_leaves_it_once_more(log, bucket):
    checkpoint = queries.latest_checkpoint()
    first = BucketChannel().send(checkpoint)
    assert BucketChannel().send(checkpoint).detail == first.detail


def test_another_checkpoint_of_the_same_size_is_not_covered_up(log, bucket):
    bucket.add(key_of(queries.latest_checkpoint()), log[-1].replace("\n600\n", "\n599\n").encode())
    tasks.leave_anchors()
    assert (Anchor.objects.count(), "is there already, and is another" in AnchorFailure.objects.get().reason) == (0, True)


def test_a_log_that_was_put_back_is_found(log, bucket):
    bucket.add(f"checkpoints/certify.example/ledger/{601:020d}.txt", b"of later")
    with pytest.raises(ChannelError, match="more entries than the log has signed"):
        BucketChannel().send(queries.latest_checkpoint())


def test_what_is_there_without_retention_is_no_anchor(log, bucket):
    bucket.add(key_of(queries.latest_checkpoint()), log[-1].encode())
    with pytest.raises(ChannelError, match="not retained as asked: no mode"):
        BucketChannel().send(queries.latest_checkpoint())


@only_moto
def test_a_bucket_without_object_lock_is_refused(log, bucket, settings):
    bucket.client.create_bucket(Bucket="certify-plain")
    settings.CERTIFY_ANCHOR_S3 = "s3://certify-plain"
    tasks.leave_anchors()
    assert "answered: InvalidRequest" in AnchorFailure.objects.get().reason


def test_a_missing_anchor_alarms_and_the_page_says_why(log, bucket, settings, client):
    settings.CERTIFY_ANCHOR_S3, settings.CERTIFY_LEDGER_LOG_S3 = "s3://certify-nowhere-at-all", ""
    tasks.leave_anchors()
    assert (channel().is_late, channel().channel.name) == (False, "s3")
    with clock.freeze(clock.now() + timedelta(hours=2)):
        assert client.get("/health/").json()["ledger"] == "anchors are missing"
        client.force_login(person("control_owner"))
        assert "NoSuchBucket" in client.get("/ledger/guards/").content.decode()


def test_a_store_that_is_away_is_told(log, bucket, settings):
    settings.CERTIFY_S3_ENDPOINT = "http://127.0.0.1:9"
    tasks.leave_anchors()
    tasks.publish_to_bucket()
    assert "cannot be reached" in AnchorFailure.objects.get().reason
    assert "cannot be reached" in Publication.objects.get().failure


# --- the published log ---


def in_bucket(bucket: Bucket) -> dict[str, bytes]:
    found = bucket.client.list_objects_v2(Bucket=bucket.name, Prefix=bucket.prefix).get("Contents", ())
    names = [one["Key"].removeprefix(bucket.prefix) for one in found]
    return {name: bucket.read(name)[0] for name in names}


def test_the_bucket_is_a_log_that_others_verify(log, bucket):
    tasks.publish_to_bucket()
    found = in_bucket(bucket)
    wanted = {tile.path for tile in (*tiles.full_tiles(0, 600), *tiles.partial_tiles(600))}
    assert set(found) == wanted | {"checkpoint"}
    theirs = TheirCheckpoint.from_text(found["checkpoint"].decode())
    assert len(VkeySet(Vkey.from_string(keys.load().verifier)).verify(theirs.signatures, theirs)) == 1
    hashes = found["tile/0/000"] + found["tile/0/001"] + found["tile/0/002.p/88"]
    tree = publishing.merkle.MerkleAccumulator()
    tree.extend(hashes)
    assert tree.root() == theirs.root_hash
    assert Publication.objects.get().size == 600


def test_the_next_run_adds_only_what_is_new(log, bucket):
    tasks.publish_to_bucket()
    before = in_bucket(bucket)
    write(200)
    sequencing.sequence(by=SYSTEM)
    tasks.publish_to_bucket()
    after = in_bucket(bucket)
    assert {name for name in before if after[name] != before[name]} == {"checkpoint"}
    assert {"tile/0/002", "tile/entries/002", "tile/0/003.p/32", "tile/1/000.p/3"} <= set(after)


def test_full_tiles_are_kept_so_that_nobody_deletes_them(log, bucket, settings):
    settings.CERTIFY_LEDGER_LOG_S3_DAYS = 1
    tasks.publish_to_bucket()
    locked = {name for name in in_bucket(bucket) if bucket.stored(name).mode == "COMPLIANCE"}
    assert locked == {tile.path for tile in tiles.full_tiles(0, 600)}
    stored = bucket.stored("tile/entries/000")
    assert timedelta(hours=23) < stored.until - clock.now() <= timedelta(days=1)


@pytest.mark.parametrize("stop", [1, 4, 7])
def test_killed_at_any_point_the_bucket_is_a_log_and_the_next_run_goes_on(log, bucket, monkeypatch, stop):
    write(100)
    put, calls = buckets.Bucket._put, []

    def die(self, key, body, **conditions):
        calls.append(key)
        if len(calls) > stop:
            raise KeyboardInterrupt
        put(self, key, body, **conditions)

    with monkeypatch.context() as patch:
        patch.setattr(buckets.Bucket, "_put", die)
        with pytest.raises(KeyboardInterrupt):
            tasks.publish_to_bucket()
    assert bucket.read("checkpoint") is None
    tasks.publish_to_bucket()
    assert in_bucket(bucket)["checkpoint"].decode() == log[-1]


def test_what_is_in_the_bucket_is_compared_first(log, bucket, client):
    tasks.publish_to_bucket()
    before = in_bucket(bucket)
    with superuser() as cursor:
        cursor.execute("DELETE FROM ledger_leaf WHERE index >= 300")
        cursor.execute("DELETE FROM ledger_checkpoint WHERE size > 300")
        cursor.execute("DELETE FROM ledger_node WHERE index > 0")
    tasks.publish_to_bucket()
    assert "older backup restored" in Publication.objects.get().failure
    assert in_bucket(bucket) == before
    client.force_login(person("control_owner"))
    assert "older backup restored" in client.get("/ledger/guards/").content.decode()


def test_what_waits_to_be_published_alarms(log, bucket, settings, client):
    settings.CERTIFY_ANCHOR_S3 = ""
    tasks.publish_to_bucket()
    write(1)
    sequencing.sequence(by=SYSTEM)
    with clock.freeze(clock.now() + timedelta(minutes=16)):
        assert client.get("/health/").json()["ledger"] == "checkpoints wait to be published"
        tasks.publish_to_bucket()
        assert client.get("/health/").json()["ledger"] == "ok"

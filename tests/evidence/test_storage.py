"""Where packs are kept: in a bucket as below the data directory, and what a page says when one is not there any more."""

import hashlib

import boto3
import pytest
from django.test import Client
from django.urls import reverse
from moto.server import ThreadedMotoServer

from certify.lib import clock
from evidence import storage, tasks
from evidence.actions import packs, periods
from evidence.models import EvidencePack
from evidence.states import PackState
from ledger.models import Entry
from tests.evidence.story import details

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def local(settings, key_file, monkeypatch):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    for name, value in {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def endpoint():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def bucket(endpoint, settings):
    """A bucket where packs are kept."""
    settings.CERTIFY_S3_ENDPOINT, settings.CERTIFY_PACKS_S3 = endpoint, "s3://packs/of/certify"
    client = boto3.client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket="packs")
    return client


@pytest.fixture
def asked(story) -> EvidencePack:
    period = periods.create(details=details(story, name="This year", open_until=clock.now().date()), by=story.owner)
    return packs.request(period_id=period.pk, by=story.owner)


def built() -> EvidencePack:
    tasks.build_requested_packs()
    return EvidencePack.objects.get()


def download(story):
    client = Client()
    client.force_login(story.owner, backend="django.contrib.auth.backends.ModelBackend")
    return client.post(reverse("evidence:pack-download", args=[EvidencePack.objects.get().pk]), follow=True)


def is_pack(answer, pack: EvidencePack) -> bool:
    body = b"".join(answer.streaming_content)
    return hashlib.sha256(body).hexdigest() == pack.sha256 and answer["Content-Length"] == str(len(body))


def downloads() -> int:
    return Entry.objects.filter(kind="pack:downloaded").count()


def test_a_pack_is_kept_in_the_bucket_and_nowhere_else(story, asked, bucket, settings):
    pack = built()
    (kept,) = [one["Key"] for one in bucket.list_objects_v2(Bucket="packs")["Contents"]]
    assert (kept.startswith("of/certify/"), pack.sha256 in kept, pack.stored_as) == (True, True, f"s3://packs/{kept}")
    assert not list(settings.CERTIFY_DATA_DIR.rglob("*.zip"))
    settings.CERTIFY_PACKS_S3 = ""  # whoever changes the setting loses no pack
    assert is_pack(download(story), pack)
    assert downloads() == 1
    storage.remove(pack.stored_as)
    assert "Contents" not in bucket.list_objects_v2(Bucket="packs")


def test_a_pack_that_is_gone_or_cut_is_said_and_not_recorded_as_taken(story, asked, settings):
    pack = built()
    path = settings.CERTIFY_DATA_DIR / pack.stored_as
    assert is_pack(download(story), pack)
    path.write_bytes(path.read_bytes()[:-1])
    assert "not where it was kept" in download(story).content.decode()
    path.unlink()
    assert "not where it was kept" in download(story).content.decode()
    assert downloads() == 1
    storage.remove(pack.stored_as)


def test_a_bucket_that_refuses_fails_the_pack_and_leaves_nothing(story, asked, bucket, settings):
    settings.CERTIFY_PACKS_S3 = "s3://nobody-has-this-one"
    pack = built()
    assert (pack.state, "could not be kept" in pack.error) == (PackState.FAILED, True)
    assert not list(settings.CERTIFY_DATA_DIR.rglob("*.zip"))
    settings.CERTIFY_PACKS_S3 = "s3://packs/of/certify"
    packs.request(period_id=pack.period_id, by=story.owner)
    tasks.build_requested_packs()
    assert EvidencePack.objects.filter(state=PackState.READY).count() == 1


def test_a_pack_that_vanished_from_the_bucket_is_said(story, asked, bucket):
    pack = built()
    storage.remove(pack.stored_as)
    assert "not where it was kept" in download(story).content.decode()

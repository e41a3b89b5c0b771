"""What an account signs in with, and since when: read, kept, shown, and an old static one says so to reviewers."""

import pytest

from campaigns.models import ItemContext
from campaigns.rules import CONTEXT_COLUMNS
from certify.lib import canonical
from certify.lib.times import rfc3339
from inventory.models import Account, RejectedRow
from ledger import merkle
from ledger.models import Entry
from tests.story import GRANTS

pytestmark = pytest.mark.django_db

TOLD = {"job": "API key,2024-02-03,", "shared": "password,,2023-01-02", "bruno": "password,2020-01-02,", "ana": "sso,,"}


def told(**credentials: str) -> str:
    """The file of grants with these credentials, by account; others are not told of."""
    head, *rows = GRANTS.splitlines()
    cells = [credentials.get(row.split(",")[1], ",,") for row in rows]
    added = [f"{row},{cell}" for row, cell in zip(rows, cells, strict=True)]
    return "\n".join([f"{head},credential_kind,credential_created_at,credential_rotated_at", *added]) + "\n"


def test_credentials_are_loaded_changed_and_kept(story):
    story.load(grants=told(**TOLD))
    job = Account.objects.get(key="job")
    assert (job.credential_kind, job.credential_created_at.year, job.credential_rotated_at) == ("key", 2024, None)
    assert Account.objects.get(key="ana").credential_kind == "federated"
    assert Account.objects.get(key="david").credential_kind == "unknown"
    story.load(grants=told(**TOLD | {"job": "key,2024-02-03,2026-10-01"}))
    assert [one.credential_rotated_at for one in job.former.order_by("pk")] == [None, None]
    story.load(grants=GRANTS)
    job.refresh_from_db()
    assert (job.credential_kind, job.credential_created_at) == ("unknown", None)
    assert [one.credential_kind for one in job.former.order_by("pk")] == ["unknown", "key", "key"]


def test_of_several_credentials_the_oldest_static_one_counts(story):
    rows = ["svc,read,federated,2010-01-01", "svc,admin,key,2025-01-01", "svc,extra,key,2024-01-01", "svc,more,,"]
    text = "source,account_id,entitlement_id,credential_kind,credential_created_at\n"
    story.load("partial", grants=text + "".join(f"crm,{row}\n" for row in rows))
    account = Account.objects.get(key="svc")
    assert (account.credential_kind, account.credential_created_at.year) == ("key", 2024)


def test_what_cannot_be_read_is_rejected_and_the_rows_balance(story):
    snapshot = story.load("partial", grants=told(job="smartcard,,", shared="key,soon,"))
    assert (snapshot.rows_read, snapshot.rows_rejected) == (snapshot.rows_loaded + 2, 2)
    found = [(row.field, row.reason.split(";")[0]) for row in RejectedRow.objects.order_by("line")]
    assert found[0][0] == "credential_kind"
    assert found[0][1].startswith("“smartcard” is not one of password, key,")
    assert found[1] == ("credential_created_at", "“soon” is not a time")


def test_a_launch_says_which_static_credential_is_old_and_freezes_it(story):
    story.load(grants=told(**TOLD))
    campaign = story.launch()
    signals = {item.account_key: item.signals for item in campaign.items.filter(entitlement_key="read")}
    assert [account for account, found in sorted(signals.items()) if "static" in found] == ["job", "shared"]
    job = story.item(campaign, "job")
    assert (job.context.credential_kind, job.context.credential_at.year, job.context.credential_limit) == ("key", 2024, 365)
    assert any(reason.startswith("Its static credential is ") for reason in job.advice.reasons)
    assert not hasattr(story.item(campaign, "david"), "context")


def test_the_limit_is_a_setting(story, settings):
    settings.CERTIFY_CREDENTIAL_DAYS = 100_000
    story.load(grants=told(**TOLD))
    campaign = story.launch()
    assert not campaign.items.filter(signals__contains=["static"]).exists()


def test_the_launch_commits_to_what_was_known(story):
    story.load(grants=told(**TOLD))
    campaign = story.launch()
    rows = []
    for one in ItemContext.objects.filter(campaign=campaign).order_by("number"):
        facts = {"campaign": str(campaign.pk), "item": str(one.item_number), "described_at": rfc3339(one.described_at)}
        facts |= {"credential_at": rfc3339(one.credential_at)}
        row = [facts.get(name, str(getattr(one, name, ""))) for name in CONTEXT_COLUMNS]
        assert merkle.leaf_hash(canonical.dumps(row)) == bytes(one.leaf)
        rows.append(bytes(one.leaf))
    assert len(rows) == 5
    launched = Entry.objects.get(kind="campaign:launched").payload_json["data"]
    assert launched["context_root"] == campaign.context_root == merkle.root(rows).hex()


def test_pages_show_it(client, story):
    story.load(grants=told(**TOLD))
    campaign = story.launch()
    ana = story.user("ana@x.example")
    client.force_login(ana)
    row = story.row(campaign, "job")
    drawer = client.get(f"/reviews/{campaign.pk}/items/{row.pk}/").content.decode()
    assert "Signs in with" in drawer
    assert "made or last rotated 3 Feb 2024" in drawer
    assert "(old from 365 days on)" in drawer
    desk = client.get(f"/reviews/{campaign.pk}/?signal=static").content.decode()
    assert desk.count("data-row ") == 1
    assert "Old credential" in desk
    client.force_login(story.system_owner)
    assert "Key, " in client.get(f"/inventory/{story.source.pk}/grants/").content.decode()

"""A review that was decided in a spreadsheet, in the pack: the act with the hash of its file, and each row's own answer."""

from datetime import timedelta

import pytest

from campaigns.actions import closing
from certify.lib import clock
from tests.campaigns import sheets
from tests.evidence import spoil
from tests.evidence.conftest import build_this_year, verify
from tests.evidence.test_pack import table

pytestmark = pytest.mark.django_db


@pytest.fixture
def pack(story, key_file, tmp_path):
    """Three rows from a file, one of them red, kept until a day and reduced; then submitted and closed."""
    campaign, ana = story.launch("Q4"), story.user("ana@x.example")
    body = sheets.fill(
        sheets.download(campaign, ana),
        {"account": "bruno", "right": "admin", "decision": "Keep", "reason": "Runs the close alone"},
        {"account": "david", "decision": "Reduce", "reason": "Reads two lists only", "reduce_to": "list readers"},
        {"account": "job", "decision": "Keep", "until": clock.now().date() + timedelta(days=90)},
    )
    sheets.apply(sheets.keep(campaign, ana, body), ana)
    story.submit(campaign, ana)
    closing.close(campaign_id=campaign.pk, by=story.owner)
    return build_this_year(story, tmp_path / "pack.zip")


def test_it_holds_and_names_the_file(pack):
    found = verify(pack)
    assert found.status == 0, found.text
    (act,) = table(pack, "reviews/bulk_acts.csv")
    assert (act["decision"], act["count"]) == ("sheet", "3")
    assert '"sha256"' in act["filter"]
    assert [row["bulk"] for row in table(pack, "reviews/decisions.csv")] == [act["entry"]] * 3


@pytest.mark.parametrize("column", ["count", "items_sha256", "filter"])
def test_a_changed_cell_is_found(pack, column):
    spoil.change(pack, "reviews/bulk_acts.csv", spoil.cell(2, column, "1"), forge=True)
    assert verify(pack).status != 0

"""What systems and tickets said of removals, in the pack and as its verifier follows it."""

import json

from certify.lib import clock
from ledger.actors import SYSTEM
from remediation.actions import attempts, system_reports
from remediation.models import RemediationTask
from tests.evidence.conftest import build, seal, verify
from tests.evidence.story import moment
from tests.evidence.test_pack import table


def test_a_removal_that_a_ticket_gave_back_is_open_again(story, period, tmp_path):
    task = RemediationTask.objects.filter(state__in=("open", "still_there", "returned", "sent")).first()
    with clock.freeze(moment(12, 29)):
        attempts.hand_on(task_ids=[task.pk], act=attempts.Act("To the service desk, ticket OPS-1"), by=story.owner)
        assert system_reports.claim(task_id=task.pk, note="Ticket OPS-1: Done.", link="https://desk.example/1", by=SYSTEM)
        assert not system_reports.claim(task_id=task.pk, note="Ticket OPS-1: Done.", link="https://desk.example/1", by=SYSTEM)
    checkpoint = seal(moment(12, 30))
    build(period, checkpoint, tmp_path / "claimed.zip")
    with clock.freeze(moment(12, 30, 1)):
        assert system_reports.hand_back(task_id=task.pk, note="Ticket OPS-1: In Progress.", by=SYSTEM)
        assert not system_reports.hand_back(task_id=task.pk, note="Ticket OPS-1: In Progress.", by=SYSTEM)
    build(period, seal(), tmp_path / "back.zip")
    for name, state in (("claimed", "reported_not_proved"), ("back", "open")):
        found = verify(tmp_path / f"{name}.zip")
        assert found.status == 0, found.text
        rows = {row["removal"]: row for row in table(tmp_path / f"{name}.zip", "remediation/removals.csv")}
        assert rows[str(task.pk)]["state"] == state
    changes = table(tmp_path / "back.zip", "administration/changes.csv")
    (row,) = [row for row in changes if row["kind"] == "removal:handed-back"]
    assert "In Progress" in json.dumps(row)
    assert [
        one["by"]
        for one in table(tmp_path / "back.zip", "remediation/attempts.csv")
        if one["proof_link"].endswith("desk.example/1")
    ]

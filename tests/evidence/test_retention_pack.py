"""Rules of retention and legal holds in the pack of a whole year: shown word for word, and missed when they are not."""

import json

from tests.evidence.conftest import verify
from tests.evidence.test_pack import table


def test_rules_and_holds_are_among_the_changes(honest):
    rows = [row for row in table(honest.path, "administration/changes.csv") if row["kind"].startswith(("retention:", "hold:"))]
    assert [row["kind"] for row in rows] == ["retention:rule-set", "hold:placed", "hold:placed", "hold:released"]
    rule, held, everything, released = [json.loads(row["data"]) for row in rows]
    assert (rule["kind"], rule["days"], rule["number"], rule["would_delete"]) == ("mails", "3650", 1, 0)
    assert (held["systems"], held["everything"], everything["everything"]) == (["crm"], False, True)
    assert released["placed_by"].startswith("people.user:")
    assert verify(honest.path).status == 0

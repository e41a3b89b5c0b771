"""What of a period's report stands in the report of a pack: from the pack's own tables, in English."""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from django.db import connection
from django.utils.dateparse import parse_datetime

from certify.lib import language
from certify.lib.times import rfc3339
from evidence import assurance_sections
from evidence.assurance import Figures, Said, missing
from evidence.assurance_pdf import laid_out
from evidence.assurance_sections import KINDS
from evidence.catalogue import Framework
from evidence.models import AuditPeriod, Statement
from evidence.pack.excerpts import Reader
from evidence.statements import PEOPLE
from evidence.states import Duty
from ledger.persons import particular_sql

#: Person → what they are called, of references of entries to people.
CALLED = f"SELECT reference ->> 'id', {particular_sql('reference')} FROM jsonb_array_elements(%s::jsonb) AS reference"
DUTIES, CALENDAR, STATEMENTS = "controls/duties.csv", "controls/calendar.csv", "controls/statements.csv"


def in_pack(reader: Reader, period: AuditPeriod, framework: Framework, sealed_at: datetime) -> list[dict]:
    """The scope, and what a pack says of controls and people stated under its checkpoint: in English, from its tables alone."""
    with language.recorded():
        latest = _latest(reader)
        said = Said.of(latest, _names(latest))
        figures = _figures(reader, framework, rfc3339(sealed_at))
        mode = framework.assurance
        sections = [
            assurance_sections.covers(period, ", ".join(period.systems), ", ".join(period.kinds)),
            assurance_sections.gaps(missing(mode, period, figures, said)),
            *assurance_sections.controls(mode, period, figures, said),
            *(assurance_sections.stated(kind, period, said, sealed_at.date()) for kind in KINDS[mode]),
        ]
        return [laid_out(one) for one in sections]


def _latest(reader: Reader) -> list[Statement]:
    """The last version of each statement that the pack holds."""
    found: dict[tuple[str, str], Statement] = {}
    for row in reader.first(STATEMENTS, reader.total(STATEMENTS)).dicts():
        found[row["kind"], row["number"]] = Statement(
            framework=row["framework"],
            kind=row["kind"],
            number=int(row["number"]),
            version=int(row["version"]),
            control=row["control"],
            facts=json.loads(row["facts"]),
            withdrawn=row["withdrawn"],
            by_name=row["by"],
            at=parse_datetime(row["at"]),
        )
    return sorted(found.values(), key=lambda one: (one.kind, one.number))


def _names(latest: Iterable[Statement]) -> dict[str, str]:
    """What the people are called whom they refer to, as the entries commit to it.

    Afterwards the facts refer to them as the product does, by the person alone.
    """
    references = []
    for one in latest:
        for name in PEOPLE:
            if reference := one.facts.get(name):
                references.append(reference)
                one.facts[name] = reference["id"]
    with connection.cursor() as cursor:
        cursor.execute(CALLED, [json.dumps(references)])
        return dict(cursor.fetchall())


def _figures(reader: Reader, framework: Framework, sealed_at: str) -> list[Figures]:
    """Each control of the catalogue with its runs as the calendar of the pack has them."""
    ended = reader.first("campaigns/campaigns.csv", reader.total("campaigns/campaigns.csv")).dicts()
    cancelled = {row["campaign"] for row in ended if row["state"] == "cancelled"}
    calendar = reader.first(CALENDAR, reader.total(CALENDAR)).dicts()
    expected = [row for row in calendar if row["state"] != "withdrawn"]
    came = [(_became(row, cancelled, sealed_at), set(row["controls"].split())) for row in expected]
    owners = {
        row["control"]: row["holder_name"]
        for row in reader.first(DUTIES, reader.total(DUTIES)).dicts()
        if row["duty"] == Duty.PROCESS_OWNER
    }
    mapping = reader.first("controls/mapping.csv", reader.total("controls/mapping.csv")).dicts()
    served = {row["control"] for row in mapping if row["campaign"]}
    found = []
    for control in framework.controls.values():
        reference = framework.reference(control.id)
        runs = Counter(became for became, controls in came if reference in controls)
        counts = (runs.total(), runs["in_time"], runs["late"], runs["missed"])
        found.append(Figures(control, reference, *counts, owners.get(reference, ""), "", bool(runs) or reference in served))
    return found


def _became(run: dict[str, str], cancelled: set[str], sealed_at: str) -> str:
    """What became of a run, as readiness counts it. Times of one form compare as texts."""
    if run["performed"]:
        return "late" if run["performed"] == "late" else "in_time"
    if run["state"] in ("missed", "skipped") or run["campaign"] in cancelled:
        return "missed"
    return "late" if run["due_at"] < sealed_at else "to_come"

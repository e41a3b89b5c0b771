"""The report of a period's question as a tagged PDF, and what of it stands in the report of a pack, from the pack's own tables."""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import typst
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from certify.lib import language
from certify.lib.times import rfc3339
from evidence import assurance_sections
from evidence.assurance import ISO27001, Assurance, Figures, Said, missing
from evidence.assurance_sections import KINDS, Cell, Section
from evidence.catalogue import Framework
from evidence.models import AuditPeriod, Statement
from evidence.pack.excerpts import Reader
from evidence.states import Duty

LAYOUT = Path(__file__).with_name("assurance.typ")
STANDARDS = ["a-3a", "ua-1"]
DUTIES, CALENDAR, STATEMENTS = "controls/duties.csv", "controls/calendar.csv", "controls/statements.csv"


def heading(framework: Framework) -> str:
    """The question of the report, as a title."""
    return _("Is there a managed system?") if framework.assurance == ISO27001 else _("Did the controls operate?")


def pdf(found: Assurance, sections: Iterable[Section], created: datetime, lang: str) -> bytes:
    """The report as PDF/A-3a and PDF/UA-1; `sections` are those of the page, in its language."""
    period = found.period
    days = (language.dated(day, "j F Y") for day in (period.from_on, period.to_on))
    data = {
        "title": period.name,
        "heading": heading(found.framework),
        "under": f"{found.framework.name} · {' – '.join(days)}",
        "intro": _(
            "As of {moment} UTC. Figures are computed from the records; what people stated stands under their names."
        ).format(moment=language.dated(created, "j F Y, H:i")),
        "author": "Certify",
        "lang": lang,
        "sections": [laid_out(one) for one in sections],
    }
    return typst.compile(
        LAYOUT,
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
        pdf_standards=STANDARDS,
        timestamp=int(created.timestamp()),
        ignore_system_fonts=True,
    )


def laid_out(section: Section) -> dict:
    """A section as the layout takes it."""
    rows = [[_text(cell) for cell in row] for row in section.rows]
    return {
        "heading": section.heading,
        "intro": section.intro,
        "none": section.none,
        "cut": section.cut,
        "is_records": section.is_records,
        "table": {
            "columns": section.columns,
            "right": [place in section.numbers for place in range(len(section.columns))],
            "rows": [] if section.is_records else rows,
            "cut": section.cut,
        },
        "records": [
            {"name": head.text, "under": head.under, "told": [[label, _text(cell)] for label, cell in told]}
            for head, told in (section.records if section.is_records else ())
        ],
    }


def _text(cell: Cell) -> str:
    return f"{cell.text} ({cell.under})" if cell.under else cell.text


# ---- in a pack ----


def in_pack(reader: Reader, period: AuditPeriod, framework: Framework, sealed_at: datetime) -> list[dict]:
    """What a pack says of controls and what people stated, under its checkpoint: in English, from its tables alone."""
    with language.recorded():
        said = Said.of(_latest(reader))
        figures = _figures(reader, framework, rfc3339(sealed_at))
        mode = framework.assurance
        sections = [
            assurance_sections.gaps(missing(mode, period, figures, said)),
            *assurance_sections.controls(mode, period, figures, said),
            *(assurance_sections.stated(kind, period, said, sealed_at.date()) for kind in KINDS[mode]),
        ]
        return [laid_out(one) for one in sections]


def _latest(reader: Reader) -> Iterable[Statement]:
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

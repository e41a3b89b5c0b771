"""The report of a period's question as a tagged PDF (PDF/A-3a and PDF/UA-1) made by Typst, in the language of the page."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from django.utils.translation import gettext as _

from certify.lib import language
from evidence.assurance import ISO27001, Assurance
from evidence.assurance_sections import Cell, Section
from evidence.catalogue import Framework
from evidence.pack import typeface

LAYOUT = Path(__file__).parent / "pack" / "assurance.typ"
STANDARDS = ["a-3a", "ua-1"]


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
        "lacking": _("Letters that the typefaces of this document lack are shown as […]; the page has them."),
        "lang": lang,
        "sections": [laid_out(one) for one in sections],
    }
    return typeface.document(LAYOUT, data, int(created.timestamp()), STANDARDS)


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

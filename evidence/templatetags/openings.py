"""What auditors opened, in words."""

from django import template
from django.utils.translation import gettext as _

from ledger.models import Entry

register = template.Library()


@register.filter
def opened(entry: Entry) -> str:
    """What an entry says that somebody opened or took away."""
    if entry.kind == "pack:downloaded":
        return _("Downloaded a pack")
    if entry.kind == "sample:downloaded":
        return _("Downloaded the pack of sample {number}").format(number=entry.payload_json["data"]["sample"])
    page, _colon, rest = entry.payload_json["data"]["page"].partition(":")
    number, _slash, row = rest.partition("/")
    words = {
        "readiness": _("Opened the readiness"),
        "report": _("Opened the report"),
        "report-pdf": _("Downloaded the report"),
        "samples": _("Opened the samples"),
        "sample": _("Opened sample {number}, row {row}") if row else _("Opened sample {number}"),
        "requests": _("Opened the requests"),
        "request": _("Opened request {number}"),
        "reperformance": _("Opened the re-performance of review {number}"),
    }
    return words.get(page, _("Opened the period")).format(number=number, row=row)

"""What the workbook and the report count from tables of the pack."""

from evidence.pack.excerpts import Excerpt, Reader

CALENDAR = "controls/calendar.csv"
#: What became of a run, in the order in which it is shown; `open` is what is none of the others yet.
BECAME = ("in_time", "late", "missed", "skipped", "held", "withdrawn", "earlier_period")
#: Kinds of entries that change what a review asks, of whom, how often, or who may say so; as patterns.
RULES = ("definition:%", "user:%", "group:%", "framework:%", "period:created", "period:changed")


def performance(reader: Reader) -> Excerpt:
    """Expected against performed: for each definition how many runs were expected, and what became of them."""
    counts: dict[str, dict[str, int]] = {}
    for run in reader.first(CALENDAR, reader.total(CALENDAR)).dicts():
        found = counts.setdefault(run["name"], dict.fromkeys(("expected", *BECAME, "open"), 0))
        found["expected"] += 1
        became = run["performed"] or run["state"]
        found[became if became in BECAME else "open"] += 1
    rows = [[name, *map(str, found.values())] for name, found in sorted(counts.items())]
    return Excerpt(CALENDAR, ("name", "expected", *BECAME, "open"), rows, len(rows))


def changes_of_rules(reader: Reader, limit: int) -> Excerpt:
    """The entries that changed definitions, people and their roles, the last first."""
    return reader.where("administration/changes.csv", "kind", RULES, limit, '"at" DESC, "entry"')


def leavers_not_in_time(reader: Reader, limit: int) -> Excerpt:
    """Accounts of leavers that were late, are still there, or of which nobody can say."""
    return reader.where(
        "lifecycle/leavers.csv", "verdict", ("still_there", "late", "cannot_say"), limit, '"verdict" DESC, "left_on"'
    )

"""The pack's report: what its tables say, on a few pages for people, as a tagged PDF (PDF/A-3a and PDF/UA-1) made by Typst.

The words and figures come from the tables of the pack; the layout is `report.typ`, which gets them as JSON, so that no text of the
data can be taken for markup.
"""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from evidence.pack import summaries, typeface
from evidence.pack.excerpts import Excerpt, Reader

LAYOUT = Path(__file__).with_name("report.typ")
STANDARDS = ["a-3a", "ua-1"]
#: Rows of a table on these pages; the CSV files have all.
ROWS = 100
OUTCOMES = {"approved": "kept", "revoked": "to be removed", "reduced": "to be reduced", "not_reviewed": "not reviewed"}
REMOVAL_STATES = {
    "verified_gone": "verified gone",
    "reported_not_proved": "reported done, not proved",
    "still_there": "still there",
    "returned": "gone and back again",
    "closed_on_proof": "closed on somebody's proof",
    "excepted": "accepted as a risk",
    "kept_after_objection": "kept after an objection",
    "announced": "announced to the person",
    "sent": "handed on",
    "open": "open",
    "not_opened": "not begun",
}
LEFT = {
    "late": "left, and access of theirs was gone too late",
    "still_there": "left, and access of theirs is still there",
    "cannot_say": "left, and readings cannot say whether their access was gone in time",
}
RUN_STATES = {"in_time": "performed in time", "late": "performed late", "earlier_period": "performed in an earlier period"}
Table = dict


def write(reader: Reader, about: dict, assured: list[dict], created: datetime) -> bytes:
    """The PDF. `about` is {title, framework, from, to, origin, key, size, root}, `assured` are the sections about the question of the
    period's framework; the same input gives the same bytes.
    """
    facts, at = about | _facts(reader) | {"assurance": assured}, int(created.timestamp())
    return typeface.document(LAYOUT, facts, at, STANDARDS)


def _facts(reader: Reader) -> dict:
    campaigns = reader.first("campaigns/campaigns.csv", reader.total("campaigns/campaigns.csv"))
    outcomes = {code: sum(int(one[code] or 0) for one in campaigns.dicts()) for code in OUTCOMES}
    findings = _findings(reader)
    removals = dict.fromkeys(REMOVAL_STATES, 0)
    for (state,), count in reader.tally("remediation/removals.csv", "state").items():
        removals[state] = removals.get(state, 0) + count
    return {
        "campaigns_total": campaigns.total,
        "closed": sum(one["state"] == "closed" for one in campaigns.dicts()),
        "outcomes": [{"label": label, "count": outcomes[code]} for code, label in OUTCOMES.items()],
        "removals": [{"label": _removal(state), "count": count} for state, count in removals.items()],
        "balance": _table(reader.first("population/balance.csv", ROWS), BALANCE),
        "runs": _runs(reader.first("controls/calendar.csv", ROWS)),
        "campaigns": _table(campaigns, CAMPAIGNS),
        "reviewers": _table(reader.first("reviews/reviewers.csv", ROWS), REVIEWERS),
        "findings": _table(findings, FINDINGS),
        "performed": _table(summaries.performance(reader), PERFORMED),
        "figures": _table(reader.first("remediation/figures.csv", ROWS), FIGURES),
        "leaving": reader.first("lifecycle/balance.csv", 1).dicts()[0],
        "leavers": _table(summaries.leavers_not_in_time(reader, ROWS), LEAVERS),
        "independence": _table(reader.first("reviews/independence.csv", ROWS), INDEPENDENCE),
        "quality": _table(reader.first("reviews/quality.csv", ROWS), QUALITY),
        "roles": _table(reader.first("administration/roles.csv", ROWS), ROLES),
        "changes": _table(summaries.changes_of_rules(reader, ROWS), CHANGES),
        "controls": _table(reader.first("controls/mapping.csv", ROWS), CONTROLS),
        "deviations": _deviations(reader, campaigns, removals, findings.total),
    }


#: What the tables of the report show: heading → column of the pack's table; an asterisk: a number.
BALANCE = {
    "Review": "campaign", "System": "source", "Reading": "*snapshot", "Rights": "*grants_open", "Asked about": "*items",
    "Left out": "*excluded", "Kept": "*approved", "Removed": "*revoked", "Reduced": "*reduced", "Not reviewed": "*not_reviewed",
}  # fmt: skip
CAMPAIGNS = {"No.": "campaign", "Review": "name", "State": "state", "Opened": "opened_at", "Due": "due_at", "Ended": "ended_at",
             "By": "ended_by", "Items": "*items"}  # fmt: skip
REVIEWERS = {"Review": "campaign", "Reviewer": "reviewer_name", "Stage": "*stage", "Items": "*items_assigned",
             "Decisions": "*decisions", "In bulk": "*by_bulk", "First": "first_decision_at", "Last": "last_decision_at"}  # fmt: skip
FINDINGS = {"Review": "campaign", "Reviewer": "reviewer_name", "Measure": "measure", "Found": "*value", "Limit": "*threshold",
            "What was made of it": "choice", "Why": "reason"}  # fmt: skip
PERFORMED = {"Review": "name", "Expected": "*expected", "In time": "*in_time", "Late": "*late", "Missed": "*missed",
             "Skipped": "*skipped", "Held": "*held", "Withdrawn": "*withdrawn", "Earlier": "*earlier_period", "Open": "*open"}  # fmt: skip
FIGURES = {"Review": "campaign", "Decided": "*decided", "Proved gone": "*verified", "of them late": "*verified_late",
           "Still there": "*still_there", "Came back": "*came_back", "Accepted": "*excepted", "Not proved": "*cannot_verify",
           "On proof": "*closed_on_proof", "To do": "*to_do", "Median minutes": "*median_minutes"}  # fmt: skip
LEAVERS = {"Person": "identity_name", "Id": "identity_id", "Left": "left_on", "Due": "due_on", "System": "source",
           "Account": "account_id", "Verdict": "verdict", "Days late, at least": "*late_at_least", "at most": "*late_at_most",
           "Why": "why"}  # fmt: skip
INDEPENDENCE = {"Review": "campaign", "Reviewer": "reviewer_name", "Decisions": "*decisions", "Own access": "*own",
                "Own reports": "*manages", "As a deputy": "*delegated", "Had granted it": "*granted",
                "Reports to them": "*reports_to"}  # fmt: skip
QUALITY = {"Review": "campaign", "Reviewer": "reviewer_name", "Decisions": "*decided", "Median s": "*median_seconds",
           "Under 3 s, %": "*under_3_seconds", "Bulk, %": "*bulk", "In a row": "*streak", "Kept, %": "*approved",
           "With reason, %": "*with_reason", "Against advice, %": "*against_advice", "Beyond limits": "beyond"}  # fmt: skip
ROLES = {"Person": "name", "Id": "person", "Role": "role", "Can change": "changes", "From": "from", "Until": "until",
         "Given by": "given_by", "Taken by": "taken_by"}  # fmt: skip
CHANGES = {"When": "at", "What": "kind", "About": "subject", "By": "by"}
CONTROLS = {"Control": "control", "Asks for": "asks_for", "Review": "campaign_name"}


def _table(found: Excerpt, shown: dict[str, str]) -> Table:
    """{columns, right, rows, cut}: texts in the order of `shown`; `cut` says what is left out."""
    rows = [[_named(column, row) for column in shown.values()] for row in found.dicts()[:ROWS]]
    return {
        "columns": list(shown),
        "right": [column.startswith("*") for column in shown.values()],
        "rows": rows,
        "cut": f"The first {len(rows):,} of {found.total:,} rows; all are in {found.path}." if found.total > len(rows) else "",
    }


def _named(column: str, row: dict[str, str]) -> str:
    """A cell; a name knows the id that stands beside it."""
    text, beside = _text(column, row[column.lstrip("*")]), column.removesuffix("_name")
    return typeface.Named(text, row[beside]) if beside != column and beside in row else text


def _text(column: str, cell: str) -> str:
    """A cell as the report shows it: numbers in groups of three, moments to the minute, codes in words."""
    if column.startswith("*"):
        return f"{float(cell):,.10g}" if cell else "–"
    if (column.endswith("_at") or column in ("at", "from", "until")) and cell:
        return cell[:16].replace("T", " ")
    return (
        cell.replace("_", " ") if column in ("measure", "choice", "state", "beyond", "verdict", "why", "role") else cell
    ) or "–"


def _removal(state: str) -> str:
    return REMOVAL_STATES.get(state, state.replace("_", " "))


def _runs(found: Excerpt) -> Table:
    shown = {"Review": "name", "Run": "label", "Due": "due_on", "What became of it": "became", "Why": "reason"}
    rows = [row | {"became": _became(row)} for row in found.dicts()]
    return _table(
        Excerpt(found.path, tuple(shown.values()), [[row[name] for name in shown.values()] for row in rows], found.total), shown
    )


def _findings(reader: Reader) -> Excerpt:
    """What was found of each reviewer, with what was made of it."""
    every = reader.first("reviews/findings.csv", reader.total("reviews/findings.csv"))
    judged = {row["finding"]: row for row in every.dicts() if row["finding"]}
    rows = []
    for row in every.dicts():
        if not row["finding"]:
            later = judged.get(row["entry"], {"choice": "", "reason": ""})
            rows.append([(row | {name: later[name] for name in ("choice", "reason")})[name] for name in every.columns])
    return Excerpt(every.path, every.columns, rows, len(rows))


def _became(run: dict[str, str]) -> str:
    return RUN_STATES.get(run["performed"], run["performed"]) or run["state"]


def _deviations(reader: Reader, campaigns: Excerpt, removals: dict[str, int], findings: int) -> list[str]:
    """What an auditor asks about, a sentence each, with the table that has the rows."""
    return [
        *_late_runs(reader),
        *_unreviewed(campaigns.dicts()),
        *_unproved(removals),
        *_left(reader),
        *_counted(reader.total("population/rejected_rows.csv"), "row of the systems' files", "rows of the systems' files",
                  "could not be read (population/rejected_rows.csv)"),
        *_counted(findings, "time", "times", "a reviewer worked beyond the limits (reviews/findings.csv)"),
    ]  # fmt: skip


def _late_runs(reader: Reader) -> Iterable[str]:
    found = reader.first("controls/calendar.csv", reader.total("controls/calendar.csv"))
    duties = reader.first("controls/duties.csv", reader.total("controls/duties.csv")).dicts()
    for run in found.dicts():
        if run["performed"] == "late" or run["state"] in ("missed", "skipped", "held"):
            why = f" {run['reason']}" if run["reason"] else ""
            yield f"“{run['name']}”, {run['label']}, due {run['due_on']}: {_became(run)}.{why}{_answering(duties, run)}"


def _answering(duties: list[dict[str, str]], run: dict[str, str]) -> str:
    """Who answered on the due day for the controls of a run, in a sentence that begins with a space; "" where nobody did."""
    told = []
    for control in run["controls"].split():
        on_time = [row for row in duties if row["control"] == control and row["at"][:10] <= run["due_on"]]
        held = {row["duty"]: row["holder_name"] for row in on_time}
        people = [f"{duty.replace('_', ' ')} {name}" for duty, name in held.items() if name]
        if people:
            told.append(f"{control}: {', '.join(people)}")
    return f" Answering then for {'; '.join(told)}." if told else ""


def _unreviewed(campaigns: list[dict[str, str]]) -> Iterable[str]:
    for one in campaigns:
        if int(one["not_reviewed"] or 0):
            yield f"“{one['name']}”: {int(one['not_reviewed']):,} of {int(one['items']):,} items were not reviewed."
        if one["state"] == "cancelled":
            yield f"“{one['name']}” was cancelled: {one['reason']}"


def _unproved(removals: dict[str, int]) -> Iterable[str]:
    for state, count in removals.items():
        if state != "verified_gone":
            yield from _counted(
                count, "removal is", "removals are", f"not proved: {_removal(state)} (remediation/removals.csv)"
            )


def _left(reader: Reader) -> Iterable[str]:
    (found,) = reader.first("lifecycle/balance.csv", 1).dicts()
    for column, words in LEFT.items():
        yield from _counted(int(found[column]), "person", "people", f"{words} (lifecycle/leavers.csv)")


def _counted(count: int, one: str, many: str, words: str) -> Iterable[str]:
    if count:
        yield f"{count:,} {one if count == 1 else many} {words}."

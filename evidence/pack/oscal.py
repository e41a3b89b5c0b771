"""The pack as OSCAL assessment results in JSON: https://pages.nist.gov/OSCAL/, version 1.1.2.

What the tables observe, for tools that read OSCAL: one observation for each review, for each expected run that deviated and for each
nonconformity that people stated, with the figures as properties and links to the tables that have the rows. It draws no conclusions:
whether a control is satisfied is the auditor's word, so there are no findings in it.
"""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from certify.lib.times import rfc3339
from evidence.pack.excerpts import Reader
from evidence.states import StatementKind

VERSION = "1.1.2"
PATH = "oscal/assessment-results.json"
#: Properties that OSCAL does not name itself are Certify's.
NAMESPACE = "urn:certify:oscal"
#: A tool that wants rows takes them from the tables.
RUNS = 1_000
FIGURES = ("items", "excluded", "approved", "revoked", "reduced", "not_reviewed")
REMOVALS = ("decided", "verified", "verified_late", "still_there", "came_back", "excepted", "cannot_verify", "to_do")
#: What the observations of a kind rest on.
REVIEWED = (
    "campaigns/campaigns.csv",
    "reviews/items.csv",
    "reviews/decisions.csv",
    "population/balance.csv",
    "remediation/removals.csv",
)
EXPECTED = ("controls/calendar.csv",)
STATED = ("controls/statements.csv",)


def token(reference: str) -> str:
    """A reference such as hipaa:164.308(a)(3) as an OSCAL token: letters, digits, `.`, `-` and `_`, not beginning with a digit."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", reference).strip("-")
    return plain if plain[:1].isalpha() or plain[:1] == "_" else f"_{plain}"


def write(reader: Reader, about: dict, files: dict[str, dict], created: datetime) -> bytes:
    """The document. `about` is as for the report, `files` has the SHA-256 of what is in the pack already; the same input gives the
    same bytes.
    """
    space = uuid5(NAMESPACE_URL, f"{about['origin']}#{about['size']}:{about['root']}:{about['title']}")
    resources = {path: str(uuid5(space, path)) for path in sorted({*REVIEWED, *EXPECTED, *STATED, "ledger/entries.jsonl"})}
    result = {
        "uuid": str(uuid5(space, "result")),
        "title": _line(f"Access reviews under {about['framework']}"),
        "description": "What the reviews of access in this period asked, decided and removed. The tables of the pack have the rows; "
        "verify.py checks them against the log.",
        "start": f"{about['from']}T00:00:00Z",
        "end": f"{about['to']}T23:59:59Z",
        "props": list(_props({"log-origin": about["origin"], "log-size": about["size"], "log-root": about["root"]})),
        "reviewed-controls": {"control-selections": [_selection(reader)]},
    }
    if observations := [
        *_reviews(reader, space, resources, rfc3339(created)),
        *_runs(reader, space, resources, rfc3339(created)),
        *_nonconformities(reader, space, resources),
    ]:
        result["observations"] = observations
    document = {
        "uuid": str(uuid5(space, "document")),
        "metadata": {
            "title": _line(f"Evidence pack “{about['title']}”"),
            "last-modified": rfc3339(created),
            "version": f"sealed at {about['size']} entries",
            "oscal-version": VERSION,
        },
        "import-ap": {
            "href": "../README.md",
            "remarks": "There is no assessment plan in OSCAL; README.md says what is in the pack.",
        },
        "results": [result],
        "back-matter": {"resources": [_resource(path, key, files) for path, key in resources.items()]},
    }
    return json.dumps({"assessment-results": document}, indent=1, ensure_ascii=False).encode() + b"\n"


def _line(text: str) -> str:
    return " ".join(text.split())


def _props(values: dict) -> Iterator[dict]:
    for name, value in values.items():
        if value != "":
            yield {"name": name.replace("_", "-"), "ns": NAMESPACE, "value": _line(str(value))}


def _selection(reader: Reader) -> dict:
    """The controls that a review of the pack serves."""
    mapping = reader.first("controls/mapping.csv", reader.total("controls/mapping.csv")).dicts()
    served = list(dict.fromkeys(row["control"] for row in mapping if row["campaign"]))
    if not served:
        return {
            "description": "No review of this period serves a control of the framework.",
            "include-controls": [{"control-id": "none"}],
        }
    props = [{"name": "reference", "ns": NAMESPACE, "value": one, "class": token(one)} for one in served]
    return {"props": props, "include-controls": [{"control-id": token(one)} for one in served]}


def _evidence(paths: Iterable[str], resources: dict[str, str]) -> list[dict]:
    return [{"href": f"#{resources[path]}", "description": path} for path in paths]


def _reviews(reader: Reader, space: UUID, resources: dict[str, str], sealed_at: str) -> Iterator[dict]:
    """One observation for each review: its figures, and what became of its removals."""
    every = reader.first("campaigns/campaigns.csv", reader.total("campaigns/campaigns.csv")).dicts()
    figures = reader.first("remediation/figures.csv", reader.total("remediation/figures.csv")).dicts()
    removals = {row["campaign"]: row for row in figures}
    for one in every:
        numbers = {name: one[name] for name in FIGURES} | {
            f"removals_{name}": removals[one["campaign"]][name] for name in REMOVALS if one["campaign"] in removals
        }
        controls = [{"name": "control", "ns": NAMESPACE, "value": control} for control in one["controls"].split()]
        yield {
            "uuid": str(uuid5(space, f"campaign {one['campaign']}")),
            "title": _line(f"Review “{one['name']}”"),
            "description": f"Opened {one['opened_at']}, {one['state']}{' ' + one['ended_at'] if one['ended_at'] else ''}. "
            "What nobody answered counts as not reviewed.",
            "props": [*_props({name: one[name] for name in ("campaign", "state", "launch_entry")} | numbers), *controls],
            "methods": ["EXAMINE"],
            "types": ["control-objective"],
            "relevant-evidence": _evidence(REVIEWED, resources),
            "collected": one["ended_at"] or sealed_at,
        }  # fmt: skip


def _runs(reader: Reader, space: UUID, resources: dict[str, str], sealed_at: str) -> Iterator[dict]:
    """One observation for each expected run that was not performed in time."""
    calendar = reader.first("controls/calendar.csv", reader.total("controls/calendar.csv")).dicts()
    deviating = [
        run for run in calendar if run["performed"] not in ("in_time", "earlier_period", "") or run["state"] == "missed"
    ]
    for run in deviating[:RUNS]:
        observation = {
            "uuid": str(uuid5(space, f"run {run['occurrence']}")),
            "title": _line(f"Run “{run['label']}” of “{run['name']}”"),
            "description": f"Due {run['due_on']}: {run['performed'].replace('_', ' ') or run['state']}. {run['reason']}".strip(),
            "props": list(_props({name: run[name] for name in ("occurrence", "state", "performed", "due_on", "campaign")})),
            "methods": ["EXAMINE"],
            "types": ["finding"],
            "relevant-evidence": _evidence(EXPECTED, resources),
            "collected": sealed_at,
        }
        if len(deviating) > RUNS:
            observation["remarks"] = (
                f"One of the first {RUNS:,} of {len(deviating):,} such runs; all are in controls/calendar.csv."
            )
        yield observation


def _nonconformities(reader: Reader, space: UUID, resources: dict[str, str]) -> Iterator[dict]:
    """One observation for each nonconformity that holds, as it was stated last."""
    stated = reader.first(STATED[0], reader.total(STATED[0])).dicts()
    latest = {row["number"]: row for row in stated if row["kind"] == StatementKind.NONCONFORMITY}
    holding = [row for row in latest.values() if not row["withdrawn"]]
    for row in holding[:RUNS]:
        facts = json.loads(row["facts"])
        told = {name: facts.get(name, "") for name in ("deviation", "found_on", "due_on", "done_on", "effective")}
        controls = [{"name": "control", "ns": NAMESPACE, "value": control} for control in facts["controls"]]
        observation = {
            "uuid": str(uuid5(space, f"nonconformity {row['number']}")),
            "title": _line(f"Nonconformity {row['number']}: {facts['title']}"),
            "description": " ".join(_line(facts[name]) for name in ("title", "cause", "correction", "action") if facts[name]),
            "props": [*_props({name: row[name] for name in ("number", "version", "entry")} | told), *controls],
            "methods": ["EXAMINE"],
            "types": ["finding"],
            "relevant-evidence": _evidence(STATED, resources),
            "collected": row["at"],
        }
        if len(holding) > RUNS:
            observation["remarks"] = f"One of the first {RUNS:,} of {len(holding):,}; all are in controls/statements.csv."
        yield observation


def _resource(path: str, key: str, files: dict[str, dict]) -> dict:
    hashes = [{"algorithm": "SHA-256", "value": files[path]["sha256"]}]
    return {"uuid": key, "title": path, "rlinks": [{"href": f"../{path}", "hashes": hashes}]}

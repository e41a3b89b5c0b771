"""From a scope document to SQL: the CASE that names the first rule leaving a grant out.

The query it stands in has `granted`, `source`, `account`, `entitlement`, `identity` (or NULLs) and `first_seen` (the snapshot).
Whatever needs other tables comes as joins that never multiply rows, so that a simple scope adds nothing to the plan.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from campaigns.scope.conditions import BY_NAME, LISTED, TEXT, like
from campaigns.sod_sql import unresolved

#: Somebody who is not there any more, as the signal `left` says it.
LEFT = "(identity.status = 'inactive' OR identity.gone_in_id IS NOT NULL OR COALESCE(identity.end_on < %(scope_today)s, FALSE))"

#: Field → the text that one of the values must be.
TEXTS = {
    "orphan": "CASE WHEN identity.id IS NULL THEN 'yes' ELSE 'no' END",
    "person": "identity.key",
    "kind": "identity.kind",
    "status": "CASE WHEN identity.gone_in_id IS NOT NULL THEN 'inactive' ELSE identity.status END",
    "left": f"CASE WHEN {LEFT} THEN 'yes' ELSE 'no' END",
    "end_passed": "CASE WHEN identity.end_on < %(scope_today)s THEN 'yes' ELSE 'no' END",
    "department": "identity.department",
    "title": "identity.title",
    "location": "identity.location",
    "entitlement": "entitlement.key",
    "entitlement_kind": "entitlement.kind",
    "privileged": "entitlement.privileged",
}
#: Field → the time that must lie within so many days, or (unused) longer ago.
TIMES = {"granted_within": "granted.granted_at", "unused": "granted.last_used_at", "first_seen_within": "first_seen.loaded_at"}

BELOW = """
    LEFT JOIN (
        WITH RECURSIVE reports (id) AS (
            SELECT report.id FROM inventory_identity AS report JOIN inventory_identity AS boss ON boss.id = report.manager_id
            WHERE boss.key = ANY(%({name})s::text[])
            UNION
            SELECT report.id FROM reports JOIN inventory_identity AS report ON report.manager_id = reports.id
        ) SELECT id FROM reports
    ) AS {name} ON {name}.id = identity.id
"""
#: What somebody answered for in a campaign that closed since: the same grant, unless it ended and began again.
ANSWERED = """
    LEFT JOIN (
        SELECT DISTINCT was.account_id, was.entitlement_id, was.path, was.first_seen_id
        FROM campaigns_campaign AS campaign JOIN campaigns_reviewitem AS item ON item.campaign_id = campaign.id
        JOIN inventory_grant AS was ON was.id = item.grant_id
        WHERE campaign.state = 'closed' AND campaign.closed_at >= %({name}_since)s AND item.outcome NOT IN ('', 'not_reviewed')
    ) AS {name} ON {name}.account_id = granted.account_id AND {name}.entitlement_id = granted.entitlement_id
        AND {name}.path = granted.path AND {name}.first_seen_id = granted.first_seen_id
"""
#: What nobody answered or knew in these campaigns: the same grant, unless it ended and began again.
SILENT = """
    LEFT JOIN (
        SELECT DISTINCT was.account_id, was.entitlement_id, was.path, was.first_seen_id
        FROM campaigns_reviewitem AS item JOIN inventory_grant AS was ON was.id = item.grant_id
        JOIN campaigns_stageresult AS ended ON ended.campaign_id = item.campaign_id AND ended.item_id = item.id
        WHERE item.campaign_id = ANY(%({name})s::bigint[]) AND item.outcome = 'not_reviewed'
          AND ended.result IN ('no_response', 'not_decided')
    ) AS {name} ON {name}.account_id = granted.account_id AND {name}.entitlement_id = granted.entitlement_id
        AND {name}.path = granted.path AND {name}.first_seen_id = granted.first_seen_id
"""
BASELINE = """
    LEFT JOIN unnest(%(baseline_sources)s::bigint[], %(baseline_snapshots)s::bigint[])
        AS baseline (source_id, snapshot_id) ON baseline.source_id = granted.source_id
"""
#: Grants that say something else than at the baseline. A later use is no change.
ALTERED = """
    LEFT JOIN (
        SELECT DISTINCT present.id
        FROM unnest(%(baseline_sources)s::bigint[], %(baseline_snapshots)s::bigint[]) AS base (source_id, snapshot_id)
        JOIN inventory_grant AS present ON present.source_id = base.source_id AND present.opened_in_id > base.snapshot_id
        JOIN inventory_grant AS was ON was.source_id = base.source_id AND was.opened_in_id <= base.snapshot_id
            AND was.closed_in_id > base.snapshot_id AND was.account_id = present.account_id
            AND was.entitlement_id = present.entitlement_id AND was.path = present.path
        WHERE (was.granted_at, was.granted_by, was.expires_at)
            IS DISTINCT FROM (present.granted_at, present.granted_by, present.expires_at)
    ) AS altered ON altered.id = granted.id
"""
#: Grants of which the review at the baseline has no answer: silence, "I don't know", or left out for another reason.
UNANSWERED = """
    LEFT JOIN (
        SELECT DISTINCT was.account_id, was.entitlement_id, was.path
        FROM unnest(%(baseline_sources)s::bigint[], %(baseline_campaigns)s::bigint[]) AS base (source_id, campaign_id)
        JOIN (
            SELECT campaign_id, grant_id FROM campaigns_reviewitem
            WHERE campaign_id = ANY(%(baseline_campaigns)s::bigint[]) AND outcome = 'not_reviewed'
            UNION ALL
            SELECT campaign_id, grant_id FROM campaigns_exclusion
            WHERE campaign_id = ANY(%(baseline_campaigns)s::bigint[]) AND rule <> 'unchanged'
        ) AS missed ON missed.campaign_id = base.campaign_id
        JOIN inventory_grant AS was ON was.id = missed.grant_id AND was.source_id = base.source_id
    ) AS unanswered ON unanswered.account_id = granted.account_id AND unanswered.entitlement_id = granted.entitlement_id
        AND unanswered.path = granted.path
"""
CHANGED = (
    "(baseline.snapshot_id IS NULL OR granted.first_seen_id > baseline.snapshot_id OR altered.id IS NOT NULL"
    " OR unanswered.account_id IS NOT NULL)"
)


@dataclass(frozen=True)
class Baseline:
    """The review of a source that a delta is counted from."""

    snapshot: int
    campaign: int


@dataclass(frozen=True)
class Covered:
    """What one standing exclusion leaves out: ids of identities, accounts and entitlements."""

    code: str
    identities: list[int] = field(default_factory=list)
    accounts: list[int] = field(default_factory=list)
    entitlements: list[int] = field(default_factory=list)


@dataclass
class Compiled:
    """`case` is NULL for a grant that is asked about, else the code of the first rule that leaves it out."""

    now: datetime
    case: str = "NULL::text"
    joins: list[str] = field(default_factory=list)
    values: dict = field(default_factory=dict)

    def value(self, value: object) -> str:
        """A name for the value in the query."""
        name = f"scope_{len(self.values)}"
        self.values[name] = value
        return name

    def join(self, *joins: str) -> None:
        """Add joins that are not there yet."""
        self.joins += [one for one in joins if one not in self.joins]


def _listed(found: Compiled, condition: dict) -> str:
    """Whether one of the values fits; patterns are told from plain texts, which the database compares faster."""
    text, values = TEXTS[condition["field"]], condition["any"]
    if BY_NAME[condition["field"]].shape != TEXT or not any("*" in value or "\\" in value for value in values):
        return f"{text} = ANY(%({found.value(values)})s::text[])"
    return f"{text} LIKE ANY(%({found.value([like(value) for value in values])})s::text[])"


def _ends_within(found: Compiled, condition: dict) -> str:
    last = found.value(found.now.date() + timedelta(days=condition["days"]))
    return f"COALESCE(identity.end_on BETWEEN %(scope_today)s AND %({last})s, FALSE)"


def _time(found: Compiled, condition: dict) -> str:
    column, unknown = TIMES[condition["field"]], "TRUE" if condition.get("unknown") else "FALSE"
    sense = "<" if condition["field"] == "unused" else ">="
    return f"COALESCE({column} {sense} %({found.value(_ago(found, condition))})s, {unknown})"


def _ago(found: Compiled, condition: dict) -> datetime:
    return found.now - timedelta(days=condition["days"])


def _below(found: Compiled, condition: dict) -> str:
    name = found.value(condition["any"])
    found.join(BELOW.format(name=name))
    return f"{name}.id IS NOT NULL"


def _not_reviewed(found: Compiled, condition: dict) -> str:
    name = f"answered_{condition['days']}"
    found.values[f"{name}_since"] = _ago(found, condition)
    found.join(ANSWERED.format(name=name))
    return f"{name}.account_id IS NULL"


def _changed(found: Compiled, condition: dict) -> str:
    found.join(BASELINE, ALTERED, UNANSWERED)
    return CHANGED


def _silent_in(found: Compiled, condition: dict) -> str:
    name = found.value(condition["any"])
    found.join(SILENT.format(name=name))
    return f"{name}.account_id IS NOT NULL"


def _sod(found: Compiled, condition: dict) -> str:
    found.join(unresolved("conflicting", "scope_today"))
    return "conflicting.grant_id IS NOT NULL"


def _tag(found: Compiled, condition: dict) -> str:
    """Whether one of the right's tags fits; a right without tags has the empty one."""
    values = [value.lower() for value in condition["any"]]
    tags = "CASE WHEN entitlement.tags = '{}' THEN ARRAY[''] ELSE entitlement.tags END"
    if not any("*" in value or "\\" in value for value in values):
        return f"{tags} && %({found.value(values)})s::text[]"
    patterns = found.value([like(value) for value in values])
    return f"EXISTS (SELECT FROM unnest({tags}) AS tag WHERE tag LIKE ANY(%({patterns})s::text[]))"


def _source(found: Compiled, condition: dict) -> str:
    return f"granted.source_id = ANY(%({found.value(condition['any'])})s::bigint[])"


SPECIAL = {
    "source": _source,
    "tag": _tag,
    "sod": _sod,
    "below": _below,
    "ends_within": _ends_within,
    "not_reviewed": _not_reviewed,
    "changed": _changed,
    "silent_in": _silent_in,
    **dict.fromkeys(TIMES, _time),
}


def _holds(found: Compiled, condition: dict) -> str:
    """The condition as SQL that is never NULL where there is a holder, or where it is not about the holder."""
    special = SPECIAL.get(condition["field"])
    if special is None and BY_NAME[condition["field"]].shape in LISTED:
        special = _listed
    return special(found, condition)


def _wanting(found: Compiled, condition: dict) -> str:
    """When an include condition leaves a grant out. Nothing is held against an account without a known person."""
    missing = f"NOT ({_holds(found, condition)})"
    return f"identity.id IS NOT NULL AND {missing}" if BY_NAME[condition["field"]].is_of_holder else missing


def _fits(found: Compiled, rule: dict) -> str:
    """When an exclude rule leaves a grant out: all it says must be known to hold."""
    parts = [_holds(found, one) for one in rule["when"]]
    if any(BY_NAME[one["field"]].is_of_holder for one in rule["when"]):
        parts.insert(0, "identity.id IS NOT NULL")
    return " AND ".join(parts)


def _stands_out(found: Compiled, covered: Covered) -> str:
    columns = {"granted.account_id": covered.accounts, "granted.entitlement_id": covered.entitlements}
    parts = (
        [f"COALESCE(identity.id = ANY(%({found.value(covered.identities)})s::bigint[]), FALSE)"] if covered.identities else []
    )
    parts += [f"{column} = ANY(%({found.value(ids)})s::bigint[])" for column, ids in columns.items() if ids]
    return " OR ".join(parts) or "FALSE"


def compiled(
    document: dict, now: datetime, *, baselines: dict[int, Baseline] | None = None, standing: list[Covered] | None = None
) -> Compiled:
    """The SQL of a document in canonical order. `baselines` (source id → review) matter to a delta only."""
    found = Compiled(now, values={"scope_today": now.date()})
    baselines = baselines or {}
    whens = [(_wanting(found, one), BY_NAME[one["field"]].code) for one in document["include"]]
    whens += [(_fits(found, rule), rule["code"]) for rule in document["exclude"]]
    whens += [(_stands_out(found, one), one.code) for one in standing or []]
    if BASELINE in found.joins:
        found.values |= {
            "baseline_sources": list(baselines),
            "baseline_snapshots": [one.snapshot for one in baselines.values()],
            "baseline_campaigns": [one.campaign for one in baselines.values()],
        }
    if whens:
        branches = [f"WHEN {condition} THEN %({found.value(code)})s::text" for condition, code in whens]
        found.case = f"CASE {' '.join(branches)} END"
    return found

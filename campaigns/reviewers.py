"""Who is asked, as SQL: chains of rules over a query that has `granted`, `identity`, `entitlement` and `source`.

Used alike for the population of a launch and for the items that reach a later stage. A rule fits when the person it names is
known, still there, able to sign in, not the person reviewed and independent of them (`INDEPENDENCE`).
"""

from dataclasses import dataclass, field

from django.db import connection

from campaigns import stages
from campaigns.states import ReviewerRule

NON_HUMAN = "('service', 'workload', 'agent')"
#: Levels that a search for a manager climbs past people who have left.
MAX_LEVELS = 20

AVAILABLE = "{0}.gone_in_id IS NULL AND {0}.status <> 'inactive' AND COALESCE({0}_user.is_active, TRUE)"

#: The nearest manager of each identity who is there: one row per identity that has one; `steps` is 1 for the direct manager.
LINE = f"""
    CREATE TEMP TABLE reviewing_line ON COMMIT DROP AS
    WITH RECURSIVE up (identity_id, at_id, steps) AS (
        SELECT id, CASE WHEN kind IN {NON_HUMAN} THEN COALESCE(owner_id, manager_id) ELSE manager_id END, 1 FROM inventory_identity
        UNION ALL
        SELECT up.identity_id, boss.manager_id, up.steps + 1 FROM up JOIN inventory_identity AS boss ON boss.id = up.at_id
        LEFT JOIN people_user AS boss_user ON boss_user.id = boss.user_id
        WHERE NOT ({AVAILABLE.format("boss")}) AND up.steps < {MAX_LEVELS}
    )
    SELECT up.identity_id, up.steps, boss.id, boss.key, boss.email, boss.manager_id, boss.user_id, boss_user.username
    FROM up JOIN inventory_identity AS boss ON boss.id = up.at_id LEFT JOIN people_user AS boss_user ON boss_user.id = boss.user_id
    WHERE {AVAILABLE.format("boss")}
"""

MANAGER = "LEFT JOIN reviewing_line AS manager ON manager.identity_id = identity.id"
JOINS = {
    ReviewerRule.MANAGER: (MANAGER,),
    ReviewerRule.MANAGERS_MANAGER: (MANAGER, "LEFT JOIN reviewing_line AS above ON above.identity_id = manager.id"),
    ReviewerRule.ENTITLEMENT_OWNER: (
        "LEFT JOIN inventory_identity AS owner ON owner.id = entitlement.owner_id",
        "LEFT JOIN people_user AS owner_user ON owner_user.id = owner.user_id",
    ),
    ReviewerRule.IDENTITY_OWNER: (
        "LEFT JOIN inventory_identity AS keeper ON keeper.id = identity.owner_id",
        "LEFT JOIN people_user AS keeper_user ON keeper_user.id = keeper.user_id",
    ),
}


@dataclass(frozen=True)
class Link:
    """One rule of a chain as SQL expressions; `granter` and `report` are true when its person is not independent."""

    applies: str
    user: str
    identity: str = "NULL::bigint"
    group: str = "NULL::bigint"
    quorum: str = "NULL::int"
    reason: str = "''"
    granter: str = "FALSE"
    report: str = "FALSE"


@dataclass
class Chosen:
    """Joins, columns and values that a query needs to name the reviewers of each panel, numbered from 1."""

    joins: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    values: dict = field(default_factory=dict)

    def join(self, *joins: str) -> None:
        """Add joins that are not there yet."""
        self.joins += [one for one in joins if one not in self.joins]


def _identity(alias: str, *, has_user_table: bool = True) -> Link:
    """A rule that names an identity."""
    username = f"{alias}_user.username" if has_user_table else f"{alias}.username"
    there = f" AND {AVAILABLE.format(alias)}" if has_user_table else ""
    return Link(
        applies=f"{alias}.id IS NOT NULL{there} AND {alias}.id IS DISTINCT FROM identity.id",
        user=f"{alias}.user_id",
        identity=f"{alias}.id",
        granter=f"granted.granted_by <> '' AND granted.granted_by IN ({alias}.key, {alias}.email, {username})",
        report=f"{alias}.manager_id = identity.id",
    )


def _user(chosen: Chosen, alias: str, on: str) -> Link:
    """A rule that names a user of Certify."""
    chosen.join(
        f"LEFT JOIN people_user AS {alias} ON {alias}.id = {on}",
        f"LEFT JOIN inventory_identity AS {alias}_identity ON {alias}_identity.user_id = {alias}.id",
    )
    return Link(
        applies=f"{alias}.is_active AND {alias}.id IS DISTINCT FROM identity.user_id",
        user=f"{alias}.id",
        granter=f"granted.granted_by <> '' AND granted.granted_by IN ({alias}.username, {alias}.email, {alias}_identity.key)",
        report=f"{alias}_identity.manager_id = identity.id",
    )


#: Attribute → the column a case compares.
ATTRIBUTES = {
    "department": "identity.department",
    "title": "identity.title",
    "location": "identity.location",
    "supplier": "identity.supplier",
    "kind": "identity.kind",
    "source": "source.key",
    "entitlement": "entitlement.key",
    "entitlement_kind": "entitlement.kind",
}


def _by_attribute(chosen: Chosen, alias: str, cases: list[dict]) -> Link:
    whens = []
    for place, case in enumerate(cases):
        name = f"{alias}_{place}"
        chosen.values |= {f"{name}_value": case["value"], f"{name}_user": case["user"]}
        whens.append(f"WHEN {ATTRIBUTES[case['field']]} = %({name}_value)s THEN %({name}_user)s::bigint")
    return _user(chosen, alias, f"CASE {' '.join(whens)} END")


def _link(chosen: Chosen, link: dict, alias: str, terms: dict) -> Link:
    rule = ReviewerRule(link["rule"])
    chosen.join(*JOINS.get(rule, ()))
    if rule == ReviewerRule.MANAGER:
        climbed = "CASE WHEN manager.steps > 1 THEN 'The manager is not there any more; this is the next above.' ELSE '' END"
        return Link(**_identity("manager", has_user_table=False).__dict__ | {"reason": climbed})
    if rule == ReviewerRule.MANAGERS_MANAGER:
        return _identity("above", has_user_table=False)
    if rule == ReviewerRule.ENTITLEMENT_OWNER:
        return _identity("owner")
    if rule == ReviewerRule.IDENTITY_OWNER:
        return _identity("keeper")
    if rule == ReviewerRule.SYSTEM_OWNER:
        return _user(chosen, "system_owner", "source.owner_id")
    if rule == ReviewerRule.ATTRIBUTE:
        return _by_attribute(chosen, alias, link["cases"])
    if rule == ReviewerRule.GROUP:
        chosen.values |= {f"{alias}_group": link["group"], f"{alias}_quorum": link["quorum"]}
        return Link("TRUE", "NULL::bigint", group=f"%({alias}_group)s::bigint", quorum=f"%({alias}_quorum)s::int")
    person = {ReviewerRule.FALLBACK: terms["fallback_reviewer"], ReviewerRule.CONTROL_OWNER: terms["owner"]}
    chosen.values[f"{alias}_id"] = person.get(rule) or link["user"]
    return _user(chosen, alias, f"%({alias}_id)s")


#: What is required of a reviewer besides not being the person reviewed → what an excused violation is called.
INDEPENDENCE = {"granter": "granter", "report": "own_report"}


def _conditions(link: Link, independence: dict) -> tuple[str, str]:
    """When the link applies, and the code of what it is excused from: a violation is routed on or, where the terms say so, excused."""
    applies, excuses = [link.applies], []
    for name, called in INDEPENDENCE.items():
        violated = getattr(link, name)
        if violated == "FALSE":
            continue
        if independence.get(name, "route") == "route":
            applies.append(f"({violated}) IS NOT TRUE")
        else:
            excuses.append(f"WHEN {violated} THEN '{called}'")
    return " AND ".join(applies), f"CASE {' '.join(excuses)} ELSE '' END" if excuses else "''"


def _panel(chosen: Chosen, suffix: str, chain: list[dict], links: list[Link], independence: dict) -> None:
    """Add the columns of one panel, each a choice of the first link that applies."""
    conditions = [_conditions(link, independence) for link in links]
    columns = {
        "rule": [f"'{link['rule']}'" for link in chain],
        "id": [link.user for link in links],
        "identity_id": [link.identity for link in links],
        "group_id": [link.group for link in links],
        "quorum": [link.quorum for link in links],
        "reason": [link.reason for link in links],
        "excused": [excused for _, excused in conditions],
    }
    for name, values in columns.items():
        if set(values) <= {"''"}:
            chosen.columns.append(f"''::text AS reviewer_{name}{suffix}")
            continue
        if all(value.startswith("NULL::") for value in values):
            chosen.columns.append(f"{values[0]} AS reviewer_{name}{suffix}")
            continue
        whens = " ".join(f"WHEN {applies} THEN {value}" for (applies, _), value in zip(conditions, values, strict=True))
        chosen.columns.append(f"CASE {whens} END AS reviewer_{name}{suffix}")


def suffix_of(panel: int) -> str:
    """What the columns of a panel (from 1) end with."""
    return "" if panel == 1 else f"_{panel}"


def choose(terms: dict, stage: dict) -> Chosen:
    """What a query needs to find the reviewers of each panel of a stage.

    Columns reviewer_rule, reviewer_id (user), reviewer_identity_id, reviewer_group_id, reviewer_quorum, reviewer_reason and
    reviewer_excused, for later panels ending as `suffix_of` says. All are NULL where nobody can be asked.
    """
    chosen = Chosen()
    for place in range(len(stage["panels"])):
        chain = stages.chain_of(stage, place)
        links = [_link(chosen, link, f"person_{place}_{index}", terms) for index, link in enumerate(chain)]
        _panel(chosen, suffix_of(place + 1), chain, links, terms.get("independence", {}))
    return chosen


def find_managers() -> None:
    """Compute everybody's nearest manager who is there, once for the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS reviewing_line")
        cursor.execute(LINE)
        cursor.execute("ANALYZE reviewing_line")

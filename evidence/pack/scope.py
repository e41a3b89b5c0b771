"""What belongs to a pack: the campaigns, readings of systems and ledger entries of one period under one checkpoint.

Everything is read from rows that can only be added and whose ledger entry lies under the checkpoint, or that are frozen with
the campaign. Later activity therefore never changes a pack that is built again.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from django.db import connection

from campaigns.models import Campaign
from evidence.models import LEAVER_DAYS, AuditPeriod, ControlDuty
from evidence.pack import leavers, runs, sign_ins
from inventory.models import Source
from ledger import keychain
from ledger.models import Anchor, Checkpoint, Cosignature
from ledger.succession import TITLES

#: Says that somebody is called nothing any more: such entries belong to every pack, however old they are.
ERASED = "person:erased"
#: Who could change what: changes of people in the pack's range of the log belong to every pack.
PEOPLE = ("user:created", "user:roles-changed", "user:deactivated", "user:reactivated", "user:changed", "configuration:changed",
          "factor:set-up", "factor:reset", "factor:ended",
          "retention:rule-set", "retention:deleted", "hold:placed", "hold:released",
          "delegation:made", "delegation:ended", "group:created", "group:changed", ERASED, *TITLES)  # fmt: skip

#: Launches before the end of the period, with the end of each campaign, all under the checkpoint.
CAMPAIGNS = """
    SELECT launched.id, launched.uid::text, launched.at, launched.payload_json -> 'data', ended.uid::text, ended.at, ended.kind
    FROM ledger_entry AS launched JOIN ledger_leaf AS leaf ON leaf.entry_id = launched.id
    LEFT JOIN (ledger_entry AS ended JOIN ledger_leaf AS last ON last.entry_id = ended.id AND last.index < %(size)s)
        ON ended.subject = launched.subject AND ended.kind IN ('campaign:closed', 'campaign:cancelled')
    WHERE launched.kind = 'campaign:launched' AND leaf.index < %(size)s AND launched.at < %(end)s
    ORDER BY leaf.index
"""

FIRST_OF_CAMPAIGNS = """
    SELECT min(leaf.index) FROM ledger_entry AS entry JOIN ledger_leaf AS leaf ON leaf.entry_id = entry.id
    WHERE entry.subject = ANY(%(campaign_subjects)s)
"""

#: Entries before the pack's range of the log that its rows refer to: they carry a proof each.
OUTSIDE = """
    SELECT entry.id FROM ledger_entry AS entry JOIN ledger_leaf AS leaf ON leaf.entry_id = entry.id
    WHERE leaf.index < %(first)s AND (
        entry.uid IN (
            SELECT snapshot.entry_uid FROM inventory_snapshot AS snapshot
            JOIN campaigns_campaignsource AS frozen ON frozen.snapshot_id = snapshot.id
            WHERE frozen.campaign_id = ANY(%(campaigns)s))
        OR ((entry.kind IN ('definition:created', 'definition:changed', 'definition:scheduled', 'source:created', 'source:changed',
                         'duty:given', 'statement:made', 'period:created', 'period:changed')
             OR entry.kind LIKE 'occurrence:%%' OR entry.kind LIKE 'delegation:%%')
            AND entry.subject = ANY(%(subjects)s))
        OR entry.kind = ANY(%(keys)s) OR entry.id = ANY(%(guards)s) OR entry.id = ANY(%(left_out)s) OR entry.id = ANY(%(roles)s)
        OR entry.id = ANY(%(leaver_readings)s)
    )
    ORDER BY leaf.index
"""

#: Of those who held a role that can change rules, people or data when the range begins, or whose roles change in it: all entries from
#: before it that say since when, and under which name.
ROLES = """
    WITH about AS MATERIALIZED (
        SELECT entry.id, entry.subject, leaf.index,
               COALESCE(entry.payload_json -> 'data' -> 'roles', CASE WHEN entry.kind = 'user:roles-changed'
                   THEN entry.payload_json -> 'data' -> 'new' END) AS roles
        FROM ledger_entry AS entry JOIN ledger_leaf AS leaf ON leaf.entry_id = entry.id AND leaf.index < %(first)s
        WHERE entry.kind IN ('user:created', 'user:changed', 'user:roles-changed', 'user:deactivated', 'user:reactivated')
    )
    SELECT about.id FROM about JOIN (
        SELECT DISTINCT ON (subject) subject, roles FROM about WHERE roles IS NOT NULL ORDER BY subject, index DESC
    ) AS latest ON latest.subject = about.subject AND (
        latest.roles ?| ARRAY['administrator', 'control_owner', 'system_owner', 'auditor'] OR latest.subject IN (
            SELECT entry.subject FROM ledger_entry AS entry JOIN ledger_leaf AS leaf ON leaf.entry_id = entry.id
            WHERE entry.kind = 'user:roles-changed' AND leaf.index >= %(first)s AND leaf.index < %(size)s))
    ORDER BY about.id
"""

#: The delegations on which a decision for somebody else may rest: all between the two.
DELEGATIONS = """
    SELECT 'campaigns.delegation:' || delegation.id FROM campaigns_delegation AS delegation
    WHERE (delegation.principal_id, delegation.delegate_id) IN (
        SELECT decision.acting_for_id, decision.reviewer_id FROM campaigns_decision AS decision
        JOIN ledger_entry AS entry ON entry.uid = decision.entry_uid
        JOIN ledger_leaf AS leaf ON leaf.entry_id = entry.id AND leaf.index < %(size)s
        WHERE decision.campaign_id = ANY(%(campaigns)s) AND decision.acting_for_id IS NOT NULL)
    ORDER BY delegation.id
"""

#: The condition under which an entry of the range is in the pack word for word; the others are there as hashes.
IN_RANGE = """
    leaf.index >= %(first)s AND leaf.index < %(size)s AND (
        split_part(entry.subject, '/', 1) = ANY(%(subjects)s)
        OR ((entry.kind LIKE 'removal:%%' OR entry.kind LIKE 'exception:%%')
            AND entry.payload_json -> 'data' ->> 'campaign' = ANY(%(campaign_texts)s))
        OR (entry.kind LIKE 'pack:%%' AND entry.payload_json -> 'data' ->> 'period' = %(period)s)
        OR (entry.kind = 'snapshot:loaded' AND entry.payload_json -> 'data' -> 'files' @> '[{"kind": "identities"}]')
        OR entry.kind = ANY(%(people)s)
        OR (entry.kind = 'session:signed-in' AND entry.subject = ANY(%(signers)s))
        OR entry.id = ANY(%(guards)s)
        OR entry.id = ANY(%(left_out)s)
        OR entry.id = ANY(%(leaver_readings)s)
    )
"""

#: What a period says of itself, as the entries under the checkpoint tell it.
SAID = """
    SELECT COALESCE(entry.payload_json -> 'data' -> 'new', entry.payload_json -> 'data')
    FROM ledger_entry AS entry JOIN ledger_leaf AS leaf ON leaf.entry_id = entry.id
    WHERE entry.subject = %(period_subject)s AND entry.kind IN ('period:created', 'period:changed') AND leaf.index < %(size)s
    ORDER BY leaf.index DESC LIMIT 1
"""

#: Of what was left outside and cosigned, with its entry under the checkpoint: the last of each week for each place and witness, and
#: the last one before the period. That bounds every entry to a week, and a pack to some hundred of them.
GUARDS = """
    SELECT DISTINCT ON ({by}, week) guard.id, entry.id FROM (
        SELECT *, CASE WHEN at < %(begin)s THEN 'epoch' ELSE date_trunc('week', at) END AS week FROM {table}) AS guard
    JOIN ledger_entry AS entry ON entry.uid = guard.entry_uid
    JOIN ledger_leaf AS leaf ON leaf.entry_id = entry.id AND leaf.index < %(size)s
    JOIN ledger_checkpoint AS checkpoint ON checkpoint.id = guard.checkpoint_id AND checkpoint.size <= %(size)s
    ORDER BY {by}, week, guard.id DESC
"""


@dataclass(frozen=True)
class Ended:
    """How a campaign ended under the checkpoint."""

    uid: str
    at: datetime
    kind: str


@dataclass(frozen=True)
class Launched:
    """A campaign as its launch entry tells it; `end` is None while it is open under the checkpoint."""

    entry_id: int
    uid: str
    at: datetime
    data: dict
    end: Ended | None

    @property
    def pk(self) -> int:
        """The campaign."""
        return int(self.data["campaign"])

    def serves(self, framework: str) -> bool:
        """Whether it names a control of the framework."""
        return any(control.startswith(f"{framework}:") for control in self.data["controls"])


@dataclass(frozen=True)
class Scope:
    """`first` is the index of the first leaf in the pack; `values` are what the queries of the pack are filled with.

    `notes` are checkpoints in the order of their sizes, the sealing one last: those at which the range and the period begin
    and end, and those that sealed earlier packs.
    """

    period: AuditPeriod
    checkpoint: Checkpoint
    first: int
    notes: list[Checkpoint]
    anchors: list[Anchor]
    cosignatures: list[Cosignature]
    campaigns: list[Launched]
    left_out: list[Launched]
    expected: list[runs.Run]
    outside: list[int]
    values: dict


def bounds(period: AuditPeriod) -> tuple[datetime, datetime]:
    """When the period begins and ends, in UTC; the end is excluded."""
    begin = datetime.combine(period.from_on, time(), UTC)
    return begin, datetime.combine(period.to_on + timedelta(days=1), time(), UTC)


def campaigns(period: AuditPeriod, size: int) -> list[Launched]:
    """Campaigns that were open at some time of the period, of any framework, as the first `size` entries of the log tell it."""
    begin, end = bounds(period)
    found = [
        Launched(pk, uid, at, json.loads(data), Ended(ended, ended_at, kind) if ended else None)
        for pk, uid, at, data, ended, ended_at, kind in _rows(CAMPAIGNS, {"size": size, "end": end})
    ]
    return [one for one in found if one.end is None or one.end.at >= begin]


def of(period: AuditPeriod, checkpoint: Checkpoint) -> Scope:
    """The scope of a period under a checkpoint."""
    begin, end = bounds(period)
    open_in_period = campaigns(period, checkpoint.size)
    mine = sorted((one for one in open_in_period if one.serves(period.framework)), key=lambda one: one.pk)
    left_out = [one for one in open_in_period if not one.serves(period.framework)]
    values = {
        "size": checkpoint.size,
        "period": str(period.pk),
        "framework": period.framework,
        "campaigns": [one.pk for one in mine],
        "campaign_texts": [str(one.pk) for one in mine],
        "campaign_subjects": [f"campaigns.campaign:{one.pk}" for one in mine],
        "closed": [one.pk for one in mine if one.end and one.end.kind == "campaign:closed"],
        "left_out": [one.entry_id for one in left_out],
        "people": list(PEOPLE),
        "keys": [*TITLES, ERASED],
    }
    values |= _leavers(period, values)
    expected = runs.expected(period, checkpoint.size)
    values["subjects"] = [*values["campaign_subjects"], *_subjects(period, mine, expected)]
    values["subjects"] += [row[0] for row in _rows(DELEGATIONS, values)]
    before = Checkpoint.objects.filter(at__lt=begin, size__lte=checkpoint.size).order_by("-size").first()
    first = values["first"] = _first_leaf(before, values)
    values["signers"] = [row[0] for row in _rows(sign_ins.SIGNERS, values)]
    values["roles"] = [row[0] for row in _rows(ROLES, values)]
    anchors, cosignatures = _guards(begin, values)
    outside = [row[0] for row in _rows(OUTSIDE, values)]
    values["outside"] = outside
    notes = _notes(checkpoint, before, first, end, {one.checkpoint.size for one in (*anchors, *cosignatures)})
    return Scope(period, checkpoint, first, notes, anchors, cosignatures, mine, left_out, expected, outside, values)


def _leavers(period: AuditPeriod, values: dict) -> dict:
    """What the queries of leavers are filled with, and the entries of the readings that their rows name."""
    begin, end = bounds(period)
    said = _rows(SAID, values | {"period_subject": f"evidence.period:{period.pk}"})
    days = json.loads(said[0][0]).get("leaver_days") if said else None
    mine = {"begin": begin, "end": end, "leaver_days": LEAVER_DAYS if days is None else int(days)}
    return mine | {"leaver_readings": [row[0] for row in _rows(leavers.READINGS, values | mine)]}


def _guards(begin: datetime, values: dict) -> tuple[list[Anchor], list[Cosignature]]:
    """What was left outside, and what witnesses signed; their entries belong to the pack."""
    found = []
    values["guards"] = []
    for model, by in ((Anchor, "channel, target"), (Cosignature, "witness")):
        rows = _rows(GUARDS.format(by=by, table=model._meta.db_table), values | {"begin": begin})
        values["guards"] += [entry for _, entry in rows]
        found.append(list(model.objects.filter(pk__in=[pk for pk, _ in rows]).select_related("checkpoint").order_by("pk")))
    return found[0], found[1]


def _subjects(period: AuditPeriod, mine: Iterable[Launched], expected: Iterable[runs.Run]) -> list[str]:
    """What the campaigns rest on: their definitions and sources, the runs that were expected, the period itself, and who answers for
    its controls.
    """
    definitions = sorted({int(one.data["definition"]) for one in mine} | {run.definition for run in expected})
    keys = {source["source"] for one in mine for source in one.data["sources"]}
    sources = Source.objects.filter(key__in=keys).order_by("pk").values_list("pk", flat=True)
    duties = ControlDuty.objects.filter(control__startswith=f"{period.framework}:")
    answered = duties.order_by("control").values_list("control", flat=True).distinct()
    return [
        *(f"campaigns.reviewitem:{one.pk}" for one in mine),
        *(f"campaigns.definition:{pk}" for pk in definitions),
        *(f"inventory.source:{pk}" for pk in sources),
        *(run.subject for run in expected),
        f"evidence.period:{period.pk}",
        f"evidence.framework:{period.framework}",
        *(f"evidence.control:{control}" for control in answered),
    ]


def _first_leaf(before: Checkpoint | None, values: dict) -> int:
    """Where the range of leaves begins: at the last checkpoint before the period and before the first entry of its campaigns."""
    if before is None:
        return 0
    earliest = _rows(FIRST_OF_CAMPAIGNS, values)[0][0]
    limit = before.size if earliest is None else min(before.size, earliest)
    last = Checkpoint.objects.filter(size__lte=limit).order_by("-size").first()
    return last.size if last else 0


def _notes(checkpoint: Checkpoint, before: Checkpoint | None, first: int, end: datetime, guarded: set[int]) -> list[Checkpoint]:
    """Checkpoints in order of size: of the range, the period, new keys, of earlier packs, which auditors may have kept, and those
    that were left outside."""
    after = Checkpoint.objects.filter(at__gte=end, size__lte=checkpoint.size).order_by("size").first()
    sealed = _rows(
        "SELECT DISTINCT (entry.payload_json -> 'data' ->> 'checkpoint_size')::bigint FROM ledger_entry AS entry"
        " JOIN ledger_leaf AS leaf ON leaf.entry_id = entry.id WHERE entry.kind = 'pack:built' AND leaf.index < %(size)s",
        {"size": checkpoint.size},
    )
    sizes = {one.size for one in (before, after) if one} | {first} | {row[0] for row in sealed} | keychain.firsts() | guarded
    found = Checkpoint.objects.filter(size__in=sizes, size__lt=checkpoint.size).order_by("size")
    return [*found, checkpoint]


def campaign_rows(scope: Scope) -> dict[int, Campaign]:
    """The campaigns of the scope as the product shows them."""
    return Campaign.objects.in_bulk(scope.values["campaigns"])


def _rows(query: str, values: dict) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()

"""Samples: drawn once, concluded row by row, signed off by the auditor. Each step is in the ledger."""

import re
import secrets
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext as _

from campaigns import roots
from campaigns.population import leaf_sql
from certify.lib import canonical, clock
from certify.lib.errors import InvalidInput, NotAllowed
from certify.lib.times import rfc3339
from evidence import permissions, populations, sampling
from evidence.models import AuditPeriod, RowConclusion, Sample, SampleRow, SampleSignOff
from evidence.states import Conclusion, PopulationKind
from ledger import merkle
from ledger.actions import entries

SEED = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)
MIN_NOTE, MAX_NOTE = 10, 4_000

ROWS_OF = {
    "population": (leaf_sql(["place::text", "key", "stratum"]), "drawn_from", "place"),
    "rows": (leaf_sql(["number::text", "key", "stratum", "label"]), "drawn", "number"),
}
#: A row's label is under the root that the entry records, so that it names nobody: people are told by their keys.
DRAWN = """
    CREATE TEMP TABLE drawn ON COMMIT DROP AS
    SELECT row_number() OVER (ORDER BY ranked.place) AS number, ranked.key, ranked.stratum, ranked.item_id, ranked.identity_id,
           left(COALESCE(
               COALESCE(NULLIF(item.identity_key, ''), item.account_key) || ' · '
               || COALESCE(NULLIF(item.entitlement_name, ''), item.entitlement_key) || ' · ' || item.source_name,
               identity.key), 700) AS label
    FROM (SELECT *, row_number() OVER (
              PARTITION BY stratum ORDER BY sha256(convert_to(%(seed)s || key, 'UTF8')), key COLLATE "C") AS rank
          FROM drawn_from) AS ranked
    JOIN unnest(%(strata)s::text[], %(allowed)s::bigint[]) AS allowed (stratum, rows) ON allowed.stratum = ranked.stratum
    LEFT JOIN campaigns_reviewitem AS item ON item.id = ranked.item_id
    LEFT JOIN inventory_identity AS identity ON identity.id = ranked.identity_id
    WHERE ranked.rank <= allowed.rows
"""
KEEP_ROWS = """
    INSERT INTO evidence_samplerow (sample_id, number, key, stratum, item_id, identity_id, label)
    SELECT %(sample)s, number, key, stratum, item_id, identity_id, label FROM drawn ORDER BY number
"""
#: What an auditor signs.
STATEMENT = (
    "I have examined each of the {size} rows of this sample, drawn from {count} rows ({population}) of the period “{period}”: "
    "{no_exception} without exception, {exception} with an exception."
)


@dataclass(frozen=True)
class Wanted:
    """What is to be drawn: `campaign` narrows the population to one closed review; without a seed a random one is taken."""

    population: str
    size: int
    strata_by: str = ""
    campaign: int | None = None
    seed: str = ""


def _period(period_id: int) -> AuditPeriod:
    return AuditPeriod.objects.select_for_update(of=("self",), no_key=True).get(pk=period_id)


def _checked(wanted: Wanted, period: AuditPeriod) -> populations.Population:
    if wanted.population not in PopulationKind.values:
        raise InvalidInput(_("Choose a population from the list."), field="population")
    if wanted.strata_by not in populations.strata_of(wanted.population):
        raise InvalidInput(_("This population cannot be divided so."), field="strata_by")
    if wanted.seed and not SEED.fullmatch(wanted.seed):
        raise InvalidInput(_("A seed has 8 to 64 letters, digits, dots, dashes and underscores."), field="seed")
    if wanted.campaign and wanted.campaign not in {one.pk for one in populations.campaigns_of(period)[0]}:
        raise InvalidInput(_("Choose a closed review of the period."), field="campaign")
    found = populations.of(period, wanted.population, strata_by=wanted.strata_by, campaign=wanted.campaign)
    if refused := populations.refusal(found, wanted.size):
        raise InvalidInput(refused, field="size")
    return found


@transaction.atomic
def draw(*, period_id: int, wanted: Wanted, by) -> Sample:
    """Draw a sample and freeze it with its population, its seed and who drew it.

    Refuses strangers and lapsed auditors, an unknown population, one that is empty or too large, and a seed that is no seed.
    """
    period, now = _period(period_id), clock.now()
    if not permissions.can_draw(by, period, now.date()):
        raise NotAllowed(_("Only the auditors of a period and control owners may draw a sample."))
    found = _checked(wanted, period)
    seed = wanted.seed or secrets.token_hex(16)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.drawn_from, pg_temp.drawn")
        cursor.execute(f"CREATE TEMP TABLE drawn_from ON COMMIT DROP AS {found.query}", found.values)
        cursor.execute("ANALYZE drawn_from")
        strata = _strata(cursor, wanted.size)
        values = {"seed": seed, "strata": list(strata), "allowed": [drawn for _count, drawn in strata.values()]}
        cursor.execute(DRAWN, values)
        cursor.execute("SELECT nextval(pg_get_serial_sequence('evidence_sample', 'id'))")
        pk = cursor.fetchone()[0]
        sample = _kept(pk, period, found, seed, strata, now, by)
        cursor.execute(
            "INSERT INTO evidence_populationrow (sample_id, place, key, stratum) SELECT %s, place, key, stratum FROM drawn_from"
            " ORDER BY place",
            [pk],
        )
        cursor.execute(KEEP_ROWS, {"sample": pk})
    return sample


def _strata(cursor, size: int) -> dict[str, tuple[int, int]]:
    """Stratum → (rows of the population, rows to draw)."""
    cursor.execute("SELECT stratum, count(*) FROM drawn_from GROUP BY stratum")
    sizes = dict(cursor.fetchall())
    if len(sizes) > sampling.STRATA:
        raise InvalidInput(
            _("This divides the population into {n} parts; {most} are the limit. Choose another division.").format(
                n=len(sizes), most=sampling.STRATA
            ),
            field="strata_by",
        )
    drawn = sampling.allocation(sizes, size)
    return {name: (sizes[name], drawn[name]) for name in sorted(sizes)}


def _root(name: str) -> str:
    leaf, table, place = ROWS_OF[name]
    return roots.of(f"SELECT {leaf} AS leaf, {place} AS place FROM {table} WHERE %s = 0", 0)[0]


def _kept(pk: int, period: AuditPeriod, found: populations.Population, seed: str, strata: dict, now, by) -> Sample:
    sample = Sample(
        pk=pk,
        period=period,
        population=found.kind,
        campaigns=found.campaigns,
        strata_by=found.strata_by,
        seed=seed,
        size=sum(drawn for _count, drawn in strata.values()),
        population_count=sum(count for count, _drawn in strata.values()),
        population_root=_root("population"),
        rows_root=_root("rows"),
        strata=[{"stratum": name, "population": count, "drawn": drawn} for name, (count, drawn) in strata.items()],
        statement=found.statement,
        drawn_by=by,
        drawn_by_name=by.name,
        drawn_at=now,
    )
    sample.entry_uid = _record("sample:drawn", sample, by, now, **_facts(sample))
    sample.save(force_insert=True)
    return sample


def _facts(sample: Sample) -> dict:
    same = (
        "population",
        "strata_by",
        "seed",
        "size",
        "population_count",
        "population_root",
        "rows_root",
        "strata",
        "statement",
    )
    return {name: getattr(sample, name) for name in same} | {
        "campaigns": [str(pk) for pk in sample.campaigns],
        "drawn_at": rfc3339(sample.drawn_at),
    }


def _record(kind: str, sample: Sample, by, now, **facts) -> UUID:
    data = {"period": str(sample.period_id), "sample": str(sample.pk), **facts}
    return entries.record(kind=kind, subject=sample.subject, by=by, data=data, at=now).uid


def _open_sample(sample_id: int, by) -> Sample:
    """The sample, locked by its period, for one of its auditors while nobody has signed it off."""
    sample = Sample.objects.get(pk=sample_id)
    sample.period = _period(sample.period_id)
    if not permissions.is_auditor_of(by, sample.period, clock.now().date()):
        raise NotAllowed(_("Only the auditors of the period may conclude, until its last day."))
    if signed := SampleSignOff.objects.filter(sample=sample).first():
        raise InvalidInput(_("{by_name} has signed this sample off already.").format(by_name=signed.by_name))
    return sample


def _note(text: str, *, is_needed: bool) -> str:
    note = text.strip()
    if is_needed and len(note) < MIN_NOTE:
        raise InvalidInput(_("Say why, in at least {n} characters.").format(n=MIN_NOTE), field="note")
    if len(note) > MAX_NOTE:
        raise InvalidInput(_("At most {n} characters.").format(n=f"{MAX_NOTE:,}"), field="note")
    return note


@transaction.atomic
def conclude(*, row_id: int, conclusion: str, note: str, by) -> RowConclusion:
    """Conclude of one drawn row; the last conclusion counts.

    Refuses everybody but the period's auditors, an exception without a reason, and a sample that is signed off.
    """
    row = SampleRow.objects.get(pk=row_id)
    sample = _open_sample(row.sample_id, by)
    if conclusion not in Conclusion.values:
        raise InvalidInput(_("Choose a conclusion."), field="conclusion")
    note, now = _note(note, is_needed=conclusion == Conclusion.EXCEPTION), clock.now()
    facts = {"row": str(row.number), "id": row.key, "conclusion": conclusion, "note": note, "at": rfc3339(now)}
    uid = _record("sample:concluded", sample, by, now, **facts)
    return RowConclusion.objects.create(
        row=row, conclusion=conclusion, note=note, by=by, by_name=by.name, at=now, entry_uid=uid
    )


@transaction.atomic
def sign_off(*, sample_id: int, note: str, by) -> SampleSignOff:
    """Sign that every row was examined, with the conclusions as they stand. Refuses while a row has none; once."""
    sample, now = _open_sample(sample_id, by), clock.now()
    note = _note(note, is_needed=False)
    concluded = list(
        RowConclusion.objects.filter(row__sample=sample)
        .select_related("row")
        .order_by("row__number", "-id")
        .distinct("row__number")
    )
    if missing := sample.size - len(concluded):
        raise InvalidInput(_("{n} rows have no conclusion yet.").format(n=missing))
    leaves = [
        merkle.leaf_hash(canonical.dumps([str(one.row.number), one.row.key, one.conclusion, one.note, str(one.entry_uid)]))
        for one in concluded
    ]
    counts = {name: sum(one.conclusion == name for one in concluded) for name in Conclusion.values}
    kind = PopulationKind(sample.population).name.lower()
    statement = STATEMENT.format(
        size=sample.size, count=sample.population_count, population=kind, period=sample.period.name, **counts
    )
    statement = f"{statement} {note}".strip()
    facts = {"statement": statement, "counts": counts, "conclusions_root": merkle.root(leaves).hex(), "at": rfc3339(now)}
    uid = _record("sample:signed-off", sample, by, now, **facts)
    return SampleSignOff.objects.create(
        sample=sample, statement=statement, conclusions_root=facts["conclusions_root"], by=by, by_name=by.name, at=now,
        entry_uid=uid, **counts,
    )  # fmt: skip

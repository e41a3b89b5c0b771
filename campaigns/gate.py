"""What holds an automatic launch: data that is old, missing, has failed to load, or differs much from the last time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from campaigns.models import CampaignDefinition, CampaignSource
from campaigns.scope import documents
from inventory.models import LoadJob, Snapshot, Source
from inventory.states import Completeness, LoadState


@dataclass(frozen=True)
class Facts:
    """Of one system in scope: its latest snapshot and what it is compared with. `as_of` is None when it was never loaded."""

    name: str
    as_of: datetime | None = None
    completeness: str = Completeness.FULL
    rows: int = 0
    rows_before: int | None = None
    failed_at: datetime | None = None


def judge(facts: Iterable[Facts], schedule: dict, now: datetime) -> list[str]:
    """Why a launch has to wait, in sentences; nothing when all is well. Limits are `max_age_days` and `max_drift`; pure."""
    held = []
    for one in facts:
        if one.as_of is None:
            held.append(f"{one.name} was never loaded.")
            continue
        if (age := (now - one.as_of).days) > schedule["max_age_days"]:
            held.append(f"Data of {one.name} is {age} days old; at most {schedule['max_age_days']} are allowed.")
        if one.completeness != Completeness.FULL:
            held.append(f"The latest snapshot of {one.name} is not full.")
        if one.failed_at:
            held.append(f"The last load of {one.name} failed on {one.failed_at:%Y-%m-%d}.")
        if one.rows_before is not None and abs(one.rows - one.rows_before) * 100 > schedule["max_drift"] * one.rows_before:
            held.append(
                f"{one.name} has {one.rows:,} grants, {one.rows_before:,} before: more than {schedule['max_drift']} % apart."
            )
    return held


def findings(definition: CampaignDefinition, now: datetime) -> list[str]:
    """Why the definition's launch has to wait by the limits of its schedule."""
    return judge(facts(definition), definition.schedule, now)


def facts(definition: CampaignDefinition) -> list[Facts]:
    """The systems in scope, by name. Compared with the definition's last campaign, or with the snapshot before where there is none."""
    wanted = documents.read(definition.scope)["sources"]
    latest = _latest(wanted)
    before = _before(definition, wanted)
    found = []
    for source in Source.objects.filter(pk__in=wanted).order_by("name"):
        if (snapshot := latest.get(source.pk)) is None:
            found.append(Facts(source.name))
            continue
        failed = LoadJob.objects.filter(source=source, state=LoadState.FAILED, changed_at__gt=snapshot.loaded_at)
        found.append(
            Facts(
                name=source.name,
                as_of=snapshot.extracted_at or snapshot.loaded_at,
                completeness=snapshot.completeness,
                rows=snapshot.grants_open,
                rows_before=before.get(source.pk),
                failed_at=failed.order_by("-changed_at").values_list("changed_at", flat=True).first(),
            )
        )
    return found


def _latest(sources: list[int]) -> dict[int, Snapshot]:
    found = Snapshot.objects.filter(source_id__in=sources).order_by("source_id", "-id").distinct("source_id")
    return {snapshot.source_id: snapshot for snapshot in found}


def _before(definition: CampaignDefinition, sources: list[int]) -> dict[int, int]:
    """Source id → open grants when the definition last ran, or in the snapshot before the latest."""
    by_age = Window(RowNumber(), partition_by="source_id", order_by=F("id").desc())
    earlier = Snapshot.objects.filter(source_id__in=sources).annotate(age=by_age).filter(age=2)
    found = dict(earlier.order_by().values_list("source_id", "grants_open"))
    ran = CampaignSource.objects.filter(
        campaign__definition=definition, source_id__in=sources, campaign__opened_at__isnull=False
    )
    return found | dict(ran.order_by("source_id", "-campaign_id").distinct("source_id").values_list("source_id", "grants_open"))

"""What did not go in a period as it was to go, from the same records as its readiness; each names who answered for it then."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import timetable
from campaigns.models import Campaign, Occurrence
from campaigns.states import CampaignState, RunStatus
from certify.lib import language
from evidence import coverage, queries
from evidence.accountability import Held
from evidence.readiness import Readiness

#: A deviation is named by what it is and of which run or campaign, so that a nonconformity can be about it.
KEY = re.compile(r"(run|not-reviewed|cancelled|removals|findings|readings):([1-9][0-9]{0,17})")


@dataclass(frozen=True)
class Deviation:
    """One of them. `held` is control → who had which duty at it when it was due."""

    key: str
    text: str
    controls: list[str]
    due_at: datetime
    held: dict[str, list[Held]]


def about(key: str) -> Occurrence | Campaign | None:
    """The run or campaign that a deviation is about; None where none can be called like this."""
    found = KEY.fullmatch(key)
    if found is None:
        return None
    model = Occurrence if found[1] == "run" else Campaign
    return model.objects.filter(pk=found[2]).first()


def of(found: Readiness) -> list[Deviation]:
    """Every deviation of a period, by the day on which it was due."""
    every = [*_of_runs(found), *_of_campaigns(found)]
    return sorted(every, key=lambda one: (one.due_at, one.key))


def _made(found: Readiness, key: str, text: str, controls: list[str], due_at: datetime) -> Deviation:
    mine = [one for one in controls if one.startswith(f"{found.framework.code}:")]
    return Deviation(key, text, mine, due_at, {one: found.answering.at(one, due_at) for one in mine})


def _of_runs(found: Readiness) -> Iterator[Deviation]:
    for run in found.mine:
        status = timetable.status(run, found.now)
        # A cancelled run is told once, as its campaign's.
        if status not in coverage.OFF or (status == RunStatus.CANCELLED and run.campaign in found.campaigns):
            continue
        text = _("“{name}”, {run}, due {day}: {status}.").format(
            name=run.definition.name,
            run=run.label,
            day=language.dated(run.due_on, "j M Y"),
            status=language.within(status.label),
        )
        text += f" {run.reason}" if run.reason else ""
        yield _made(found, f"run:{run.pk}", text, found.controls[run.pk], run.due_at)


def _of_campaigns(found: Readiness) -> Iterator[Deviation]:
    outcomes = queries.outcomes_of(found.campaigns)
    partial = {one.campaign_id for one in found.frozen if one.snapshot.completeness != "full"}
    for campaign in found.campaigns:
        missing = outcomes.get(campaign.pk, {}).get("not_reviewed", 0)
        removals, unjudged = found.removals[campaign.pk], found.findings[campaign.pk]
        told = (
            ("cancelled", campaign.state == CampaignState.CANCELLED, _("“{name}” was cancelled.")),
            ("not-reviewed", missing, ngettext("“{name}”: {n} of {all} items was not reviewed.",
                                               "“{name}”: {n} of {all} items were not reviewed.", missing)),
            ("removals", removals, ngettext("“{name}”: {n} removal is not proved.", "“{name}”: {n} removals are not proved.", removals)),
            ("findings", unjudged, ngettext("“{name}”: {n} finding about how it was reviewed is not judged.",
                                            "“{name}”: {n} findings about how it was reviewed are not judged.", unjudged)),
            ("readings", campaign.pk in partial, _("“{name}” rests on a reading that was not complete.")),
        )  # fmt: skip
        for kind, count, text in told:
            if count:
                words = text.format(name=campaign.name, n=int(count), all=campaign.item_count)
                yield _made(found, f"{kind}:{campaign.pk}", words, campaign.terms["controls"], campaign.due_at)

"""Findings: where somebody's way of reviewing passed a threshold that their campaign was launched with."""

import uuid
from collections.abc import Iterable

from django.db import transaction

from campaigns import measures, quality
from campaigns.models import Campaign, Finding
from certify.lib import clock
from ledger.actions import entries
from people.models import User


@transaction.atomic
def record(*, campaign: Campaign, reviewers: Iterable[int] | None = None, by) -> int:
    """Record what is found of the reviewers now, or of these of them; returns how many findings are new.

    The caller holds the campaign. A measure that was found of somebody already stays as it was found, so a second run adds
    nothing; who was asked again since is measured anew, over what they decided since. Terms without thresholds, as of campaigns
    before there were any, have no findings.
    """
    thresholds = campaign.terms.get("quality")
    if not thresholds:
        return 0
    again = quality.asked_again(campaign)
    found = quality.measured(campaign, reviewers, again)
    earlier = Finding.objects.filter(campaign=campaign, reviewer_id__in=list(found))
    known = set(earlier.values_list("reviewer_id", "measure", "round"))
    rounds = {pk: again[pk].times + 1 if pk in again else 1 for pk in found}
    new = [
        Finding(
            campaign=campaign,
            reviewer_id=pk,
            measure=str(breach.measure),
            value=breach.value,
            threshold=breach.threshold,
            decided=one.decided,
            round=rounds[pk],
            entry_uid=uuid.uuid4(),
        )
        for pk, one in found.items()
        for breach in measures.breaches(one, quality.held_to(thresholds, again.get(pk)))
        if (pk, str(breach.measure), rounds[pk]) not in known
    ]
    if new:
        _write(campaign, new, by)
    return len(new)


def _write(campaign: Campaign, made: list[Finding], by) -> None:
    now, people = clock.now(), User.objects.in_bulk({finding.reviewer_id for finding in made})
    for finding in made:
        finding.reviewer, finding.found_at = people[finding.reviewer_id], now
        finding.reviewer_name = finding.reviewer.name
    entries.record_many(
        kind="finding:made",
        by=by,
        at=now,
        rows=[(f"campaigns.campaign:{campaign.pk}", _facts(finding)) for finding in made],
        uids=[finding.entry_uid for finding in made],
    )
    Finding.objects.bulk_create(made, batch_size=5_000)


def _facts(finding: Finding) -> dict:
    facts = {
        "campaign": str(finding.campaign_id),
        "reviewer": finding.reviewer.actor_ref(),
        "measure": finding.measure,
        "value": str(finding.value),
        "threshold": str(finding.threshold),
        "decided": str(finding.decided),
    }
    return facts | {"asked": f"again, round {finding.round}"} if finding.round > 1 else facts

"""Launch: a definition becomes a campaign with a frozen population, in one transaction."""

from collections.abc import Callable
from datetime import datetime

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from campaigns import (
    advising,
    assigning,
    item_conflicts,
    item_contexts,
    item_names,
    permissions,
    population,
    roots,
    rules,
    stages,
)
from campaigns.actions import asking, sod_conflicts
from campaigns.models import Campaign, CampaignDefinition, CampaignSource
from campaigns.scope import reading
from campaigns.states import CampaignState
from certify.lib import clock
from certify.lib.errors import DomainError, InvalidInput, NotAllowed
from certify.lib.times import rfc3339
from inventory.models import Snapshot, SnapshotFile
from ledger.actions import entries
from people.actions import mails

Progress = Callable[[int, str], None]
SHOWN = 100


@transaction.atomic
def preview(*, definition_id: int, by) -> dict:
    """What a launch would do now: balance per source, exclusions by rule, reviewers, items without one. Changes nothing.

    Lists are capped at 100; the totals beside them say how many there are.
    """
    if not permissions.can_run_campaigns(by):
        raise NotAllowed(_("Only a control owner may preview a campaign."))
    definition = CampaignDefinition.objects.get(pk=definition_id)
    sod_conflicts.refresh(by=by)
    found = population.at(definition.terms(), clock.now())
    with transaction.atomic():
        population.stage(found)
        balance = population.balance()
        missing, first_missing = population.without_reviewer(SHOWN)
        reviewer_count, reviewers = population.per_reviewer(SHOWN)
        excluded = population.excluded_by_rule()
        transaction.set_rollback(True)
    for reviewer in reviewers:
        reviewer["minutes"] = rules.minutes_left(reviewer["items"], None)
    snapshots = Snapshot.objects.select_related("source").filter(pk__in=found.snapshots.values()).order_by("source__name")
    sources = [
        dict(zip(("granted", "items", "excluded"), balance.get(snapshot.source_id, (0, 0, 0)), strict=True))
        | {"snapshot": snapshot, "source": snapshot.source}
        for snapshot in snapshots
    ]
    return {
        "sources": sources,
        "unloaded": [source for source in definition.terms()["scope"]["sources"] if source not in found.snapshots],
        "items": sum(source["items"] for source in sources),
        "excluded": excluded,
        "reviewer_count": reviewer_count,
        "reviewers": reviewers,
        "missing_count": missing,
        "missing": first_missing,
    }


@transaction.atomic
def request(*, definition_id: int, name: str, by, is_staged_first: bool = False) -> Campaign:
    """Ask for a launch; the launch task does it. `is_staged_first`: freeze, then wait for the owner to open it.

    Refuses archived definitions, sources never loaded and a name that is taken.
    """
    if not permissions.can_run_campaigns(by):
        raise NotAllowed(_("Only a control owner may launch a campaign."))
    definition = CampaignDefinition.objects.select_for_update(of=("self",), no_key=True).get(pk=definition_id)
    if definition.is_archived:
        raise InvalidInput(_("This definition is archived."))
    sources = definition.scope["sources"]
    if len(population.latest_snapshots(sources)) < len(sources):
        raise InvalidInput(_("A source of this definition was never loaded. Load it first, or take it out of the definition."))
    campaign = Campaign(
        definition=definition,
        name=name.strip() or definition.name,
        terms=reading.frozen_terms(definition, clock.now()),
        owner=definition.owner,
        requested_by=by,
        requested_at=clock.now(),
        is_staged_first=is_staged_first,
    )
    try:
        with transaction.atomic():
            campaign.save()
    except IntegrityError:
        raise InvalidInput(
            _("There is already a campaign called “{campaign_name}”.").format(campaign_name=campaign.name), field="name"
        ) from None
    _record_request(campaign, by)
    return campaign


@transaction.atomic
def launch(*, campaign_id: int, by, progress: Progress = lambda percent, text: None) -> Campaign:
    """Freeze the population and open the campaign, or stage it. A campaign that is already open is left as it is.

    Refuses when an item has no reviewer, or when nothing is in scope. Nothing is half-written: a launch that is killed leaves
    the request, and the next task starts again.
    """
    campaign = Campaign.objects.select_for_update(of=("self",), no_key=True).get(pk=campaign_id)
    if campaign.state != CampaignState.REQUESTED:
        return campaign
    now = clock.now()
    campaign.terms = campaign.terms | {rules.NAMES: rules.APART, item_names.HOLDERS: item_names.COMMITTED}
    progress(5, "Reading who has what")
    sod_conflicts.refresh(by=by)
    found = population.at(campaign.terms, now)
    population.stage(found, for_launch=True)
    _check_reviewers()
    progress(30, "Making sign-ins for new reviewers")
    first = stages.of(campaign.terms)[0]
    asking.provision(table="launch_population", panels=len(first["panels"]), condition="exclusion IS NULL", by=by)
    progress(35, "Writing items and assignments")
    population.insert(campaign, now)
    item_conflicts.freeze(campaign, now)
    item_contexts.freeze(campaign)
    _check_everybody_asked(campaign)
    _balance(campaign, found)
    progress(55, "Working out what to recommend")
    advising.advise(campaign, now, sources=list(found.snapshots), is_whole=found.values["only"] is None)
    progress(65, "Computing the population's hash")
    _commit(campaign, progress)
    if not campaign.item_count:
        raise InvalidInput(_("Nothing is in scope: every open grant is excluded. Widen the definition's scope."))
    progress(92, "Recording the launch")
    campaign.progress, campaign.progress_text, campaign.error = 100, "", ""
    if campaign.is_staged_first:
        _stage(campaign, now, by)
    else:
        begin(campaign=campaign, at=now, by=by)
    return campaign


def _commit(campaign: Campaign, progress: Progress) -> None:
    """Set the roots over everything that was frozen."""

    def hashed(rows: int) -> None:
        progress(min(90, 65 + rows // 40_000), f"Computing the population's hash: {rows:,} rows")

    campaign.population_root, campaign.item_count = roots.over("campaigns_reviewitem", campaign.pk, hashed)
    campaign.exclusion_root, campaign.excluded_count = roots.over("campaigns_exclusion", campaign.pk, hashed)
    campaign.conflict_root, campaign.conflict_count = roots.over("campaigns_itemconflict", campaign.pk)
    campaign.context_root = roots.over("campaigns_itemcontext", campaign.pk)[0]
    campaign.advice_root = roots.of(advising.LEAVES, campaign.pk, hashed)[0]


@transaction.atomic
def begin(*, campaign: Campaign, at: datetime, by) -> None:
    """Open a (locked) campaign whose population is frozen: record what it asks, and tell whom it asks."""
    rules.check_transition(campaign.state, CampaignState.OPEN)
    campaign.state, campaign.opened_at, campaign.stage_opened_at = CampaignState.OPEN, at, at
    campaign.due_at = stages.due_at(campaign.terms, 1, at, campaign.ends_at)
    asked = _record(campaign, by)
    campaign.save()
    asking.tell(campaign=campaign, asked=asked, by=by)


def _stage(campaign: Campaign, at: datetime, by) -> None:
    """Leave the frozen population for its owner to look at."""
    campaign.state = CampaignState.STAGED
    campaign.save()
    data = {"campaign": str(campaign.pk), "items": campaign.item_count, "excluded": campaign.excluded_count}
    data |= {"population_root": campaign.population_root, "exclusion_root": campaign.exclusion_root}
    data |= {"conflicts": campaign.conflict_count, "conflict_root": campaign.conflict_root}
    data |= {"advice_root": campaign.advice_root, "context_root": campaign.context_root}
    entries.record(kind="campaign:staged", subject=f"campaigns.campaign:{campaign.pk}", by=by, at=at, data=data)


@transaction.atomic
def fail(*, campaign_id: int, refusal: DomainError, by) -> None:
    """Record that a launch was refused, and why; the owner may mend the cause and ask again."""
    campaign = Campaign.objects.select_for_update(of=("self",), no_key=True).get(pk=campaign_id)
    rules.check_transition(campaign.state, CampaignState.FAILED)
    campaign.state, campaign.error = CampaignState.FAILED, refusal.message
    campaign.save(update_fields=["state", "error"])
    entry = entries.record(
        kind="campaign:launch-failed",
        subject=f"campaigns.campaign:{campaign.pk}",
        by=by,
        data={"campaign": str(campaign.pk), "reason": refusal.message},
    )
    mails.queue(
        recipient=campaign.owner,
        template="launch_failed",
        context={"campaign": campaign.name, "reason": refusal.message, "path": f"/campaigns/{campaign.pk}/"},
        subject_ref=f"campaigns.campaign:{campaign.pk}",
        dedupe_key=f"launch-failed:{entry.uid}",
        by=by,
    )


@transaction.atomic
def retry(*, campaign_id: int, by) -> Campaign:
    """Ask again for a launch that was refused, with the definition as it stands now."""
    campaign = Campaign.objects.select_for_update(of=("self",), no_key=True).select_related("definition").get(pk=campaign_id)
    if not permissions.can_run_campaigns(by):
        raise NotAllowed(_("Only a control owner may launch a campaign."))
    ask(campaign=campaign, by=by)
    return campaign


@transaction.atomic
def ask(*, campaign: Campaign, by) -> None:
    """Ask for the launch of a (locked) campaign that exists, with the definition as it stands now."""
    rules.check_transition(campaign.state, CampaignState.REQUESTED)
    campaign.state, campaign.error = CampaignState.REQUESTED, ""
    campaign.terms = reading.terms_again(campaign, clock.now())
    campaign.owner = campaign.definition.owner
    campaign.save(update_fields=["state", "error", "terms", "owner"])
    _record_request(campaign, by)


def _record_request(campaign: Campaign, by) -> None:
    entries.record(
        kind="campaign:requested",
        subject=f"campaigns.campaign:{campaign.pk}",
        by=by,
        data={"campaign": str(campaign.pk), "name": campaign.name, "definition": str(campaign.definition_id)},
    )


def _check_reviewers() -> None:
    missing, first = population.without_reviewer(1)
    if missing:
        row = first[0]
        raise InvalidInput(
            _(
                "{missing} items have no reviewer, for example {account} · {value} in {source}: the fallback "
                "would review their own access. Name a system owner or another fallback reviewer."
            ).format(
                missing=intcomma(missing),
                account=row["account"],
                value=row["entitlement"] or row["entitlement_key"],
                source=row["source"],
            )
        )


def _check_everybody_asked(campaign: Campaign) -> None:
    """A group may turn out to consist of nobody but the person reviewed."""
    asks_groups = any("group" in link for panel in stages.of(campaign.terms)[0]["panels"] for link in panel)
    if asks_groups and (missing := assigning.without_assignment(campaign, "launch_population", "exclusion IS NULL")):
        raise InvalidInput(
            _(
                "{missing} items have no reviewer: nobody is in their group besides the person reviewed. Add "
                "members to the group."
            ).format(missing=intcomma(missing))
        )


def _balance(campaign: Campaign, found: population.Population) -> None:
    balance = population.balance()
    CampaignSource.objects.bulk_create(
        CampaignSource(
            campaign=campaign,
            source_id=source,
            snapshot_id=snapshot,
            **dict(zip(("grants_open", "items", "excluded"), balance.get(source, (0, 0, 0)), strict=True)),
        )
        for source, snapshot in found.snapshots.items()
    )


def _record(campaign: Campaign, by) -> dict[int, int]:
    """Enter the launch and who is asked in the ledger; returns reviewer id → items."""
    sources = campaign.sources.select_related("source", "snapshot")
    hashes: dict[int, list[str]] = {}
    for snapshot, sha256 in SnapshotFile.objects.filter(snapshot__in=[one.snapshot_id for one in sources]).values_list(
        "snapshot_id", "sha256"
    ):
        hashes.setdefault(snapshot, []).append(sha256)
    subject = f"campaigns.campaign:{campaign.pk}"
    entry = entries.record(
        kind="campaign:launched",
        subject=subject,
        by=by,
        at=campaign.opened_at,
        data={
            "campaign": str(campaign.pk),
            "name": campaign.name,
            "definition": str(campaign.definition_id),
            "controls": campaign.terms["controls"],
            "terms": campaign.terms,
            "opened_at": rfc3339(campaign.opened_at),
            "due_at": rfc3339(campaign.due_at),
            "sources": [
                {
                    "source": one.source.key,
                    "snapshot": str(one.snapshot.number),
                    "sha256": hashes.get(one.snapshot_id, []),
                    "grants_open": one.grants_open,
                    "items": one.items,
                    "excluded": one.excluded,
                }
                for one in sources
            ],
            "items": campaign.item_count,
            "excluded": campaign.excluded_count,
            "population_root": campaign.population_root,
            "exclusion_root": campaign.exclusion_root,
            "conflicts": campaign.conflict_count,
            "conflict_root": campaign.conflict_root,
            # A campaign that was staged before there was advice has none.
            **({"advice_root": campaign.advice_root} if campaign.advice_root else {}),
            **({"context_root": campaign.context_root} if campaign.context_root else {}),
        },
    )
    campaign.launch_entry_uid = entry.uid
    return asking.record(campaign=campaign, at=campaign.opened_at, by=by)

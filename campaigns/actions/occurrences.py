"""From a run that is expected to its campaign: the draft, the gate, the launch, and what became of it when it did not run."""

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import gate, permissions, queries, rules
from campaigns.actions import launching, schedules
from campaigns.models import Campaign, CampaignDefinition, Occurrence
from campaigns.scope import reading
from campaigns.states import CampaignState, OccurrenceState
from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from ledger.actions import entries
from ledger.actors import SYSTEM
from people.actions import mails

WAITING = (OccurrenceState.EXPECTED, OccurrenceState.DRAFTED)


@transaction.atomic
def advance(*, definition_id: int, by=SYSTEM) -> None:
    """Do for one definition what is due by now: expect, draft, launch, or hold. Running it again, or twice at once, adds nothing.

    When several runs wait because Certify was down or the data was not ready, the newest one is caught up; older ones whose due date has
    passed are recorded as missed.
    """
    definition = CampaignDefinition.objects.select_for_update(of=("self",), no_key=True).get(pk=definition_id)
    schedules.expect(definition=definition, reason="The definition was changed.", by=by)
    now = clock.now()
    due = list(definition.occurrences.filter(state__in=WAITING, draft_at__lte=now).select_related("campaign"))
    opening = [one for one in due if one.opens_at <= now]
    for one in opening[:-1]:
        if one.due_at <= now:
            due.remove(one)
            _miss(one, opening[-1], by)
    for one in due:
        if one.state == OccurrenceState.EXPECTED:
            _draft(definition, one, by)
        if one.opens_at <= now and one.campaign.state == CampaignState.DRAFT:
            _launch_or_hold(definition, one, by)


def _draft(definition: CampaignDefinition, occurrence: Occurrence, by) -> None:
    now = clock.now()
    occurrence.campaign = Campaign.objects.create(
        definition=definition,
        name=queries.free_name(f"{definition.name} – {occurrence.label}"[:190]),
        state=CampaignState.DRAFT,
        terms=reading.frozen_terms(definition, now),
        owner=definition.owner,
        requested_by=definition.owner,
        requested_at=now,
        ends_at=occurrence.due_at,
    )
    occurrence.state = OccurrenceState.DRAFTED
    occurrence.save(update_fields=["state", "campaign"])
    _record("drafted", occurrence, by, campaign=str(occurrence.campaign_id))
    _tell(occurrence, "occurrence_drafted", str(occurrence.pk), by, held=gate.findings(definition, now))


def _launch_or_hold(definition: CampaignDefinition, occurrence: Occurrence, by) -> None:
    held = gate.findings(definition, clock.now())
    if not held:
        _launch(occurrence, "", by)
        return
    if held != occurrence.held_for:
        occurrence.held_for = held
        occurrence.save(update_fields=["held_for"])
        entry = _record("held", occurrence, by, reasons=held)
        _tell(occurrence, "occurrence_held", str(entry.uid), by, held=held)


def _launch(occurrence: Occurrence, reason: str, by) -> None:
    launching.ask(campaign=occurrence.campaign, by=by)
    occurrence.state, occurrence.reason = OccurrenceState.LAUNCHED, reason
    occurrence.save(update_fields=["state", "reason"])
    _record("launched", occurrence, by, campaign=str(occurrence.campaign_id), reason=reason, held_for=occurrence.held_for)


def _miss(occurrence: Occurrence, newer: Occurrence, by) -> None:
    why = " ".join(occurrence.held_for) or "Certify did not run when it was to open."
    reason = f"{why} Caught up by the run due on {newer.due_on}."
    _end(occurrence, OccurrenceState.MISSED, reason, by)


def _end(occurrence: Occurrence, state: OccurrenceState, reason: str, by) -> None:
    """It will not run. A draft of it is cancelled."""
    if occurrence.campaign:
        rules.check_transition(occurrence.campaign.state, CampaignState.CANCELLED)
        occurrence.campaign.state, occurrence.campaign.error = CampaignState.CANCELLED, reason
        occurrence.campaign.save(update_fields=["state", "error"])
    occurrence.state, occurrence.reason = state, reason
    occurrence.save(update_fields=["state", "reason"])
    _record(state.value, occurrence, by, reason=reason)


def _record(what: str, occurrence: Occurrence, by, **more):
    data = occurrence.ledger_facts() | more
    return entries.record(kind=f"occurrence:{what}", subject=occurrence.ledger_subject(), by=by, data=data)


def _tell(occurrence: Occurrence, template: str, key: str, by, *, held: list[str]) -> None:
    """Mail the owner."""
    mails.queue(
        recipient=occurrence.campaign.owner,
        template=template,
        context={
            "campaign": occurrence.campaign.name,
            "opens_on": occurrence.opens_at.date().isoformat(),
            "due_on": occurrence.due_on.isoformat(),
            "held": held,
            "path": f"/campaigns/{occurrence.campaign_id}/",
        },
        subject_ref=f"campaigns.campaign:{occurrence.campaign_id}",
        dedupe_key=f"{template}:{key}",
        by=by,
    )


def _locked(occurrence_id: int, by) -> Occurrence:
    """The run, under the lock of its definition: the order in which the sweep takes them."""
    if not permissions.can_run_campaigns(by):
        raise NotAllowed(_("Only a control owner may decide about a run."))
    definition = Occurrence.objects.values_list("definition_id", flat=True).get(pk=occurrence_id)
    CampaignDefinition.objects.select_for_update(of=("self",), no_key=True).get(pk=definition)
    occurrence = Occurrence.objects.select_related("campaign", "definition").get(pk=occurrence_id)
    if occurrence.state not in WAITING:
        raise InvalidInput(
            _("This run is “{get_state_display}”: it can no longer be decided about.").format(
                get_state_display=occurrence.get_state_display()
            )
        )
    return occurrence


@transaction.atomic
def launch_now(*, occurrence_id: int, reason: str, by) -> Occurrence:
    """Launch a draft before its day, or in spite of what holds it; what held it then needs a reason."""
    occurrence = _locked(occurrence_id, by)
    if occurrence.state != OccurrenceState.DRAFTED:
        raise InvalidInput(_("There is no draft of this run yet."))
    occurrence.held_for = gate.findings(occurrence.definition, clock.now())
    why = gettext_lazy("The data is not ready; say why it is launched all the same.") if occurrence.held_for else ""
    reason = rules.check_reason(reason, why)
    occurrence.save(update_fields=["held_for"])
    _launch(occurrence, reason, by)
    return occurrence


@transaction.atomic
def skip(*, occurrence_id: int, reason: str, by) -> Occurrence:
    """Say that a run will not take place, and why; the auditor reads it."""
    occurrence = _locked(occurrence_id, by)
    _end(occurrence, OccurrenceState.SKIPPED, rules.check_reason(reason, gettext_lazy("Say why this run is skipped.")), by)
    return occurrence

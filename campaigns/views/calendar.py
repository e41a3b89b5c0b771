"""When reviews are due: the schedule of a definition, the calendar of a year, and one run in it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from campaigns import gate, permissions, recurrence, stages, timetable
from campaigns.actions import events, occurrences, schedules
from campaigns.forms import RunForm, ScheduleForm, WatchForm
from campaigns.models import CampaignDefinition, Occurrence
from campaigns.states import OccurrenceState, RunStatus
from campaigns.tasks import run_requested_launches
from certify.lib import clock
from certify.lib.access import requires
from certify.lib.errors import InvalidInput
from certify.lib.nudge import nudge
from certify.lib.numbers import whole

NEXT_SHOWN, EVENTS_SHOWN = 8, 20


@requires(permissions.can_run_campaigns)
@require_http_methods(["GET", "POST"])
def definition_schedule(request: HttpRequest, pk: int) -> HttpResponse:
    definition = get_object_or_404(CampaignDefinition, pk=pk, is_archived=False)
    now = clock.now()
    form = ScheduleForm(request.POST or None, initial=ScheduleForm.initial_of(definition.schedule, now.date()))
    if request.method == "POST" and form.is_valid():
        try:
            schedules.set_schedule(definition_id=pk, schedule=form.schedule(), by=request.user)
        except InvalidInput as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, _("Saved. What is expected from now on is below."))
            return redirect("campaigns:definition-schedule", pk=pk)
    return _schedule_page(request, definition, form, WatchForm(initial=definition.watched))


@requires(permissions.can_run_campaigns)
@require_POST
def definition_watch(request: HttpRequest, pk: int) -> HttpResponse:
    """Say which events the definition asks about."""
    definition = get_object_or_404(CampaignDefinition, pk=pk, is_archived=False)
    form = WatchForm(request.POST)
    if form.is_valid():
        try:
            events.watch(definition_id=pk, **form.cleaned_data, by=request.user)
        except InvalidInput as refusal:
            form.add_error(refusal.field, refusal.message)
        else:
            messages.success(request, _("Saved. What happens from now on is asked about."))
            return redirect("campaigns:definition-schedule", pk=pk)
    schedule = ScheduleForm(initial=ScheduleForm.initial_of(definition.schedule, clock.now().date()))
    return _schedule_page(request, definition, schedule, form)


def _schedule_page(request: HttpRequest, definition: CampaignDefinition, form: ScheduleForm, watch: WatchForm) -> HttpResponse:
    now = clock.now()
    coming = definition.occurrences.filter(state__in=occurrences.WAITING).select_related("campaign")
    found = definition.access_events.select_related("campaign")
    context = {
        "definition": definition,
        "form": form,
        "watch": watch,
        "found": found[:EVENTS_SHOWN],
        "found_count": found.count(),
        "words": recurrence.words(definition.schedule) if definition.schedule else "",
        "coming": coming[:NEXT_SHOWN],
        "coming_count": coming.count(),
        "days": stages.total_days(definition.terms()),
        "held": gate.findings(definition, now) if definition.schedule else [],
    }
    return render(request, "campaigns/schedule.html", context, status=422 if form.errors or watch.errors else 200)


@requires(permissions.can_see_campaigns)
@require_safe
def calendar(request: HttpRequest) -> HttpResponse:
    """A year: for each definition what was expected in which month, and what became of it. `?year=`, `?control=`."""
    now = clock.now()
    wanted, control = whole(request.GET.get("year", "")) or 0, request.GET.get("control", "")
    number = wanted if 1990 <= wanted <= 2199 else now.year
    year = timetable.year(number, now, control)
    shown = [found for found in RunStatus if year.counts[found]]
    context = {
        "year": year,
        "by_control": [(one, counts.total(), [counts[found] for found in shown]) for one, counts in year.by_control.items()],
        "statuses": shown,
        "years": sorted({*timetable.years(), now.year, number}),
        "control": control,
        "controls": timetable.controls(),
        "counts": [(found, year.counts[found]) for found in shown],
        "months": [clock.now().replace(month=month, day=1) for month in range(1, 13)],
        "this_month": now.month if number == now.year else 0,
        "cap": timetable.SHOWN,
        "can_run": permissions.can_run_campaigns(request.user),
    }
    return render(request, "campaigns/calendar.html", context)


@requires(permissions.can_run_campaigns)
@require_http_methods(["GET", "POST"])
def occurrence_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One expected run: what holds it; POST launches it now or skips it."""
    occurrence = get_object_or_404(Occurrence.objects.select_related("campaign", "definition"), pk=pk)
    form = RunForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        act = occurrences.skip if "skip" in request.POST else occurrences.launch_now
        try:
            act(occurrence_id=pk, reason=form.cleaned_data["reason"], by=request.user)
        except InvalidInput as refusal:
            form.add_error("reason", refusal.message)
        else:
            nudge(run_requested_launches)
            return redirect("campaigns:occurrence-detail", pk=pk)
    now = clock.now()
    context = {
        "occurrence": occurrence,
        "definition": occurrence.definition,
        "status": timetable.status(occurrence, now),
        "held": gate.findings(occurrence.definition, now) if occurrence.definition.schedule else [],
        "is_waiting": occurrence.state in occurrences.WAITING,
        "is_drafted": occurrence.state == OccurrenceState.DRAFTED,
        "form": form,
        "now": now,
    }
    return render(request, "campaigns/occurrence_detail.html", context, status=422 if form.errors else 200)

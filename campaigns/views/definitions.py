"""Definitions and their previews."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from campaigns import permissions, queries
from campaigns.actions import definitions, launching
from campaigns.forms import DefinitionForm, LaunchForm
from campaigns.models import CampaignDefinition
from campaigns.tasks import launch_campaign
from certify.lib import clock
from certify.lib.access import requires
from certify.lib.errors import InvalidInput
from certify.lib.nudge import nudge


@requires(permissions.can_see_campaigns)
@require_safe
def definition_list(request: HttpRequest) -> HttpResponse:
    context = {"definitions": queries.definitions(), "can_run": permissions.can_run_campaigns(request.user)}
    return render(request, "campaigns/definition_list.html", context)


def _save(request: HttpRequest, form: DefinitionForm, definition: CampaignDefinition | None) -> CampaignDefinition | None:
    """Write the form; a refusal lands at its field."""
    if not form.is_valid():
        return None
    try:
        if definition:
            return definitions.change(definition_id=definition.pk, terms=form.terms(), by=request.user)
        return definitions.create(terms=form.terms(), by=request.user)
    except InvalidInput as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        return None


@requires(permissions.can_run_campaigns)
@require_http_methods(["GET", "POST"])
def definition_create(request: HttpRequest) -> HttpResponse:
    form = DefinitionForm(request.POST or None, initial={"owner": request.user.pk, "fallback_reviewer": request.user.pk})
    if request.method == "POST" and (saved := _save(request, form, None)):
        return redirect("campaigns:definition-preview", pk=saved.pk)
    return render(request, "campaigns/definition_form.html", {"form": form}, status=422 if form.errors else 200)


@requires(permissions.can_run_campaigns)
@require_http_methods(["GET", "POST"])
def definition_edit(request: HttpRequest, pk: int) -> HttpResponse:
    definition = get_object_or_404(CampaignDefinition, pk=pk, is_archived=False)
    form = DefinitionForm(request.POST or None, initial=DefinitionForm.initial_of(definition))
    if request.method == "POST" and _save(request, form, definition):
        messages.success(request, "Saved. Campaigns that were launched keep the terms they were launched with.")
        return redirect("campaigns:definition-preview", pk=pk)
    context = {"form": form, "definition": definition}
    return render(request, "campaigns/definition_form.html", context, status=422 if form.errors else 200)


@requires(permissions.can_run_campaigns)
@require_http_methods(["GET", "POST"])
def definition_preview(request: HttpRequest, pk: int) -> HttpResponse:
    """What a launch would do now; POST asks for it."""
    definition = get_object_or_404(CampaignDefinition, pk=pk, is_archived=False)
    now = clock.now()
    form = LaunchForm(request.POST or None, initial={"name": f"{definition.name} {now:%B %Y}"})
    if request.method == "POST" and form.is_valid():
        try:
            campaign = launching.request(definition_id=pk, name=form.cleaned_data["name"], by=request.user)
        except InvalidInput as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        else:
            nudge(launch_campaign, campaign.pk)
            return redirect("campaigns:campaign-detail", pk=campaign.pk)
    context = {
        "definition": definition,
        "form": form,
        "now": now,
        "preview": launching.preview(definition_id=pk, by=request.user),
    }
    return render(request, "campaigns/definition_preview.html", context, status=422 if form.errors else 200)


@requires(permissions.can_run_campaigns)
@require_POST
def definition_archive(request: HttpRequest, pk: int) -> HttpResponse:
    definition = get_object_or_404(CampaignDefinition, pk=pk)
    definitions.archive(definition_id=definition.pk, by=request.user)
    messages.success(request, f"“{definition.name}” is archived. Its campaigns stay.")
    return redirect("campaigns:definition-list")

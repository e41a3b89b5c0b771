"""Definitions and their previews."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from campaigns import permissions, plan_form, queries, stages
from campaigns.actions import definitions, launching
from campaigns.forms import DefinitionForm, LaunchForm
from campaigns.models import CampaignDefinition, SavedScope
from campaigns.scope import builder, documents, live, reading, sentences
from campaigns.scope.builder import Draft
from campaigns.scope.presets import PRESETS, cards
from campaigns.tasks import launch_campaign
from campaigns.views.scopes import posted_draft
from certify.lib import clock
from certify.lib.access import requires
from certify.lib.errors import InvalidInput
from certify.lib.nudge import nudge
from certify.lib.numbers import whole

#: The scope of a new definition, before anything is chosen.
EMPTY = {"version": 1, "sources": [], "include": [], "exclude": [], "standing": True}


@requires(permissions.can_see_campaigns)
@require_safe
def definition_list(request: HttpRequest) -> HttpResponse:
    context = {"definitions": queries.definitions(), "can_run": permissions.can_run_campaigns(request.user)}
    return render(request, "campaigns/definition_list.html", context)


def _save(
    request: HttpRequest, form: DefinitionForm, draft: Draft, definition: CampaignDefinition | None
) -> CampaignDefinition | None:
    """Write the form; a refusal lands at its field."""
    document = draft.document()
    if not form.is_valid() or document is None or draft.has_errors():
        return None
    try:
        if definition:
            return definitions.change(definition_id=definition.pk, terms=form.terms(document), by=request.user)
        return definitions.create(terms=form.terms(document), by=request.user)
    except InvalidInput as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        return None


def _edit(request: HttpRequest, initial: dict, document: dict, definition: CampaignDefinition | None) -> HttpResponse:
    """The form of a new or an old definition. A button that changes the scope saves nothing: without JavaScript it comes here."""
    if request.method == "POST" and "act" not in request.POST:
        form, (draft, said) = DefinitionForm(request.POST, initial=initial), posted_draft(request)
        if saved := _save(request, form, draft, definition):
            messages.success(request, _("Saved. Campaigns that were launched keep the terms they were launched with."))
            return redirect("campaigns:definition-preview", pk=saved.pk)
    elif request.method == "POST":
        typed = {name: request.POST.get(name, "") for name in DefinitionForm.base_fields}
        form, (draft, said) = DefinitionForm(initial=initial | typed), posted_draft(request)
    else:
        form, draft, said = DefinitionForm(initial=initial), builder.from_document(document), {}
        builder.offer(draft, PRESETS[initial["kind"]].open_fields if definition is None and initial["kind"] in PRESETS else ())
    is_wrong = form.is_bound and (bool(form.errors) or draft.has_errors())
    context = live.page(draft, clock.now()) | said
    context |= {"form": form, "definition": definition, "cards": cards(), "kind": form["kind"].value(), "is_wrong": is_wrong}
    return render(request, "campaigns/definition_form.html", context, status=422 if is_wrong else 200)


@requires(permissions.can_run_campaigns)
@require_http_methods(["GET", "POST"])
def definition_create(request: HttpRequest) -> HttpResponse:
    """A new definition; `?kind=` fills the form for a kind of review, `?scope=` with a saved scope."""
    initial = {"owner": request.user.pk, "fallback_reviewer": request.user.pk, "kind": ""}
    document = EMPTY
    if preset := PRESETS.get(request.GET.get("kind", "")):
        initial |= DefinitionForm.initial_from(preset, request.GET["kind"])
        document = EMPTY | {"include": list(preset.include)}
    if chosen := whole(request.GET.get("scope", "")):
        document = get_object_or_404(SavedScope, pk=chosen, is_archived=False).scope
    return _edit(request, initial, document, None)


@requires(permissions.can_run_campaigns)
@require_http_methods(["GET", "POST"])
def definition_edit(request: HttpRequest, pk: int) -> HttpResponse:
    definition = get_object_or_404(CampaignDefinition, pk=pk, is_archived=False)
    return _edit(request, DefinitionForm.initial_of(definition), documents.read(definition.scope), definition)


def _preview(definition: CampaignDefinition, request: HttpRequest) -> dict:
    """The preview, with words for the rules that leave grants out."""
    found = launching.preview(definition_id=definition.pk, by=request.user)
    terms = reading.frozen_terms(definition, clock.now())
    excluded = [(source, sentences.left_out(terms, rule), count) for source, rule, count in found["excluded"]]
    return found | {"excluded": excluded, "scope_words": terms["scope_words"]}


@requires(permissions.can_run_campaigns)
@require_http_methods(["GET", "POST"])
def definition_preview(request: HttpRequest, pk: int) -> HttpResponse:
    """What a launch would do now; POST asks for it."""
    definition = get_object_or_404(CampaignDefinition, pk=pk, is_archived=False)
    now = clock.now()
    form = LaunchForm(request.POST or None, initial={"name": f"{definition.name} {now:%B %Y}"})
    if request.method == "POST" and form.is_valid():
        try:
            campaign = launching.request(definition_id=pk, **form.cleaned_data, by=request.user)
        except InvalidInput as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        else:
            nudge(launch_campaign, campaign.pk)
            return redirect("campaigns:campaign-detail", pk=campaign.pk)
    context = {
        "definition": definition,
        "form": form,
        "now": now,
        "preview": _preview(definition, request),
        "stages_in_words": plan_form.in_words(stages.of(definition.terms())),
        **live.lists(documents.read(definition.scope), now),
    }
    return render(request, "campaigns/definition_preview.html", context, status=422 if form.errors else 200)


@requires(permissions.can_run_campaigns)
@require_POST
def definition_archive(request: HttpRequest, pk: int) -> HttpResponse:
    definition = get_object_or_404(CampaignDefinition, pk=pk)
    definitions.archive(definition_id=definition.pk, by=request.user)
    messages.success(request, _("“{definition_name}” is archived. Its campaigns stay.").format(definition_name=definition.name))
    return redirect("campaigns:definition-list")

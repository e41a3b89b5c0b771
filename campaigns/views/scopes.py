"""The scope's part of the definition form while it is written, saved scopes, and standing exclusions."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from campaigns import permissions
from campaigns.actions import scopes
from campaigns.forms import SavedScopeForm, StandingExclusionForm
from campaigns.models import SavedScope, StandingExclusion
from campaigns.scope import builder, choosing, live
from campaigns.scope.builder import Draft
from certify.lib import clock
from certify.lib.access import requires
from certify.lib.errors import InvalidInput
from certify.lib.language import dated
from certify.lib.numbers import whole


def posted_draft(request: HttpRequest) -> tuple[Draft, dict]:
    """The scope as the page sent it, after the button that was pressed; with what is to be said about saved scopes."""
    draft, said = builder.from_post(request.POST), {}
    if request.POST.get("act") == "load" and (chosen := whole(request.POST.get("saved", ""))):
        saved = get_object_or_404(SavedScope, pk=chosen, is_archived=False)
        return builder.from_document(saved.scope), {"scope_said": _("This began as “{name}”.").format(name=saved.name)}
    builder.act(draft, request.POST)
    choosing.settle(draft)
    if request.POST.get("act") == "keep":
        said = _keep(request, draft)
    return draft, said


def _keep(request: HttpRequest, draft: Draft) -> dict:
    form = SavedScopeForm({"name": request.POST.get("save_as", "")})
    document = draft.document()
    if not form.is_valid():
        return {"scope_refused": _("Give the scope a name."), "save_as": ""}
    if document is None or draft.has_errors():
        return {"scope_refused": _("Complete the scope first."), "save_as": form.cleaned_data["name"]}
    try:
        saved = scopes.keep(name=form.cleaned_data["name"], scope=document, by=request.user)
    except InvalidInput as refusal:
        return {"scope_refused": refusal.message, "save_as": form.cleaned_data["name"]}
    return {"scope_said": _("Saved as “{name}”.").format(name=saved.name)}


@requires(permissions.can_run_campaigns)
@require_POST
def scope_build(request: HttpRequest) -> HttpResponse:
    """The scope's part of the form after a button or a choice."""
    draft, said = posted_draft(request)
    return render(request, "campaigns/definition_scope.html", live.part(draft, clock.now()) | said | {"is_part": True})


@requires(permissions.can_run_campaigns)
@require_POST
def scope_counts(request: HttpRequest) -> HttpResponse:
    """The counts alone, while somebody types."""
    draft = builder.from_post(request.POST)
    choosing.settle(draft)
    now = clock.now()
    return render(request, "campaigns/definition_scope_live.html", {"live": live.answer(draft, now), "now": now})


@requires(permissions.can_run_campaigns)
@require_safe
def scope_values(request: HttpRequest) -> HttpResponse:
    """Suggestions for a value: what occurs in the data and holds the typed text."""
    field = request.GET.get("field", "")
    typed = next((value for name, value in request.GET.items() if name.endswith("-new")), "")
    sources = builder.numbers(request.GET.getlist("sources"))
    context = {"suggestions": choosing.suggestions(field, typed, sources)}
    return render(request, "campaigns/definition_scope_values.html", context)


@requires(permissions.can_see_campaigns)
@require_safe
def saved_list(request: HttpRequest) -> HttpResponse:
    found = SavedScope.objects.filter(is_archived=False).select_related("owner")
    context = {"rows": live.told(found), "can_run": permissions.can_run_campaigns(request.user)}
    return render(request, "campaigns/definition_saved_scopes.html", context)


@requires(permissions.can_run_campaigns)
@require_POST
def saved_archive(request: HttpRequest, pk: int) -> HttpResponse:
    saved = scopes.archive(scope_id=get_object_or_404(SavedScope, pk=pk).pk, by=request.user)
    messages.success(
        request, _("“{saved_name}” is archived. Definitions that began with it keep their scope.").format(saved_name=saved.name)
    )
    return redirect("campaigns:saved-scope-list")


@requires(permissions.can_see_campaigns)
@require_http_methods(["GET", "POST"])
def standing_list(request: HttpRequest) -> HttpResponse:
    """The lists of what no review asks about; POST adds one."""
    can_run, now = permissions.can_run_campaigns(request.user), clock.now()
    if request.method == "POST" and not can_run:
        raise PermissionDenied(_("Only a control owner may leave something out of reviews."))
    form = StandingExclusionForm(request.POST or None, initial={"owner": request.user.pk})
    if request.method == "POST" and form.is_valid():
        try:
            made = scopes.exempt(terms=form.terms(), by=request.user)
        except InvalidInput as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        else:
            messages.success(
                request,
                _("“{made_name}” applies to every launch until {ends_on}.").format(
                    made_name=made.name, ends_on=dated(made.ends_on, "j F Y")
                ),
            )
            return redirect("campaigns:standing-exclusion-list")
    lists = StandingExclusion.objects.select_related("owner", "ended_by").order_by("ended_at", "ends_on", "pk")
    context = {"form": form, "lists": lists, "today": now.date(), "can_run": can_run}
    return render(request, "campaigns/definition_exclusions.html", context, status=422 if form.errors else 200)


@requires(permissions.can_run_campaigns)
@require_POST
def standing_end(request: HttpRequest, pk: int) -> HttpResponse:
    found = scopes.end_exemption(exclusion_id=get_object_or_404(StandingExclusion, pk=pk).pk, by=request.user)
    messages.success(
        request, _("“{found_name}” has ended. The next launch asks about everything it covered.").format(found_name=found.name)
    )
    return redirect("campaigns:standing-exclusion-list")

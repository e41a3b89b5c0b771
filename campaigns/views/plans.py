"""How a definition is reviewed: its stages, and the groups it may ask."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from campaigns import permissions, plan_form, plans, stages
from campaigns.actions import plans as actions
from campaigns.forms import GroupForm
from campaigns.models import CampaignDefinition, ReviewerGroup
from campaigns.states import Strategy
from certify.lib.access import requires
from certify.lib.errors import InvalidInput


@requires(permissions.can_run_campaigns)
@require_http_methods(["GET", "POST"])
def definition_plan(request: HttpRequest, pk: int) -> HttpResponse:
    """Who is asked, in which stages, and what their answers come to. “Add a stage” shows one more and saves nothing."""
    definition = get_object_or_404(CampaignDefinition, pk=pk, is_archived=False)
    known, plan, error, wrong = plan_form.choices(), plan_form.initial(definition), "", ""
    if request.method == "POST":
        try:
            plan = plan_form.posted(request.POST, known)
            if "add" in request.POST:
                plan["stages"].append(stages.single([{"rule": "control_owner"}], 7) | {"name": ""})
            else:
                actions.set_plan(definition_id=pk, plan=plan, by=request.user)
                messages.success(request, _("Saved. Campaigns that were launched keep their stages."))
                return redirect("campaigns:definition-preview", pk=pk)
        except InvalidInput as refusal:
            error, wrong = refusal.message, refusal.field or ""
    context = _plan_context(plan, known) | {"definition": definition, "error": error, "wrong": wrong}
    return render(request, "campaigns/plan.html", context, status=422 if error else 200)


def _is_named(plan: dict) -> bool:
    """Whether the second look is taken by somebody else than the owner."""
    return isinstance((plan["second_look"] or {}).get("reviewer"), dict)


def _plan_context(plan: dict, known: plan_form.Choices) -> dict:
    independence = [(name, label, plan["independence"].get(name, "route")) for name, label in plan_form.INDEPENDENCE.items()]
    return {
        "plan": plan,
        "stages": plan_form.rows(plan["stages"], known),
        "known": known,
        "rules": plan_form.RULES,
        "stops": plan_form.STOPS,
        "strategies": Strategy.choices,
        "overall": plan_form.OVERALL,
        "independence": independence,
        "hand_over": plans.HAND_OVER.items(),
        "silence": plans.SILENCE.items(),
        "second_user": (plan["second_look"] or {}).get("reviewer", {}).get("user") if _is_named(plan) else None,
        "second_group": (plan["second_look"] or {}).get("reviewer", {}).get("group") if _is_named(plan) else None,
        "can_add": len(plan["stages"]) < plans.MAX_STAGES,
    }


@requires(permissions.can_run_campaigns)
@require_safe
def group_list(request: HttpRequest) -> HttpResponse:
    groups = ReviewerGroup.objects.prefetch_related("members")
    return render(request, "campaigns/group_list.html", {"groups": groups})


def _group_page(request: HttpRequest, form: GroupForm, group: ReviewerGroup | None) -> HttpResponse:
    return render(request, "campaigns/group_form.html", {"form": form, "group": group}, status=422 if form.errors else 200)


@requires(permissions.can_run_campaigns)
@require_http_methods(["GET", "POST"])
def group_create(request: HttpRequest) -> HttpResponse:
    form = GroupForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            actions.create_group(name=form.cleaned_data["name"], members=form.cleaned_data["members"], by=request.user)
        except InvalidInput as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        else:
            return redirect("campaigns:group-list")
    return _group_page(request, form, None)


@requires(permissions.can_run_campaigns)
@require_http_methods(["GET", "POST"])
def group_edit(request: HttpRequest, pk: int) -> HttpResponse:
    group = get_object_or_404(ReviewerGroup, pk=pk)
    initial = {"name": group.name, "members": group.members.all(), "is_archived": group.is_archived}
    form = GroupForm(request.POST or None, initial=initial)
    form.fields["name"].disabled = True
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            actions.change_group(group_id=pk, members=data["members"], is_archived=data["is_archived"], by=request.user)
        except InvalidInput as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        else:
            return redirect("campaigns:group-list")
    return _group_page(request, form, group)

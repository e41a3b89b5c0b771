"""Who acts for whom: everybody's own page; control owners see and set all of them."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from campaigns import permissions, queries
from campaigns.actions import delegations
from campaigns.forms import DelegationForm
from certify.lib import clock
from certify.lib.access import requires
from certify.lib.errors import InvalidInput

SHOWN = 200


@requires(permissions.can_review)
@require_http_methods(["GET", "POST"])
def delegation_list(request: HttpRequest) -> HttpResponse:
    """The delegations one may see, and the form for another."""
    form = DelegationForm(request.POST or None, by=request.user, initial={"begins_on": clock.now().date()})
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        absence = delegations.Absence(
            data["begins_on"], data["ends_on"], data["reason"], tuple(c.pk for c in data["campaigns"])
        )
        principal = data.get("principal") or request.user
        try:
            delegations.delegate(principal=principal, to=list(data["to"]), absence=absence, by=request.user)
        except InvalidInput as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        else:
            messages.success(
                request,
                _("{value} may now act for {principal_name}.").format(
                    value=", ".join(person.name for person in data["to"]), principal_name=principal.name
                ),
            )
            return redirect("campaigns:delegation-list")
    found = list(queries.delegations_visible_to(request.user)[: SHOWN + 1])
    context = {
        "form": form,
        "delegations": found[:SHOWN],
        "is_cut": len(found) > SHOWN,
        "cap": SHOWN,
        "today": clock.now().date(),
    }
    return render(request, "campaigns/delegation_list.html", context, status=422 if form.errors else 200)


@requires(permissions.can_review)
@require_POST
def delegation_end(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(queries.delegations_visible_to(request.user), pk=pk)
    delegations.end(delegation_id=found.pk, by=request.user)
    messages.success(request, _("Ended."))
    return redirect("campaigns:delegation-list")

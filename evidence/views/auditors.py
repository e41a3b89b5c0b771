"""Who may read a period: invited, invited again, taken off."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from certify.lib.access import requires
from certify.lib.errors import InvalidInput
from certify.lib.nudge import nudge
from evidence import permissions, queries
from evidence.actions import invitations
from evidence.forms import InviteForm
from evidence.models import AuditPeriod
from evidence.views.opened import period_of
from people.models import User
from people.permissions import must_use_second_factor
from people.tasks import send_queued_mail


@requires(permissions.sees_every_period)
@require_http_methods(["GET", "POST"])
def auditor_list(request: HttpRequest, pk: int) -> HttpResponse:
    """The auditors of a period, how far each has come, and inviting one more."""
    period = period_of(request, pk)
    if request.method == "POST" and not permissions.can_invite(request.user):
        raise PermissionDenied("Only a control owner may invite an auditor.")
    form = InviteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            invited = invitations.invite(period_id=pk, **form.cleaned_data, by=request.user)
        except InvalidInput as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        else:
            nudge(send_queued_mail)
            messages.success(request, _("The invitation to {name} is on its way.").format(name=invited.auditor.name))
            return redirect("evidence:auditor-list", pk=pk)
    context = {
        "period": period,
        "form": form,
        "auditors": [(one, must_use_second_factor(one)) for one in queries.auditors_of(period)],
        "can_invite": permissions.can_invite(request.user),
    }
    return render(request, "evidence/auditor_list.html", context, status=422 if form.errors else 200)


def _auditor(period: AuditPeriod, auditor: int) -> User:
    return get_object_or_404(period.auditors, pk=auditor)


@requires(permissions.can_invite)
@require_POST
def invitation_again(request: HttpRequest, pk: int, auditor: int) -> HttpResponse:
    """The mail once more."""
    person = _auditor(period_of(request, pk), auditor)
    try:
        invitations.invite_again(period_id=pk, auditor_id=person.pk, by=request.user)
    except InvalidInput as refusal:
        messages.error(request, refusal.message)
    else:
        nudge(send_queued_mail)
        messages.success(request, _("The invitation to {name} is on its way.").format(name=person.name))
    return redirect("evidence:auditor-list", pk=pk)


@requires(permissions.can_invite)
@require_POST
def invitation_withdraw(request: HttpRequest, pk: int, auditor: int) -> HttpResponse:
    """Take somebody off the period."""
    person = _auditor(period_of(request, pk), auditor)
    try:
        invitations.withdraw(period_id=pk, auditor_id=person.pk, by=request.user)
    except InvalidInput as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("{name} can read this period no longer.").format(name=person.name))
    return redirect("evidence:auditor-list", pk=pk)

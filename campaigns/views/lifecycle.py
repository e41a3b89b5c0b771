"""What the owner does to a campaign as a whole, and what a reviewer of it sees."""

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from campaigns import permissions, worklist, workspace
from campaigns.actions import lifecycle
from campaigns.forms import ReasonForm
from campaigns.models import Assignment, Campaign
from certify.lib import clock
from certify.lib.access import requires
from certify.lib.errors import InvalidInput
from people.models import User


def _campaign(request: HttpRequest, pk: int) -> Campaign:
    return get_object_or_404(Campaign.objects.visible_to(request.user), pk=pk)


def _do(request: HttpRequest, pk: int, action, done: str) -> HttpResponse:
    """Do it, say so or say why not, and back to the campaign."""
    campaign = _campaign(request, pk)
    try:
        action(campaign_id=campaign.pk, by=request.user)
    except InvalidInput as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, done)
    return redirect("campaigns:campaign-detail", pk=pk)


@requires(permissions.can_run_campaigns)
@require_POST
def campaign_open(request: HttpRequest, pk: int) -> HttpResponse:
    return _do(request, pk, lifecycle.open_staged, _("Open. Its reviewers are told by mail."))


@requires(permissions.can_run_campaigns)
@require_POST
def campaign_test_mail(request: HttpRequest, pk: int) -> HttpResponse:
    return _do(
        request,
        pk,
        lifecycle.send_test_mail,
        _("A test mail is on its way to {address}.").format(address=request.user.email or _("you")),
    )


@requires(permissions.can_run_campaigns)
@require_POST
def campaign_resume(request: HttpRequest, pk: int) -> HttpResponse:
    return _do(request, pk, lifecycle.resume, _("It goes on. The stage ends later by as long as it was paused."))


@requires(permissions.can_run_campaigns)
@require_http_methods(["GET", "POST"])
def campaign_pause(request: HttpRequest, pk: int) -> HttpResponse:
    campaign = _campaign(request, pk)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            lifecycle.pause(campaign_id=campaign.pk, reason=form.cleaned_data["reason"], by=request.user)
        except InvalidInput as refusal:
            form.add_error(None, refusal.message)
        else:
            return redirect("campaigns:campaign-detail", pk=pk)
    context = {"campaign": campaign, "form": form}
    return render(request, "campaigns/campaign_pause.html", context, status=422 if form.errors else 200)


@requires(permissions.can_see_campaigns)
@require_safe
def reviewer_page(request: HttpRequest, pk: int, reviewer: int) -> HttpResponse:
    """What one reviewer is asked, as they see it, without anything to decide."""
    campaign = _campaign(request, pk)
    person = get_object_or_404(User, pk=reviewer)
    rows = Assignment.objects.filter(campaign=campaign, reviewer=person, is_active=True)
    page = workspace.review_page(
        rows,
        filters=worklist.Filters(),
        view="risk",
        after=request.GET.get("after", ""),
        limit=settings.CERTIFY_PAGE_ROWS,
    )
    if not page.rows:
        raise Http404
    context = {"campaign": campaign, "person": person, "page": page, "total": rows.count(), "now": clock.now()}
    return render(request, "campaigns/reviewer_page.html", context)

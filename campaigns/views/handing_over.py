"""The page on which a reviewer gives items to somebody else."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from campaigns import hand_over as giving
from campaigns import permissions, worklist
from campaigns.actions import handing_over
from campaigns.actions.items import Selection
from campaigns.forms import HandOverForm
from campaigns.models import Campaign
from campaigns.views.reviews import desk, selection_of
from certify.lib.access import requires
from certify.lib.errors import InvalidInput, NotAllowed
from people.models import User


@requires(permissions.can_review)
@require_POST
def hand_over(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks to whom and why; with `confirm`, gives."""
    campaign, rows = desk(request, pk)
    selection = selection_of(request, rows)
    if not giving.is_possible(campaign.terms):
        raise PermissionDenied
    if not selection.ids:
        messages.error(request, _("Tick the rows first, then choose to whom to give them."))
        return redirect("campaigns:review", pk=pk)
    waiting = worklist.open_rows(rows, campaign.stage).filter(pk__in=selection.ids)
    chosen = list(waiting.values_list("pk", "reviewer_id"))
    offered = giving.receivers(campaign, chosen, request.user)
    form = HandOverForm(request.POST if request.POST.get("confirm") else None, offered=offered)
    if form.is_valid():
        given = _given(request, campaign, selection, form)
        if given:
            return given
    context = {"campaign": campaign, "form": form, "selection": selection, "count": len(chosen), "offered": offered}
    context |= {"left": len(selection.ids) - len(chosen), "givers": _givers(chosen, offered)}
    return render(request, "campaigns/hand_over.html", context, status=422 if form.errors else 200)


def _givers(chosen: list[tuple[int, int]], offered: dict[str, list[User]]) -> list[tuple[User, int]]:
    """Who had some of these before, and how many: giving back is allowed, but said."""
    counts = giving.givers([row for row, _ in chosen])
    return [(person, counts[person.pk]) for people in offered.values() for person in people if person.pk in counts]


def _given(request: HttpRequest, campaign: Campaign, selection: Selection, form: HandOverForm) -> HttpResponse | None:
    """Give and say what went and what stayed; None when the form must be looked at again."""
    to, reason = form.cleaned_data["to"], form.cleaned_data["reason"]
    try:
        done = handing_over.hand_over(campaign_id=campaign.pk, selection=selection, to=to, reason=reason, by=request.user)
    except NotAllowed as refusal:  # somebody was quicker
        form.add_error(None, refusal.message)
        return None
    except InvalidInput as refusal:
        form.add_error("to" if refusal.field == "to" else "reason", refusal.message)
        return None
    said = giving.in_words(done.given, done.back, done.stayed, to)
    if not done.given:
        form.add_error("to", said)
        return None
    (messages.warning if done.stayed else messages.success)(request, said)
    if worklist.my_rows(request.user, campaign.pk).exists():
        return redirect("campaigns:review", pk=campaign.pk)
    return redirect("campaigns:inbox")

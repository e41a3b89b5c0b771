"""Submitting: the summary, the statement that is signed, and the receipt."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from campaigns import guards, permissions, rules, worklist
from campaigns.actions import reviews
from campaigns.models import SignOff
from campaigns.views.reviews import desk
from certify.lib import clock
from certify.lib.access import requires
from certify.lib.errors import InvalidInput
from ledger.models import Entry


@requires(permissions.can_review)
@require_http_methods(["GET", "POST"])
def submit(request: HttpRequest, pk: int) -> HttpResponse:
    """The summary and the statement; POST signs it."""
    (campaign, rows), error = desk(request, pk), ""
    if request.method == "POST":
        if not request.POST.get("agree"):
            error = _("Tick the statement to sign it.")
        else:
            try:
                sign_off = reviews.submit(campaign_id=pk, statement=request.POST.get("statement", ""), by=request.user)
            except InvalidInput as refusal:
                error = refusal.message
            else:
                return redirect("campaigns:receipt", pk=pk, sign_off=sign_off.pk)
    summary = worklist.summary_for_submission(rows, request.user, campaign.stage)
    context = {
        "campaign": campaign,
        "summary": summary,
        "keeps_last_holders": guards.keeps_last_holders(campaign.terms),
        "pace": guards.pace_line(campaign, request.user, clock.now()),
        "statement": rules.statement(summary["total"], campaign.name),
        "statement_words": rules.statement_words(summary["total"], campaign.name),
        "error": error,
    }
    return render(request, "campaigns/submit.html", context, status=422 if error else 200)


@requires(permissions.can_review)
@require_safe
def receipt(request: HttpRequest, pk: int, sign_off: int) -> HttpResponse:
    found = get_object_or_404(SignOff, pk=sign_off, campaign_id=pk, reviewer=request.user)
    entry = Entry.objects.filter(uid=found.entry_uid).select_related("leaf").first()
    context = {
        "campaign": found.campaign,
        "sign_off": found,
        "leaf_hash": bytes(entry.leaf_hash).hex(),
        "leaf": getattr(entry, "leaf", None),
        "open": worklist.open_rows(worklist.my_rows(request.user, pk), found.campaign.stage).count(),
    }
    return render(request, "campaigns/receipt.html", context)

"""Whose access is under review, and the page on which their names are erased; for administrators."""

from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from certify.lib.access import requires
from certify.lib.errors import DomainError, NotAllowed
from inventory import hindrances, queries
from inventory.actions import erasing
from inventory.models import Account, Identity
from ledger import persons
from people.forms import ErasingForm
from people.permissions import can_manage_people

ACCOUNTS_SHOWN = 20


@requires(can_manage_people)
@require_safe
def identity_list(request: HttpRequest) -> HttpResponse:
    search, after = request.GET.get("search", "").strip()[:200], request.GET.get("after", "")[:200]
    limit = settings.CERTIFY_PAGE_ROWS
    rows = list(queries.identities(search, after=after)[: limit + 1])
    accounts = list(queries.unheld_accounts(search)[: ACCOUNTS_SHOWN + 1]) if search else []
    filters = {"search": search} if search else {}
    context = {
        "identities": rows[:limit],
        "found": queries.identities(search).count(),
        "accounts": accounts[:ACCOUNTS_SHOWN],
        "accounts_cut": len(accounts) > ACCOUNTS_SHOWN,
        "cap": ACCOUNTS_SHOWN,
        "search": search,
        "is_first_page": not after,
        "first_url": f"?{urlencode(filters)}",
        "next_url": f"?{urlencode({**filters, 'after': rows[limit - 1].key})}" if len(rows) > limit else "",
    }
    return render(request, "inventory/identity_list.html", context)


@requires(can_manage_people)
@require_http_methods(["GET", "POST"])
def identity_erase(request: HttpRequest, pk: int) -> HttpResponse:
    return _erase(request, Identity.objects.select_related("user", "source"), pk, erasing.erase_identity, "identity_id")


@requires(can_manage_people)
@require_http_methods(["GET", "POST"])
def account_erase(request: HttpRequest, pk: int) -> HttpResponse:
    return _erase(
        request, Account.objects.filter(identity=None).select_related("source"), pk, erasing.erase_account, "account_id"
    )


def _erase(request: HttpRequest, among: QuerySet, pk: int, action, argument: str) -> HttpResponse:
    subject = get_object_or_404(among, pk=pk)
    form = ErasingForm(request.POST or None)
    if form.is_valid():
        try:
            action(**{argument: pk}, **form.answer(), by=request.user)
        except NotAllowed:
            raise
        except DomainError as refusal:
            form.refuse(refusal)
        else:
            mark = persons.mark(queries.reference(subject))
            messages.success(
                request, _("Erased. What was decided of their access stands as that of “{mark}”.").format(mark=mark)
            )
            return redirect("inventory:identity-list")
    context = {
        "subject": subject,
        "mark": persons.mark(queries.reference(subject)),
        "form": form,
        "hindrances": hindrances.of(subject),
        "found": queries.what_names(subject),
    }
    return render(request, "inventory/subject_erase.html", context, status=422 if form.errors else 200)

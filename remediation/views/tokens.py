"""Tokens of programs that carry removals out: made and revoked by administrators."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from certify.lib import clock
from certify.lib.access import requires
from certify.lib.errors import InvalidInput
from inventory.models import Source
from people.actions import tokens
from people.models import ApiToken
from people.permissions import can_manage_tokens
from remediation import permissions
from remediation.forms_objections import TokenForm

#: So many are listed; the latest.
LISTED = 200


@requires(can_manage_tokens)
@never_cache
@require_http_methods(["GET", "POST"])
def token_list(request: HttpRequest) -> HttpResponse:
    """All tokens, and making one: its text is in the answer to that and nowhere else."""
    form, made = TokenForm(request.POST or None, sources=Source.objects.order_by("name")), None
    if request.method == "POST" and form.is_valid():
        try:
            made = tokens.create(**form.wanted(), by=request.user)
        except InvalidInput as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
    now, found = clock.now(), ApiToken.objects.select_related("created_by")
    context = {
        "form": TokenForm(sources=Source.objects.order_by("name")) if made else form,
        "tokens": [_row(token, now) for token in found[:LISTED]],
        "total": found.count(),
        "listed": LISTED,
        "secret": made[1] if made else "",
        "made": made[0] if made else None,
    }
    status = 422 if request.method == "POST" and not made else 200
    return render(request, "remediation/token_list.html", context, status=status)


def _row(token: ApiToken, now) -> dict:
    scopes = [permissions.SCOPES.get(scope, scope) for scope in token.scopes]
    return {"token": token, "is_good": token.is_good(now), "scopes": scopes}


@requires(can_manage_tokens)
@require_POST
def token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """End a token at once."""
    token = get_object_or_404(ApiToken, pk=pk)
    tokens.revoke(token_id=token.pk, by=request.user)
    messages.success(request, _("“{name}” opens nothing any more.").format(name=token.name))
    return redirect("remediation:token-list")

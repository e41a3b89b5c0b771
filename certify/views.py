"""The first page after signing in."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from certify.lib.access import requires, signed_in


@requires(signed_in)
@require_GET
def dashboard(request: HttpRequest) -> HttpResponse:
    return render(request, "dashboard.html", {"cards": []})

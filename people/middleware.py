"""The second factor stands before every page: this is the one place that asks for it."""

from collections.abc import Callable
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from people import sessions


class SecondFactorMiddleware:
    """Sends those whose second factor is outstanding to it, whatever they ask for: pages, fragments, files, forms.

    Views that are public, or that declare to open before (`certify.lib.access.before_second_factor`), stay open. The API knows no
    sessions: programs have tokens.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Callable, args, kwargs) -> HttpResponse | None:
        """The way to the second factor; None where the view may be opened."""
        request.awaits_second_factor = request.user.is_authenticated and sessions.awaits_second_factor(
            request.session, request.user
        )
        rule = getattr(view, "access_rule", None)
        is_open = rule == "public" or str(rule).startswith("program:") or getattr(view, "before_second_factor", False)
        if is_open or not request.awaits_second_factor:
            return None
        wanted = urlencode({"next": request.get_full_path()}) if request.method == "GET" else ""
        answer = redirect(f"{reverse('people:sign-in-code')}?{wanted}")
        if request.headers.get("HX-Request"):
            return HttpResponse(status=401, headers={"HX-Redirect": reverse("people:sign-in-code")})
        return answer

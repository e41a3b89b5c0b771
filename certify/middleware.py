"""What holds for every page: how much may be sent to it, who may keep a copy of it, and its language."""

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.cache import add_never_cache_headers, patch_vary_headers

from certify.lib import language, uploads
from certify.lib.numbers import HIGHEST


class UploadLimitMiddleware:
    """Refuses what is larger than its view takes, before anything of it is read. It stands before whatever reads a form."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Callable, args, kwargs) -> HttpResponse | None:
        """413 for what is too large; None for everything else."""
        length = uploads.length_of(request)
        if length <= uploads.USUAL or length <= (limit := uploads.limit_of(view, request.user)):
            return None
        if str(getattr(view, "access_rule", "")).startswith("program:"):
            return JsonResponse({"detail": f"At most {limit:,} bytes at once."}, status=413)
        return render(request, "413.html", {"limit": limit // uploads.MEGABYTE}, status=413)


class KnownAddressesMiddleware:
    """Nothing has a number, or a name, that the database cannot hold: such an address is nowhere, such a question is no question."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if any("\0" in text for texts in request.GET.lists() for text in (texts[0], *texts[1])):
            raise BadRequest("The address holds a NUL character.")
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Callable, args, kwargs: dict) -> None:
        """404 for the place of nothing."""
        if any(value > HIGHEST if isinstance(value, int) else "\0" in str(value) for value in kwargs.values()):
            raise Http404


class NoCopiesMiddleware:
    """Pages are about people's access: nobody keeps a copy, so that after signing out the browser's way back shows nothing.

    What may be kept says so itself.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        return response


class LanguageMiddleware:
    """Answers in the language that the signed-in person chose, else in the browser's.

    Only while the answer is made: files that are streamed afterwards, and whatever the process does next, are English.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        accepted = request.headers.get("Accept-Language", "")
        with translation.override(language.of(request.user, accepted)):
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", translation.get_language())
        patch_vary_headers(response, ("Accept-Language",))
        return response

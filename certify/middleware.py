"""The language of a page."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers

from certify.lib import language


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

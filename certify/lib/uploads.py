"""How much a request may bring. A view that takes files says so; everywhere else a request is a form.

Django writes files that arrive to the disk before any view is asked, without a limit: whoever reaches the sign-in page could fill it.
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest

from certify.lib.numbers import whole

MEGABYTE = 2**20
#: What a request may bring to a view that says nothing: more than any form of ours, or any batch of reports, has.
USUAL = 5 * MEGABYTE


def takes(size: int | Callable[[], int], files: int = 1):
    """Declare that the view takes so many files of at most `size` bytes each, from those who may open it."""

    def declare(view):
        view.upload_limit = lambda: files * (size() if callable(size) else size) + USUAL
        return view

    return declare


def load_limit() -> int:
    """Most bytes of a file that is loaded."""
    return settings.CERTIFY_UPLOAD_LIMIT_MB * MEGABYTE


def limit_of(view: Callable, user: object) -> int:
    """Most bytes that this user may send to this view."""
    declared, rule = getattr(view, "upload_limit", None), getattr(view, "access_rule", None)
    if declared is None or (callable(rule) and not (user.is_authenticated and rule(user))):
        return USUAL
    return declared()


def length_of(request: HttpRequest) -> int:
    """How much the request says that it brings. Nothing beyond that is read."""
    return whole(request.META.get("CONTENT_LENGTH") or "") or 0

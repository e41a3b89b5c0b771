"""The one door in front of every page and endpoint: a view declares who may open it.

A house-rule test walks the URLconf and fails on a view that declares nothing.
"""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse


def requires(rule: Callable[[object], bool]):
    """Let signed-in users for whom `rule(user)` holds open the view; send others to sign in, or refuse with 403.

    An htmx request of somebody whose session has ended gets 401 and a full-page redirect, so that a sign-in form never
    lands inside a fragment.
    """

    def decorate(view):
        @wraps(view)
        def guarded(request: HttpRequest, *args, **kwargs) -> HttpResponse:
            if not request.user.is_authenticated:
                answer = redirect_to_login(request.get_full_path())
                if request.headers.get("HX-Request"):
                    return HttpResponse(status=401, headers={"HX-Redirect": answer.url})
                return answer
            if not rule(request.user):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        guarded.access_rule = rule
        return guarded

    return decorate


def public(view):
    """Declare that anybody may open the view, signed in or not."""
    view.access_rule = "public"
    return view


def program(scope: str):
    """Declare that only programs whose token has the scope may call the view; the view of the API itself holds that."""

    def declare(view):
        view.access_rule = f"program:{scope}"
        return view

    return declare


def signed_in(user: object) -> bool:
    """The rule of pages that every signed-in user has; what they show is limited by their queries."""
    return bool(user.is_active)


def before_second_factor(view):
    """Declare that the view opens to those whose password was right and whose second factor is still asked for."""
    view.before_second_factor = True
    return view

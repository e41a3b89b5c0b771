"""Signing in and out."""

from math import ceil

from axes.handlers.proxy import AxesProxyHandler
from axes.helpers import get_client_username, get_cool_off
from django.conf import settings
from django.contrib.auth import authenticate
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from certify.lib import clock
from certify.lib.access import before_second_factor, public, requires, signed_in
from certify.lib.redirects import target_of
from ledger.actors import SYSTEM
from people import lockout, rules
from people.actions import sessions
from people.forms import SignInForm
from people.states import SignInFailure

WRONG = gettext_lazy("The sign-in name or the password is wrong. Passwords distinguish capital and small letters.")


@public
@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    target = target_of(request)
    if request.user.is_authenticated:
        return redirect(target)
    form = SignInForm(request.POST or None)
    if not form.is_valid():
        return _page(request, form, status=422 if form.is_bound else 200)
    username = rules.sign_in_name(form.cleaned_data["username"])
    person = authenticate(request, username=username, password=form.cleaned_data["password"])
    if person:
        sessions.start(request=request, by=person)
        return lockout.remember(redirect(target), person)
    if request.axes_failures_since_start is not None:  # None: locked out before, and not even tried
        locks = [*[SignInFailure.LOCKED_OUT] * request.axes_locked_out, *lockout.shut(request, username)]
        sessions.refuse(username=username, locks=locks, by=SYSTEM)
    form.add_error(None, WRONG)
    return _page(request, form, status=422)


def locked_out(request: HttpRequest, response: HttpResponse, credentials: dict | None) -> HttpResponse:
    """What django-axes answers with when a name, or an address, is locked out: the page, saying for how long."""
    form = SignInForm({"username": (credentials or {}).get("username", ""), "password": "-"})
    minutes = _minutes_left(request, credentials)
    words = ngettext(
        "Too many failed attempts. Try again in {minutes} minute, or set a new password.",
        "Too many failed attempts. Try again in {minutes} minutes, or set a new password.",
        minutes,
    )
    form.add_error(None, words.format(minutes=minutes))
    page = _page(request, form, status=429)
    page["Retry-After"] = str(minutes * 60)
    return page


def _minutes_left(request: HttpRequest, credentials: dict | None) -> int:
    """Minutes until enough of the failures are forgotten that keep this browser from trying this name."""
    handler, now = AxesProxyHandler.get_implementation(), clock.now()
    ends = [*lockout.shut(request, get_client_username(request, credentials)).values()]
    if handler.get_failures(request, credentials) >= settings.AXES_FAILURE_LIMIT:
        counted = handler.get_user_attempts(request, credentials)
        ends += [attempt.attempt_time + get_cool_off(request) for attempts in counted for attempt in attempts]
    return max(1, ceil((max(ends, default=now) - now).total_seconds() / 60))


def _page(request: HttpRequest, form: SignInForm, status: int) -> HttpResponse:
    context = {"form": form, "next": request.POST.get("next", request.GET.get("next", ""))}
    return render(request, "people/sign_in.html", context, status=status)


@before_second_factor
@requires(signed_in)
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    sessions.end(request=request, by=request.user)
    return redirect(settings.LOGOUT_REDIRECT_URL)

"""The second factor: asked for after the password, set up, and looked after on one's own page."""

from collections.abc import Callable
from urllib.parse import urlsplit

import segno
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from certify.lib import clock
from certify.lib.access import before_second_factor, requires, signed_in
from certify.lib.errors import DomainError
from certify.lib.nudge import nudge
from certify.lib.redirects import target_of
from people import factors, permissions
from people.actions import factors as acts
from people.actions import sessions
from people.forms import CodeForm, SetUpForm
from people.models import SecondFactor, User
from people.states import CodeFailure, Means
from people.tasks import send_queued_mail

#: Where a session keeps the secret that is being set up.
PENDING = "second_factor_secret"
REFUSED = {
    CodeFailure.WRONG: gettext_lazy("That code is wrong, or its half minute is over. Try the one that is shown now."),
    CodeFailure.USED: gettext_lazy("That code was used before. Wait for the next one."),
}


def _factor(person: User) -> SecondFactor | None:
    return SecondFactor.objects.filter(person=person).first()


def _words(verdict: acts.Verdict) -> str:
    """What a refusal says to the person."""
    if verdict.until is None:
        return str(REFUSED[verdict.failure])
    minutes = max(1, -int((clock.now() - verdict.until).total_seconds() // 60))
    words = ngettext(
        "Too many wrong codes. Try again in {minutes} minute.", "Too many wrong codes. Try again in {minutes} minutes.", minutes
    )
    return words.format(minutes=minutes)


@before_second_factor
@requires(signed_in)
@sensitive_post_parameters("code")
@never_cache
@require_http_methods(["GET", "POST"])
def sign_in_code(request: HttpRequest) -> HttpResponse:
    """After the password: the code of the app, or a recovery code. Who has none yet is sent to set it up."""
    target = target_of(request)
    if not request.awaits_second_factor:
        return redirect(target)
    if _factor(request.user) is None:
        return redirect(f"{reverse('people:factor-set-up')}?{urlencode({'next': target})}")
    form, status = CodeForm(request.POST or None), 200
    if form.is_valid():
        verdict = acts.check(user_id=request.user.pk, code=form.cleaned_data["code"], by=request.user)
        if verdict.means:
            sessions.confirm(request=request, means=verdict.means, by=request.user)
            nudge(send_queued_mail)
            return redirect(target)
        form.add_error("code", _words(verdict))
        status = 429 if verdict.until else 422
    elif form.is_bound:
        status = 422
    return render(request, "people/sign_in_code.html", {"form": form, "next": target}, status=status)


@before_second_factor
@requires(signed_in)
@sensitive_post_parameters("code")
@never_cache
@require_http_methods(["GET", "POST"])
def factor_set_up(request: HttpRequest) -> HttpResponse:
    """The square to scan, and the first code; then the recovery codes, once."""
    target = target_of(request)
    if _factor(request.user):
        return redirect("people:sign-in-code" if request.awaits_second_factor else "people:my-factor")
    secret = request.session.setdefault(PENDING, factors.new_secret())
    form = SetUpForm(request.POST or None)
    if form.is_valid():
        try:
            _kept, codes = acts.enrol(user_id=request.user.pk, secret=secret, code=form.cleaned_data["code"], by=request.user)
        except DomainError as refusal:
            form.add_error("code", refusal.message)
        else:
            del request.session[PENDING]
            sessions.confirm(request=request, means=Means.CODE, by=request.user)
            nudge(send_queued_mail)
            return render(request, "people/recovery_codes.html", {"codes": codes, "next": target, "is_new": True})
    address = factors.address(secret, request.user.username, urlsplit(settings.CERTIFY_BASE_URL).netloc)
    context = {
        "form": form,
        "next": target,
        "square": segno.make(address, error="m").svg_data_uri(scale=5, light="white"),
        "secret": " ".join(secret[place : place + 4] for place in range(0, len(secret), 4)),
        "must": permissions.must_use_second_factor(request.user),
    }
    return render(request, "people/factor_set_up.html", context, status=422 if form.errors else 200)


@requires(signed_in)
@never_cache
@require_safe
def my_factor(request: HttpRequest) -> HttpResponse:
    """How one signs in, and what one can do about it."""
    return _mine(request, CodeForm(), 200)


def _mine(request: HttpRequest, form: CodeForm, status: int) -> HttpResponse:
    factor = _factor(request.user)
    context = {
        "form": form,
        "factor": factor,
        "left": len(factor.recovery) if factor else 0,
        "must": permissions.must_use_second_factor(request.user),
    }
    return render(request, "people/my_factor.html", context, status=status)


def _for_a_code(request: HttpRequest, act: Callable[..., acts.Verdict]) -> tuple[acts.Verdict | None, HttpResponse | None]:
    """What the act made of the code that was typed; else None and the page that says why not."""
    form = CodeForm(request.POST)
    if not form.is_valid() or _factor(request.user) is None:
        return None, _mine(request, form, 422)
    verdict = act(user_id=request.user.pk, code=form.cleaned_data["code"], by=request.user)
    if verdict.failure:
        form.add_error("code", _words(verdict))
        return None, _mine(request, form, 422)
    nudge(send_queued_mail)
    return verdict, None


@requires(signed_in)
@sensitive_post_parameters("code")
@never_cache
@require_POST
def factor_renew(request: HttpRequest) -> HttpResponse:
    """New recovery codes, shown once."""
    verdict, refusal = _for_a_code(request, acts.renew)
    if verdict is None:
        return refusal
    return render(request, "people/recovery_codes.html", {"codes": verdict.codes, "next": reverse("people:my-factor")})


@requires(signed_in)
@sensitive_post_parameters("code")
@never_cache
@require_POST
def factor_end(request: HttpRequest) -> HttpResponse:
    """Give it up; who must have one sets up another at once."""
    verdict, refusal = _for_a_code(request, acts.end)
    if verdict is None:
        return refusal
    sessions.forget_second_factor(request=request, by=request.user)
    messages.success(request, _("Your second factor is gone from here. Take the entry out of your app as well."))
    return redirect("people:factor-set-up" if permissions.must_use_second_factor(request.user) else "people:my-factor")


@requires(permissions.can_manage_people)
@require_POST
def factor_reset(request: HttpRequest, pk: int) -> HttpResponse:
    """For somebody who lost their phone and their recovery codes."""
    person = get_object_or_404(User.objects.all().visible_to(request.user), pk=pk)
    try:
        acts.reset(user_id=person.pk, by=request.user)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        nudge(send_queued_mail)
        messages.success(request, _("{name} sets up a second factor anew at the next sign-in.").format(name=person.name))
    return redirect("people:person-detail", pk=person.pk)

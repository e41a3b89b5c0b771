"""Everybody's own working hours, language, and keys."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from certify.lib import clock, language
from certify.lib.access import requires, signed_in
from certify.lib.errors import InvalidInput
from people.actions import users
from people.forms import HoursForm, LanguageForm


@requires(signed_in)
@require_http_methods(["GET", "POST"])
def my_hours(request: HttpRequest) -> HttpResponse:
    """When mail about reviews may come."""
    form = HoursForm(request.POST if request.method == "POST" else None, initial=HoursForm.initial_of(request.user))
    if form.is_valid():
        try:
            users.set_hours(user_id=request.user.pk, hours=form.hours(), by=request.user)
        except InvalidInput as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        else:
            messages.success(request, _("Saved. Mails that wait already come when they were planned."))
            return redirect("people:my-hours")
    now = clock.now()
    hours = request.user.hours
    speaking = LanguageForm(initial={"language": request.user.language})
    context = {
        "form": form,
        "language_form": speaking,
        "now_words": hours.words(now),
        "next_words": hours.words(hours.next_moment(now)),
    }
    return render(request, "people/my_hours.html", context, status=422 if form.errors else 200)


@requires(signed_in)
@require_POST
def my_language(request: HttpRequest) -> HttpResponse:
    """The language of one's pages and mails."""
    form = LanguageForm(request.POST)
    if form.is_valid():
        person = users.set_language(user_id=request.user.pk, language=form.cleaned_data["language"], by=request.user)
        with translation.override(language.of(person, request.headers.get("Accept-Language", ""))):
            messages.success(request, _("Saved. Pages and mails are in this language now."))
    return redirect("people:my-hours")


@requires(signed_in)
@require_POST
def my_keys(request: HttpRequest) -> HttpResponse:
    """Whether single letters act on pages; the help of the review page asks."""
    users.set_single_keys(user_id=request.user.pk, single_keys=bool(request.POST.get("single_keys")), by=request.user)
    return HttpResponse(status=204)

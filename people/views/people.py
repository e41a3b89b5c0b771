"""The pages on people, for administrators."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from certify.lib.access import requires
from certify.lib.errors import DomainError, NotAllowed
from certify.lib.nudge import nudge
from certify.lib.numbers import whole
from people import permissions, queries
from people.actions import passwords, users
from people.forms import ChangePersonForm, CreatePersonForm, PeopleFilterForm, RolesForm
from people.models import SecondFactor, User
from people.states import ROLE_DESCRIPTIONS, Role
from people.tasks import send_queued_mail

HISTORY_ROWS = 30


@requires(permissions.can_manage_people)
@require_safe
def person_list(request: HttpRequest) -> HttpResponse:
    form = PeopleFilterForm(request.GET)
    form.is_valid()
    filters = {name: value for name, value in form.cleaned_data.items() if value}
    found = queries.people(request.user, **filters)
    after = request.GET.get("after", "")
    rows, more = queries.people_page(found, after=whole(after), limit=settings.CERTIFY_PAGE_ROWS)
    context = {
        "people": rows,
        "found": found.count(),
        "form": form,
        "filters": filters,
        "is_first_page": not after,
        "first_url": f"?{urlencode(filters)}",
        "next_url": f"?{urlencode({**filters, 'after': rows[-1].pk})}" if more else "",
    }
    return render(request, "people/person_list.html", context)


def _visible(request: HttpRequest, pk: int) -> User:
    return get_object_or_404(User.objects.all().visible_to(request.user), pk=pk)


@requires(permissions.can_manage_people)
@require_safe
def person_detail(request: HttpRequest, pk: int) -> HttpResponse:
    person = _visible(request, pk)
    context = {
        "person": person,
        "roles": [(role.label, ROLE_DESCRIPTIONS[role]) for role in Role if role.value in person.roles],
        "history": queries.history(person, limit=HISTORY_ROWS),
        "history_rows": HISTORY_ROWS,
        "has_password": person.has_usable_password(),
        "factor": SecondFactor.objects.filter(person=person).first(),
        "must_have_factor": permissions.must_use_second_factor(person),
        "can_reset_factor": permissions.can_reset_second_factor(request.user, person),
        "can_deactivate": permissions.can_deactivate(request.user, person),
        "can_reactivate": permissions.can_reactivate(request.user, person),
        "can_erase": permissions.can_erase(request.user, person),
        "can_send_link": permissions.can_send_link(request.user, person),
    }
    return render(request, "people/person_detail.html", context)


def _refused(form, refusal: DomainError) -> None:
    """Put a refusal where it belongs: beside its field, or above the form."""
    if isinstance(refusal, NotAllowed):
        raise refusal
    field = getattr(refusal, "field", None)
    form.add_error(field if field in form.fields else None, refusal.message)


@requires(permissions.can_manage_people)
@require_http_methods(["GET", "POST"])
def person_create(request: HttpRequest) -> HttpResponse:
    form = CreatePersonForm(request.POST or None, initial={"roles": [Role.REVIEWER.value]})
    if form.is_valid():
        try:
            person = users.create(**form.cleaned_data, by=request.user)
        except DomainError as refusal:
            _refused(form, refusal)
        else:
            nudge(send_queued_mail)
            messages.success(
                request,
                _("{person_name} can now sign in as {username}, once a password is set.").format(
                    person_name=person.name, username=person.username
                ),
            )
            return redirect("people:person-detail", pk=person.pk)
    return render(request, "people/person_form.html", {"form": form, "title": _("New person")}, status=_status(form))


def _status(form) -> int:
    return 422 if form.is_bound else 200


@requires(permissions.can_manage_people)
@require_http_methods(["GET", "POST"])
def person_edit(request: HttpRequest, pk: int) -> HttpResponse:
    person = _visible(request, pk)
    form = ChangePersonForm(request.POST or None, initial={"name": person.name, "email": person.email})
    return _change(request, person, form, users.change, _("Name and address"))


@requires(permissions.can_manage_people)
@require_http_methods(["GET", "POST"])
def person_roles(request: HttpRequest, pk: int) -> HttpResponse:
    person = _visible(request, pk)
    form = RolesForm(request.POST if request.method == "POST" else None, initial={"roles": person.roles})
    return _change(request, person, form, users.set_roles, _("Roles"))


def _change(request: HttpRequest, person: User, form, action, what: str) -> HttpResponse:
    """Show a form about a person, or do what it says and go back to the person."""
    if form.is_valid():
        try:
            action(user_id=person.pk, **form.cleaned_data, by=request.user)
        except DomainError as refusal:
            _refused(form, refusal)
        else:
            messages.success(request, _("{what} saved.").format(what=what))
            return redirect("people:person-detail", pk=person.pk)
    context = {"form": form, "person": person, "title": _("{what} of {name}").format(what=what, name=person.name)}
    return render(request, "people/person_form.html", context, status=_status(form))


@requires(permissions.can_manage_people)
@require_POST
def person_deactivate(request: HttpRequest, pk: int) -> HttpResponse:
    return _act(request, _visible(request, pk), users.deactivate, _("{} is deactivated and shut out from now on."))


@requires(permissions.can_manage_people)
@require_POST
def person_reactivate(request: HttpRequest, pk: int) -> HttpResponse:
    return _act(request, _visible(request, pk), users.reactivate, _("{} can sign in again."))


@requires(permissions.can_manage_people)
@require_POST
def person_link(request: HttpRequest, pk: int) -> HttpResponse:
    person = _visible(request, pk)
    answer = _act(request, person, passwords.send_link, _("A link to set a password is on its way to {}."))
    nudge(send_queued_mail)
    return answer


def _act(request: HttpRequest, person: User, action, done: str) -> HttpResponse:
    """Do one thing to a person and go back to them with what was done, or why not."""
    try:
        action(user_id=person.pk, by=request.user)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, done.format(person.name))
    return redirect("people:person-detail", pk=person.pk)

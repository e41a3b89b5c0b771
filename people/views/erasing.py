"""The page on which a person is erased, with what that takes away and what it leaves."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from certify.lib.access import requires
from certify.lib.errors import DomainError, NotAllowed
from people import hindrances, permissions, queries
from people.actions import erasing
from people.forms import ErasingForm
from people.models import User


@requires(permissions.can_manage_people)
@require_http_methods(["GET", "POST"])
def person_erase(request: HttpRequest, pk: int) -> HttpResponse:
    person = get_object_or_404(User.objects.all().visible_to(request.user), pk=pk, erased_at=None)
    form = ErasingForm(request.POST or None)
    if form.is_valid():
        try:
            erased = erasing.erase(user_id=pk, **form.answer(), by=request.user)
        except NotAllowed:
            raise
        except DomainError as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, _("Erased. What they did stands as that of “{mark}”.").format(mark=erased.name))
            return redirect("people:person-detail", pk=pk)
    context = {
        "person": person,
        "form": form,
        "hindrances": hindrances.of(person),
        "found": queries.what_names(person),
    }
    return render(request, "people/person_erase.html", context, status=422 if form.errors else 200)

"""Setting a password by a link from a mail."""

from django.contrib import messages
from django.contrib.auth.views import INTERNAL_RESET_SESSION_TOKEN, PasswordResetConfirmView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from certify.lib.access import public
from certify.lib.errors import DomainError
from certify.lib.nudge import nudge
from ledger.actors import SYSTEM
from people import lockout
from people.actions import passwords, users
from people.forms import ForgottenForm, NewPasswordForm
from people.tasks import send_queued_mail


@public
@never_cache
@require_http_methods(["GET", "POST"])
def forgotten(request: HttpRequest) -> HttpResponse:
    """Ask for a link. The answer is the same whether or not there is such a person."""
    form = ForgottenForm(request.POST or None)
    if not form.is_valid():
        return render(request, "people/password_forgotten.html", {"form": form}, status=422 if form.is_bound else 200)
    passwords.forgotten(name=form.cleaned_data["name"], by=SYSTEM)
    nudge(send_queued_mail)
    messages.success(request, _("If we know that name and its mail address, a link to set a new password is on its way."))
    return redirect("people:sign-in")


class SetPassword(PasswordResetConfirmView):
    """Django's page behind the link, which checks the token and keeps it out of the address; our form and our action.

    The token moves into the session at once, so that it reaches neither a log nor another site as a referrer. It works once:
    it is made from the password that it replaces.
    """

    form_class = NewPasswordForm
    template_name = "people/password_set.html"

    def get_form_kwargs(self):
        kwargs = super().get_form_kwargs()
        del kwargs["user"]
        return kwargs

    def form_valid(self, form):
        try:
            users.set_password(user_id=self.user.pk, password=form.cleaned_data["password"], by=self.user)
        except DomainError as refusal:
            form.add_error("password", refusal.message)
            return self.form_invalid(form)
        del self.request.session[INTERNAL_RESET_SESSION_TOKEN]
        messages.success(self.request, _("Your password is set. Sign in as {username}.").format(username=self.user.username))
        return lockout.remember(redirect("people:sign-in"), self.user)

    def form_invalid(self, form):
        return self.render_to_response(self.get_context_data(form=form), status=422)


set_password = public(SetPassword.as_view())

"""Forms of the people pages. They clean; the actions decide."""

from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _

from certify.lib.errors import DomainError
from people.hours import Hours
from people.rules import MAX_EMAIL, MAX_NAME, MAX_USERNAME
from people.states import ROLE_DESCRIPTIONS, ErasureBasis, MailState, Role


class SignInForm(forms.Form):
    """Who are you, and what only you know."""

    username = forms.CharField(
        label=_("Sign-in name"),
        max_length=MAX_USERNAME,
        error_messages={"required": _("Enter your sign-in name.")},
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=4096,
        error_messages={"required": _("Enter your password.")},
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class CodeForm(forms.Form):
    """A code of the second factor."""

    code = forms.CharField(
        label=_("Code from your app, or a recovery code"),
        max_length=40,
        error_messages={"required": _("Enter a code.")},
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autocapitalize": "characters", "spellcheck": "false"}),
    )


class SetUpForm(forms.Form):
    """The first code that an app shows."""

    code = forms.CharField(
        label=_("The code that your app shows now"),
        max_length=20,
        error_messages={"required": _("Enter a code.")},
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "spellcheck": "false"}),
    )


class ForgottenForm(forms.Form):
    """Whose password was forgotten."""

    name = forms.CharField(
        label=_("Sign-in name or mail address"),
        max_length=MAX_EMAIL,
        error_messages={"required": _("Enter your sign-in name or mail address.")},
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )


class NewPasswordForm(forms.Form):
    """A password, twice."""

    password = forms.CharField(
        label=_("New password"),
        strip=False,
        max_length=4096,
        help_text=_("At least 12 characters. Several words are easier to remember than signs and numbers."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label=_("The same again"),
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("password") and cleaned.get("again") and cleaned["password"] != cleaned["again"]:
            self.add_error("again", _("The two passwords differ."))
        return cleaned


class ChangePersonForm(forms.Form):
    """Name and mail address."""

    name = forms.CharField(label=_("Name"), max_length=MAX_NAME, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    email = forms.EmailField(
        label=_("Mail address"),
        max_length=MAX_EMAIL,
        required=False,
        help_text=_("Where reminders and password links go."),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )


def role_choices() -> list[tuple[str, str]]:
    """Every role with what it may do."""
    return [(role.value, f"{role.label}: {ROLE_DESCRIPTIONS[role]}") for role in Role]


class RolesForm(forms.Form):
    """What a person may do."""

    roles = forms.MultipleChoiceField(
        label=_("Roles"), choices=role_choices, required=False, widget=forms.CheckboxSelectMultiple(attrs={"class": "choices"})
    )


class CreatePersonForm(ChangePersonForm, RolesForm):
    """A new person."""

    username = forms.CharField(
        label=_("Sign-in name"),
        max_length=MAX_USERNAME,
        help_text=_("Kept in small letters; it cannot be changed later."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    invite = forms.BooleanField(label=_("Send a mail with a link to set the password"), required=False, initial=True)
    field_order = ("name", "username", "email", "roles", "invite")


class ErasingForm(forms.Form):
    """Why somebody is erased."""

    basis = forms.ChoiceField(
        label=_("Why"), choices=ErasureBasis.choices, widget=forms.RadioSelect(attrs={"class": "choices"})
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Stays in the log for ever, without the person’s name: who asked, when, in which letter."),
    )
    is_sure = forms.BooleanField(
        label=_("I know that nobody can undo this"), error_messages={"required": _("Tick this to erase the person.")}
    )

    def answer(self) -> dict[str, str]:
        """What the action takes."""
        return {name: self.cleaned_data[name] for name in ("basis", "reason")}

    def refuse(self, refusal: DomainError) -> None:
        """Show why the action refused, at the field that is wrong where it is one."""
        field = getattr(refusal, "field", None)
        self.add_error(field if field in self.fields else None, refusal.message)


def zone_choices() -> list[tuple[str, str]]:
    """Every zone with a place in its name, and the usual one."""
    names = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "posix/", "right/")))
    usual = ("", _("The usual one here: {zone}").format(zone=settings.CERTIFY_TIME_ZONE))
    return [usual, ("UTC", "UTC"), *((name, name.replace("_", " ")) for name in names)]


class HoursForm(forms.Form):
    """When somebody works."""

    time_zone = forms.ChoiceField(label=_("Time zone"), choices=zone_choices, required=False)
    works_from = forms.TimeField(label=_("From"), widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}))
    works_to = forms.TimeField(label=_("To"), widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}))
    working_days = forms.TypedMultipleChoiceField(
        label=_("Working days"),
        coerce=int,
        choices=[(number + 1, name) for number, name in WEEKDAYS.items()],
        widget=forms.CheckboxSelectMultiple(attrs={"class": "choices"}),
    )

    def hours(self) -> Hours:
        """The cleaned form as an action takes it."""
        data = self.cleaned_data
        return Hours(data["time_zone"], data["works_from"], data["works_to"], tuple(data["working_days"]))

    @staticmethod
    def initial_of(person) -> dict:
        """A person's hours as the form shows them."""
        return {name: getattr(person, name) for name in ("time_zone", "works_from", "works_to", "working_days")}


def language_choices() -> list[tuple[str, str]]:
    """The browser's, and every language by its own name."""
    return [("", _("The browser’s")), *settings.LANGUAGES]


class LanguageForm(forms.Form):
    """The language of somebody's pages and mails."""

    language = forms.ChoiceField(label=_("Language"), choices=language_choices, required=False)


class PeopleFilterForm(forms.Form):
    """The filters above the list of people."""

    search = forms.CharField(label=_("Search"), max_length=MAX_EMAIL, required=False)
    role = forms.ChoiceField(label=_("Role"), choices=[("", _("Every role")), *Role.choices], required=False)
    state = forms.ChoiceField(
        label=_("State"), choices=[("", _("All")), ("active", _("Active")), ("deactivated", _("Deactivated"))], required=False
    )


class MailFilterForm(forms.Form):
    """The filters above the list of mails."""

    search = forms.CharField(label=_("Recipient"), max_length=MAX_EMAIL, required=False)
    state = forms.ChoiceField(choices=[("", _("All")), *MailState.choices], required=False, widget=forms.HiddenInput)

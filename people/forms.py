"""Forms of the people pages. They clean; the actions decide."""

import calendar
from zoneinfo import available_timezones

from django import forms
from django.conf import settings

from people.hours import Hours
from people.rules import MAX_EMAIL, MAX_NAME, MAX_USERNAME
from people.states import ROLE_DESCRIPTIONS, MailState, Role

ROLE_CHOICES = [(role.value, f"{role.label}: {ROLE_DESCRIPTIONS[role]}") for role in Role]


class SignInForm(forms.Form):
    """Who are you, and what only you know."""

    username = forms.CharField(
        label="Sign-in name",
        max_length=MAX_USERNAME,
        error_messages={"required": "Enter your sign-in name."},
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )
    password = forms.CharField(
        label="Password",
        strip=False,
        max_length=4096,
        error_messages={"required": "Enter your password."},
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class ForgottenForm(forms.Form):
    """Whose password was forgotten."""

    name = forms.CharField(
        label="Sign-in name or mail address",
        max_length=MAX_EMAIL,
        error_messages={"required": "Enter your sign-in name or mail address."},
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )


class NewPasswordForm(forms.Form):
    """A password, twice."""

    password = forms.CharField(
        label="New password",
        strip=False,
        max_length=4096,
        help_text="At least 12 characters. Several words are easier to remember than signs and numbers.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label="The same again",
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("password") and cleaned.get("again") and cleaned["password"] != cleaned["again"]:
            self.add_error("again", "The two passwords differ.")
        return cleaned


class ChangePersonForm(forms.Form):
    """Name and mail address."""

    name = forms.CharField(label="Name", max_length=MAX_NAME, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    email = forms.EmailField(
        label="Mail address",
        max_length=MAX_EMAIL,
        required=False,
        help_text="Where reminders and password links go.",
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )


class RolesForm(forms.Form):
    """What a person may do."""

    roles = forms.MultipleChoiceField(
        label="Roles", choices=ROLE_CHOICES, required=False, widget=forms.CheckboxSelectMultiple(attrs={"class": "choices"})
    )


class CreatePersonForm(ChangePersonForm, RolesForm):
    """A new person."""

    username = forms.CharField(
        label="Sign-in name",
        max_length=MAX_USERNAME,
        help_text="Kept in small letters; it cannot be changed later.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    invite = forms.BooleanField(label="Send a mail with a link to set the password", required=False, initial=True)
    field_order = ("name", "username", "email", "roles", "invite")


def zone_choices() -> list[tuple[str, str]]:
    """Every zone with a place in its name, and the usual one."""
    names = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "posix/", "right/")))
    usual = ("", f"The usual one here: {settings.CERTIFY_TIME_ZONE}")
    return [usual, ("UTC", "UTC"), *((name, name.replace("_", " ")) for name in names)]


class HoursForm(forms.Form):
    """When somebody works."""

    time_zone = forms.ChoiceField(label="Time zone", choices=zone_choices, required=False)
    works_from = forms.TimeField(label="From", widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}))
    works_to = forms.TimeField(label="To", widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}))
    working_days = forms.TypedMultipleChoiceField(
        label="Working days",
        coerce=int,
        choices=list(enumerate(calendar.day_name, 1)),
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


class PeopleFilterForm(forms.Form):
    """The filters above the list of people."""

    search = forms.CharField(label="Search", max_length=MAX_EMAIL, required=False)
    role = forms.ChoiceField(label="Role", choices=[("", "Every role"), *Role.choices], required=False)
    state = forms.ChoiceField(
        label="State", choices=[("", "All"), ("active", "Active"), ("deactivated", "Deactivated")], required=False
    )


class MailFilterForm(forms.Form):
    """The filters above the list of mails."""

    search = forms.CharField(label="Recipient", max_length=MAX_EMAIL, required=False)
    state = forms.ChoiceField(choices=[("", "All"), *MailState.choices], required=False, widget=forms.HiddenInput)

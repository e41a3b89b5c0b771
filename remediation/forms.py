"""Forms of the removal pages."""

from django import forms
from django.utils.translation import gettext_lazy as _

from remediation.actions.channels import Way
from remediation.connectors.protocol import Field, Kind
from remediation.states import TaskState

PROOF_LIMIT = 20 * 2**20
STATES = [("", _("All")), ("to_do", _("To do")), ("unproved", _("Not yet proved")), ("overdue", _("Late")), *TaskState.choices]


class ActForm(forms.Form):
    """What was done, with an optional proof."""

    note = forms.CharField(
        label=_("What was done"),
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("For example: removed from the group in the directory, ticket OPS-123."),
    )
    proof = forms.FileField(
        label=_("Proof (optional)"),
        required=False,
        help_text=_(
            "A screenshot, export or log of at most 20 MiB. It is stored with its SHA-256, which goes into the ledger."
        ),
    )
    proof_link = forms.URLField(
        label=_("Or where the proof can be seen (optional)"),
        required=False,
        assume_scheme="https",
        max_length=1000,
        help_text=_("The address of a ticket or page; it goes into the ledger."),
    )


class CloseForm(forms.Form):
    """Why a removal is closed that no data will verify."""

    note = forms.CharField(
        label=_("Why no reading will show it, and why the proof is enough"),
        widget=forms.Textarea(attrs={"rows": 3}),
    )


#: Lists that a number opens, beyond the tabs.
BEHIND = [
    ("reported", _("Reported done at some time")),
    ("verified_late", _("Verified gone, but late")),
    ("came_back", _("Came back at some time")),
    ("gone_in_vain", _("Gone, though not decided any more")),
    ("waiting", _("To be removed, handed on or come back")),
]


class FilterForm(forms.Form):
    """The filters above the list."""

    text = forms.CharField(label=_("Person, account, right or way"), required=False, max_length=200)
    source = forms.TypedChoiceField(label=_("System"), required=False, coerce=int)
    owner = forms.TypedChoiceField(label=_("Who"), required=False, coerce=int)
    campaign = forms.TypedChoiceField(label=_("Review"), required=False, coerce=int)
    state = forms.ChoiceField(choices=[*STATES, *BEHIND], required=False, widget=forms.HiddenInput)
    since = forms.DateField(required=False, widget=forms.HiddenInput)
    until = forms.DateField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args, choices: dict[str, list[tuple[int, str]]], **kwargs):
        super().__init__(*args, **kwargs)
        for name, found in choices.items():
            self.fields[name].choices = [("", _("All")), *found]

    def filters(self) -> dict:
        """What is set and makes sense; the rest is left out."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


class FiguresForm(forms.Form):
    """Which removals are counted."""

    campaign = forms.TypedChoiceField(label=_("Review"), required=False, coerce=int)
    since = forms.DateField(label=_("Opened from"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label=_("to"), required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args, choices: dict[str, list[tuple[int, str]]], **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["campaign"].choices = [("", _("All")), *choices["campaign"]]


class HandOnForm(forms.Form):
    """To whom a list is given."""

    note = forms.CharField(
        label=_("To whom, and what they are asked to do"),
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("For example: to the service desk, to be taken away by Friday, ticket OPS-123."),
    )


class ExceptionForm(forms.Form):
    """An exception that is asked for."""

    reason = forms.CharField(label=_("Why the access has to stay"), widget=forms.Textarea(attrs={"rows": 3}))
    control = forms.CharField(
        label=_("What limits or watches the risk meanwhile"),
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("The compensating control. For example: every use is logged and read by the security team each week."),
    )
    expires_on = forms.DateField(
        label=_("Last day"),
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("At most a year away. After it the access is to be removed."),
    )


class DecisionForm(forms.Form):
    """What is said to a request."""

    note = forms.CharField(label=_("Why"), widget=forms.Textarea(attrs={"rows": 2}))


class ChannelForm(forms.Form):
    """How a system is reached, in the fields that the kind asks for, and what needs a second person."""

    def __init__(self, *args, kind: Kind, has_secret: bool = False, **kwargs):
        super().__init__(*args, **kwargs)
        # Not `kind`: in a template that would be the field of this name.
        self.connector = kind
        self.fields["kind"] = forms.CharField(widget=forms.HiddenInput, initial=kind.key)
        self.fields["url"] = forms.CharField(label=_("Address"), max_length=1000, help_text=kind.address_help)
        if kind.credential:
            self.fields["secret"] = forms.CharField(
                label=kind.credential,
                max_length=4000,
                required=False,
                widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
                help_text=_(
                    "Kept encrypted and never shown again. Empty: the one that is kept stays. A new address needs it again."
                )
                if has_secret
                else _("Kept encrypted and never shown again."),
            )
        for one in kind.fields:
            self.fields[one.name] = _setting(one)
        self.fields["most"] = forms.IntegerField(
            label=_("More than this at once, or within a day, needs a second person"),
            min_value=1,
            max_value=100_000,
            initial=20,
        )
        self.fields["percent"] = forms.IntegerField(
            label=_("So does more than this share of the system’s open access, in percent"),
            min_value=1,
            max_value=100,
            initial=5,
        )

    def terms(self) -> dict:
        """What was entered, as `channels.configure` takes it."""
        given = self.cleaned_data
        settings = {one.name: given[one.name] for one in self.connector.fields}
        way = Way(self.connector.key, settings, given.get("secret", ""))
        return {"url": given["url"], "most": given["most"], "percent": given["percent"], "way": way}


def _setting(one: Field) -> forms.Field:
    shared = {"label": one.label, "help_text": one.help, "initial": one.initial, "required": one.is_required}
    if one.choices:
        return forms.ChoiceField(choices=one.choices, **shared)
    widget = forms.Textarea(attrs={"rows": 5}) if one.is_long else forms.TextInput()
    return forms.CharField(max_length=4000, widget=widget, **shared)

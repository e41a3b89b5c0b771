"""Forms of audit periods."""

from django import forms
from django.utils.translation import gettext_lazy as _

from evidence import frameworks
from evidence.actions.periods import Details
from evidence.states import Duty
from inventory.models import Source
from inventory.states import IdentityKind
from people.models import User
from people.states import Role


def _day(**options) -> forms.DateField:
    return forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **options)


class PeriodForm(forms.Form):
    """What a period is and who may read it."""

    name = forms.CharField(label=_("Name"), max_length=200, help_text=_("For example: SOC 2 Type II, 2026."))
    framework = forms.ChoiceField(label=_("Framework"), choices=frameworks.choices)
    from_on = _day(label=_("From"))
    to_on = _day(label=_("To"), help_text=_("The last day, included."))
    auditors = forms.ModelMultipleChoiceField(
        label=_("Auditors"),
        queryset=None,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("They read this period, its packs, and nothing else."),
    )
    open_until = _day(label=_("Open to auditors until"), help_text=_("The last day on which they may read."))
    systems = forms.ModelMultipleChoiceField(
        label=_("Systems in scope"),
        queryset=None,
        to_field_name="key",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None ticked means all of them."),
    )
    kinds = forms.MultipleChoiceField(
        label=_("Kinds of identities in scope"),
        choices=IdentityKind.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None ticked means all of them."),
    )
    outside = forms.CharField(label=_("What is outside, and why"), required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["auditors"].queryset = User.objects.with_role(Role.AUDITOR)
        self.fields["systems"].queryset = Source.objects.order_by("name")

    def details(self) -> Details:
        """The cleaned form as an action takes it."""
        data = self.cleaned_data
        lists = {"auditors": list(data["auditors"]), "systems": [one.key for one in data["systems"]]}
        return Details(**data | lists)


class SealForm(forms.Form):
    """The control owner's statement."""

    statement = forms.CharField(
        label=_("Statement"),
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_(
            "In your own words: what you have looked at, and that this review is done with. The auditor "
            "reads it under your name."
        ),
    )


class FrameworkFileForm(forms.Form):
    """A catalogue of controls."""

    file = forms.FileField(
        label=_("File"), help_text=_("JSON, as docs/schemas/framework.json says. The same code again is its next version.")
    )


class DutyForm(forms.Form):
    """Who has a duty at a control from now on."""

    duty = forms.ChoiceField(label=_("Duty"), choices=Duty.choices)
    holder = forms.ModelChoiceField(label=_("Held by"), queryset=None, required=False, empty_label=_("Nobody"))

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["holder"].queryset = User.objects.filter(is_active=True).order_by("name")

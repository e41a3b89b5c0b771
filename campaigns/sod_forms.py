"""Forms of duties that must be apart: they clean, actions write."""

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns import queries, sod_rules
from campaigns.actions.sod_exceptions import Ask
from campaigns.models import SodRule
from campaigns.states import Severity
from inventory.models import Source

ONE_A_LINE = _(
    "One on a line: the system’s key, a slash, the right’s key, such as erp/pay. Or tag:payments for all that is tagged so."
)


class SodRuleForm(forms.Form):
    """What a rule says."""

    key = forms.CharField(
        label=_("Key"),
        max_length=80,
        help_text=_("Short, for files: letters, digits, - and _. Stays as it is. For example create-pay."),
    )
    name = forms.CharField(label=_("Name"), max_length=200, help_text=_("For example: Create suppliers and pay them."))
    side_a_name = forms.CharField(
        max_length=120, label=_("First duty"), help_text=_("In words that reviewers know, such as “create suppliers”.")
    )
    side_a = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4}), label=_("Rights of the first duty"), help_text=ONE_A_LINE
    )
    side_b_name = forms.CharField(max_length=120, label=_("Second duty"), help_text=_("Such as “pay invoices”."))
    side_b = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4}), label=_("Rights of the second duty"), help_text=_("Likewise.")
    )
    severity = forms.ChoiceField(label=_("Severity"), choices=Severity.choices, initial=Severity.HIGH)
    control = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 2}),
        required=False,
        label=_("Compensating control"),
        help_text=_("What limits the harm where somebody has both, such as “two people release every payment”."),
    )
    owner = forms.ModelChoiceField(queryset=None, label=_("Who answers for it"))
    is_active = forms.BooleanField(required=False, initial=True, label=_("In use"))

    def __init__(self, *args, rule: SodRule | None = None, **kwargs):
        if rule is not None:
            sides = {name: "\n".join(getattr(rule, name)) for name in ("side_a", "side_b")}
            same = {name: getattr(rule, name) for name in sod_rules.FACTS if name not in sides}
            kwargs["initial"] = {**same, **sides, "owner": rule.owner_id}
        super().__init__(*args, **kwargs)
        self.fields["key"].disabled = rule is not None
        self.fields["owner"].queryset = queries.possible_reviewers()

    def terms(self) -> sod_rules.Terms:
        """The cleaned form as an action takes it."""
        data = self.cleaned_data
        sides = {name: data[name].splitlines() for name in ("side_a", "side_b")}
        return sod_rules.Terms(**{name: data[name] for name in (*sod_rules.FACTS, "owner")} | sides)


class SodImportForm(forms.Form):
    """A file of rules."""

    file = forms.FileField(label=_("CSV file"), help_text=_("As the export writes it. Take it in whole, or not at all."))


class SodAskForm(forms.Form):
    """What an exception is asked for."""

    control = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 2}),
        label=_("What limits the harm"),
        help_text=_("The compensating control, in words."),
    )
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}), label=_("Why one person needs both"))
    ends_on = forms.DateField(
        label=_("Last day"), widget=forms.DateInput(attrs={"type": "date"}), help_text=_("At most a year from now.")
    )

    def wanted(self) -> Ask:
        """The cleaned form as an action takes it."""
        return Ask(**self.cleaned_data)


class SodFilterForm(forms.Form):
    """Which conflicts are shown; what makes no sense is taken for no choice."""

    rule = forms.ModelChoiceField(
        label=_("Rule"), queryset=SodRule.objects.order_by("name"), required=False, empty_label=_("every rule")
    )
    source = forms.ModelChoiceField(
        queryset=Source.objects.order_by("name"), required=False, label=_("System"), empty_label=_("every system")
    )
    state = forms.ChoiceField(
        label=_("State"),
        choices=[
            ("", _("all that stand")),
            ("open", _("not accepted")),
            ("excepted", _("accepted for a while")),
            ("ended", _("over")),
        ],
        required=False,
    )
    person = forms.CharField(
        max_length=100, required=False, label=_("Person"), widget=forms.TextInput(attrs={"type": "search"})
    )

    def chosen(self) -> dict:
        """The choices that make sense."""
        self.full_clean()
        return {name: self.cleaned_data.get(name) or None for name in self.fields}

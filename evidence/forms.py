"""Forms of audit periods."""

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns.models import Campaign
from evidence import frameworks, persons, sampling, statements
from evidence.actions.holds import Terms
from evidence.actions.periods import MOST_LEAVER_DAYS, Details
from evidence.actions.samples import Wanted
from evidence.catalogue import Framework
from evidence.models import LEAVER_DAYS, AuditPeriod
from evidence.statements import Field, Shape
from evidence.states import Conclusion, Duty, PopulationKind, Stratum
from inventory.models import Source
from inventory.states import IdentityKind
from people.models import User
from people.rules import MAX_EMAIL, MAX_NAME
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
    leaver_days = forms.IntegerField(
        label=_("Days until a leaver's access must be gone"),
        min_value=0,
        max_value=MOST_LEAVER_DAYS,
        initial=LEAVER_DAYS,
        help_text=_("Counted from their last day; 1 means: by the end of the next day. The pack measures every leaver by it."),
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["auditors"].queryset = User.objects.with_role(Role.AUDITOR)
        self.fields["systems"].queryset = Source.objects.order_by("name")

    def details(self) -> Details:
        """The cleaned form as an action takes it."""
        data = self.cleaned_data
        lists = {"auditors": list(data["auditors"]), "systems": [one.key for one in data["systems"]]}
        return Details(**data | lists)


class InviteForm(forms.Form):
    """An auditor to invite."""

    name = forms.CharField(label=_("Name"), max_length=MAX_NAME, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    email = forms.EmailField(
        label=_("Mail address"),
        max_length=MAX_EMAIL,
        help_text=_("They sign in with it, and get a link there to set a password."),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )


class RuleForm(forms.Form):
    """How long things of a kind are kept."""

    days = forms.IntegerField(
        label=_("Days"), required=False, help_text=_("Counted from when it was sent, uploaded or built. Empty: kept for good.")
    )
    reason = forms.CharField(
        label=_("Why"), max_length=1000, widget=forms.Textarea(attrs={"rows": 2}), help_text=_("It goes into the ledger.")
    )


class HoldForm(forms.Form):
    """What a legal hold covers."""

    name = forms.CharField(label=_("Name"), max_length=120, help_text=_("For example: case 2026/17."))
    reason = forms.CharField(
        label=_("Why"), max_length=2000, widget=forms.Textarea(attrs={"rows": 2}), help_text=_("It goes into the ledger.")
    )
    everything = forms.BooleanField(label=_("Everything"), required=False)
    campaigns = forms.ModelMultipleChoiceField(label=_("Reviews"), queryset=None, required=False)
    systems = forms.ModelMultipleChoiceField(label=_("Systems"), queryset=None, to_field_name="key", required=False)
    people = forms.CharField(
        label=_("People"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("One a line: identity, sign-in name or mail address."),
    )
    from_on = _day(label=_("From"), required=False)
    to_on = _day(label=_("To"), required=False, help_text=_("The last day, included. Everything of this time is held."))

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["campaigns"].queryset = Campaign.objects.order_by("-pk")
        self.fields["systems"].queryset = Source.objects.order_by("name")

    def terms(self) -> Terms:
        """The cleaned form as an action takes it."""
        data = self.cleaned_data
        lists = {
            "campaigns": [one.pk for one in data["campaigns"]],
            "systems": [one.key for one in data["systems"]],
            "people": [line.strip() for line in data["people"].splitlines() if line.strip()],
        }
        return Terms(**data | lists)


class ReleaseForm(forms.Form):
    """Why a hold ends."""

    reason = forms.CharField(
        label=_("Why it ends"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("It goes into the ledger."),
    )


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


class SampleForm(forms.Form):
    """What to draw, from what."""

    population = forms.ChoiceField(label=_("Population"), choices=PopulationKind.choices)
    campaign = forms.TypedChoiceField(label=_("Review"), required=False, coerce=int, empty_value=None)
    strata_by = forms.ChoiceField(
        label=_("Divide it by"),
        choices=Stratum.choices,
        required=False,
        help_text=_("Each part gets its share of the sample, and at least one row where there are enough."),
    )
    size = forms.IntegerField(label=_("Rows to draw"), min_value=1, max_value=sampling.MOST)
    seed = forms.CharField(
        label=_("Your own seed (optional)"),
        required=False,
        max_length=64,
        help_text=_("8 to 64 letters and digits, such as dice you threw. Left empty, Certify draws one at random."),
    )

    def __init__(self, *args, campaigns: list, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["campaign"].choices = [
            ("", _("All closed reviews of the period")),
            *((one.pk, one.name) for one in campaigns),
        ]

    def wanted(self) -> Wanted:
        """The cleaned form as the action takes it."""
        return Wanted(**self.cleaned_data)


class ConclusionForm(forms.Form):
    """What an auditor concludes of a row."""

    conclusion = forms.ChoiceField(label=_("Conclusion"), choices=Conclusion.choices, widget=forms.RadioSelect)
    note = forms.CharField(
        label=_("Why"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Needed for an exception. It goes into the ledger."),
    )


class SignOffForm(forms.Form):
    """The auditor's signature under a sample."""

    note = forms.CharField(label=_("Add a sentence (optional)"), required=False, widget=forms.Textarea(attrs={"rows": 2}))
    signed = forms.BooleanField(label=_("I have examined every row, and sign this."))


class PostForm(forms.Form):
    """What somebody says in a thread, with an optional file."""

    text = forms.CharField(label=_("Text"), required=False, widget=forms.Textarea(attrs={"rows": 4}))
    file = forms.FileField(
        label=_("File (optional)"),
        required=False,
        help_text=_("At most 20 MiB. It is stored with its SHA-256, which goes into the ledger."),
    )


class AskForm(PostForm):
    """A new request of an auditor."""

    title = forms.CharField(label=_("Title"), max_length=200)
    field_order = ("title", "text", "file")


class StatementForm(forms.Form):
    """What is stated: the fields of its kind. Without `controls` to choose from, the control is settled already."""

    def __init__(self, *args, framework: Framework, kind: str, controls: list[str] | None = None, **kwargs):
        super().__init__(*args, **kwargs)
        self.framework, self.free = framework, controls
        for field in statements.FIELDS[kind]:
            if field.shape is not Shape.CONTROL or controls is not None:
                self.fields[field.name] = self._field(field)

    def _field(self, field: Field) -> forms.Field:
        said = {"label": field.label, "required": field.needed, "help_text": field.help}
        if field.shape is Shape.TEXT:
            return forms.CharField(max_length=statements.TEXT, widget=forms.Textarea(attrs={"rows": 3}), **said)
        if field.shape is Shape.DAY:
            return _day(**said)
        if field.shape is Shape.DEVIATION:
            return forms.CharField(max_length=statements.LINE, widget=forms.HiddenInput, **said)
        if field.shape in (Shape.CONTROL, Shape.CONTROLS, Shape.SYSTEMS):
            return forms.MultipleChoiceField(choices=self._several(field), widget=forms.CheckboxSelectMultiple, **said)
        if field.shape in (Shape.CHOICE, Shape.PERSON, Shape.PERIOD):
            return forms.ChoiceField(choices=[("", _("– not stated –")), *self._one(field)], **said)
        return forms.CharField(max_length=statements.LINE, **said)

    def _several(self, field: Field) -> list[tuple[str, str]]:
        if field.shape is Shape.SYSTEMS:
            return list(Source.objects.order_by("name").values_list("key", "name"))
        named = {self.framework.reference(one.id): f"{one.id}: {one.text}" for one in self.framework.controls.values()}
        free = named if field.shape is Shape.CONTROLS else self.free
        return [(reference, named[reference]) for reference in free]

    def _one(self, field: Field) -> list[tuple]:
        if field.shape is Shape.PERSON:
            active = User.objects.filter(is_active=True).order_by("name").values_list("pk", "name")
            known = {f"{persons.KIND}{pk}": name for pk, name in active}
            if held := self.initial.get(field.name):  # Whoever left since can stay named.
                known |= {reference: one.name for reference, one in persons.known([held]).items()}
            return list(known.items())
        if field.shape is Shape.PERIOD:
            periods = AuditPeriod.objects.filter(framework=self.framework.code)
            return [(str(one.pk), one.name) for one in periods]
        return list(field.choices)


class WithdrawForm(forms.Form):
    """Why a statement holds no more."""

    why = forms.CharField(label=_("Why it holds no more"), max_length=statements.TEXT, widget=forms.Textarea(attrs={"rows": 2}))


class CheckForm(forms.Form):
    """Whether a corrective action was effective."""

    effective = forms.ChoiceField(label=_("Was it effective?"), choices=statements.YES_NO, widget=forms.RadioSelect)
    note = forms.CharField(label=_("How you know"), max_length=statements.TEXT, widget=forms.Textarea(attrs={"rows": 2}))

"""Forms of how people review: the part of a definition's form that sets the limits, and what the owner makes of findings."""

from collections.abc import Iterable

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns import measures
from campaigns.measures import MIN_DECISIONS, RANGES
from campaigns.states import Disposition, Measure

LABELS = {
    MIN_DECISIONS: (_("Only people with at least so many decisions"), ""),
    str(Measure.MEDIAN_SECONDS): (
        _("Median seconds between decisions, at least"),
        _("Pauses over ten minutes are not counted."),
    ),
    str(Measure.UNDER_3_SECONDS): (_("Decided within 3 seconds, at most percent"), ""),
    str(Measure.BULK): (_("Decided in bulk, at most percent"), ""),
    str(Measure.STREAK): (_("The same decision in a row, at most"), _("A bulk act counts once.")),
    str(Measure.PRIVILEGED_OPENED): (_("Privileged items opened before deciding, at least percent"), ""),
    str(Measure.AGAINST_ADVICE): (
        _("Decided against the recommendation, at most percent"),
        _("Of items for which keeping or removing was recommended."),
    ),
}


def _number(name: str) -> forms.IntegerField:
    label, help_text = LABELS[name]
    least, most = RANGES[name]
    return forms.IntegerField(
        label=label,
        help_text=help_text,
        min_value=least,
        max_value=most,
        required=False,
        initial=measures.DEFAULTS[name],
    )


class QualityFields(forms.Form):
    """A number for each threshold; an empty one is not looked at."""

    quality_min_decisions = _number(MIN_DECISIONS)
    quality_median_seconds = _number(str(Measure.MEDIAN_SECONDS))
    quality_under_3_seconds = _number(str(Measure.UNDER_3_SECONDS))
    quality_bulk = _number(str(Measure.BULK))
    quality_streak = _number(str(Measure.STREAK))
    quality_privileged_opened = _number(str(Measure.PRIVILEGED_OPENED))
    quality_against_advice = _number(str(Measure.AGAINST_ADVICE))

    @property
    def quality_fields(self) -> list:
        """The bound fields, in their order."""
        return [self[f"quality_{name}"] for name in RANGES]

    @property
    def has_quality_errors(self) -> bool:
        """Whether a threshold is wrong: then the page shows them."""
        return any(field.errors for field in self.quality_fields)

    def thresholds(self) -> dict:
        """The cleaned thresholds as a definition keeps them. Without a word everybody with the usual number is looked at."""
        given = {name: self.cleaned_data[f"quality_{name}"] for name in RANGES}
        return given | {MIN_DECISIONS: given[MIN_DECISIONS] or measures.DEFAULTS[MIN_DECISIONS]}


def initial_of(thresholds: dict) -> dict:
    """Thresholds as the form shows them."""
    return {f"quality_{name}": thresholds.get(name) for name in RANGES}


class JudgeForm(forms.Form):
    """What the owner makes of a reviewer's findings, and why."""

    findings = forms.TypedMultipleChoiceField(coerce=int, error_messages={"required": _("Choose what you judge.")})
    choice = forms.ChoiceField(label=_("Choice"), choices=Disposition.choices)
    reason = forms.CharField(label=_("Reason"), widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args, findings: Iterable[int], **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["findings"].choices = [(pk, pk) for pk in findings]

"""The part of a definition's form that says who is reminded when, and what follows upon silence."""

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns import ladder
from certify.lib.numbers import whole

DAYS = {"required": False, "min_value": 1, "max_value": ladder.MAX_DAYS}


class LadderForm(forms.Form):
    """The rungs of a ladder."""

    at_start = forms.BooleanField(required=False, initial=True, label=_("At the start"))
    weekly = forms.BooleanField(required=False, initial=True, label=_("Every week"))
    days_before = forms.CharField(
        required=False, initial="3 1", label=_("Days before the due date"), help_text=_("Whole numbers, such as 3 1.")
    )
    on_the_day = forms.BooleanField(required=False, initial=True, label=_("On the day"))
    daily_after = forms.BooleanField(
        required=False,
        initial=True,
        label=_("Then every day, to the reviewer and their manager"),
        help_text=_("Where a stage was given more time, or waits."),
    )
    tell_manager_after = forms.IntegerField(
        **DAYS, label=_("Days of silence until the manager is told"), help_text=_("Empty: never.")
    )
    tell_owner_after = forms.IntegerField(**DAYS, label=_("Days of silence until the control owner is told"))
    hand_over_after = forms.IntegerField(
        **DAYS,
        label=_("Days of silence until the manager gets the items"),
        help_text=_("Who answers even one item is not silent. Nobody gets their own access to review."),
    )
    RUNGS = (*ladder.SWITCHES, "days_before", *ladder.SILENCE)

    def clean_days_before(self) -> list[int]:
        """Whole numbers, the earliest reminder first."""
        try:
            days = {int(word) for word in self.cleaned_data["days_before"].replace(",", " ").split()}
        except ValueError:
            raise forms.ValidationError(_("Write whole numbers of days, such as 3 1.")) from None
        return sorted(days, reverse=True)

    def rungs(self) -> dict:
        """The cleaned form as terms have it."""
        return {name: self.cleaned_data[name] for name in self.RUNGS}

    @staticmethod
    def initial_of_ladder(found: dict) -> dict:
        """A ladder as the form shows it."""
        rungs = ladder.of({"ladder": found})
        return rungs | {"days_before": " ".join(str(day) for day in rungs["days_before"])}

    def ladder_in_words(self) -> str:
        """What the form says of reminders, as a sentence; empty while it makes no sense."""
        if not self.is_bound:
            given = {name: self[name].value() for name in self.RUNGS}
            days = str(given["days_before"] or "").replace(",", " ").split()
            given["days_before"] = [int(day) for day in days if whole(day) is not None]
            given |= {name: whole(str(given[name] or "")) for name in ladder.SILENCE}
            return ladder.in_words(given)
        return "" if self.errors else ladder.in_words(ladder.checked(self.rungs()))

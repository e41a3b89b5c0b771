"""Forms of campaigns and reviews: they clean, actions write."""

from collections.abc import Iterable
from datetime import date
from uuid import UUID
from zoneinfo import available_timezones

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns import measures, permissions, quality_form, queries, recurrence, worklist
from campaigns.actions import events
from campaigns.actions.definitions import CHAIN, Terms
from campaigns.actions.scopes import Exempt
from campaigns.events import WATCHED
from campaigns.ladder_form import LadderForm
from campaigns.models import Assignment
from campaigns.scope.presets import Preset
from campaigns.states import ANSWERS, Cadence, CampaignKind, ItemState, RemovalsBegin, ReviewerRule, Signal
from certify.lib.errors import InvalidInput
from people.models import User
from people.states import Role


def _words(text: str) -> list[str]:
    return [word for word in text.replace(",", " ").split() if word]


def _asked(chain: Iterable[str]) -> dict[str, bool]:
    """The ticks of the form for a chain of reviewers."""
    return {
        "manager_first": ReviewerRule.MANAGER in chain,
        "entitlement_owner": ReviewerRule.ENTITLEMENT_OWNER in chain,
        "system_owner": ReviewerRule.SYSTEM_OWNER in chain,
    }


class ScheduleForm(forms.Form):
    """When a definition is due. Which fields apply depends on how it repeats; `campaigns.recurrence` checks them."""

    repeat = forms.ChoiceField(
        choices=[("", _("Whenever it is launched by hand")), *recurrence.REPEATS.items()], required=False, label=_("It repeats")
    )
    every = forms.TypedChoiceField(
        choices=list(recurrence.MONTHS.items()), coerce=int, initial=3, required=False, label=_("Period")
    )
    on = forms.ChoiceField(choices=list(recurrence.DAYS_ON.items()), initial="day", required=False, label=_("Due"))
    day = forms.IntegerField(
        initial=31, required=False, label=_("Day of the month"), help_text=_("31 is the last day of every month.")
    )
    month = forms.IntegerField(
        initial=3, required=False, label=_("Month of the period"), help_text=_("3 of a quarter is its last.")
    )
    workday = forms.IntegerField(
        initial=5, required=False, label=_("Working day of the period"), help_text=_("5 is the fifth, -1 the last.")
    )
    weeks = forms.IntegerField(initial=4, required=False, label=_("Every how many weeks"))
    weekday = forms.TypedChoiceField(
        choices=list(enumerate(recurrence.WEEKDAYS)), coerce=int, initial=0, required=False, label=_("Day of the week")
    )
    rrule = forms.CharField(
        max_length=300, required=False, label=_("Rule"), help_text=_("RFC 5545, such as FREQ=MONTHLY;INTERVAL=3;BYDAY=-1FR.")
    )
    starts_on = forms.DateField(
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        required=False,
        help_text=_("The first period begins here."),
        label=_("From"),
    )
    time_zone = forms.ChoiceField(
        label=_("Time zone"), choices=[(zone, zone) for zone in sorted(available_timezones())], initial="UTC"
    )
    holidays = forms.CharField(
        max_length=10, required=False, label=_("Holidays of"), help_text=_("A country such as DE, or DE-BY: no working days.")
    )
    opens_at = forms.CharField(max_length=5, initial="08:00", label=_("Opens at"))
    draft_days = forms.IntegerField(initial=5, label=_("Draft so many days before it opens"))
    max_age_days = forms.IntegerField(initial=7, label=_("Hold when data is older, in days"))
    max_drift = forms.IntegerField(initial=20, label=_("Hold when rows drift by more, in percent"))

    @classmethod
    def initial_of(cls, schedule: dict, today: date) -> dict:
        """The fields of a schedule; of none, those of a quarter that begins with the present year."""
        if not schedule:
            return {"starts_on": date(today.year, 1, 1)}
        found = {name: schedule[name] for name in cls.base_fields if name in schedule}
        number = schedule.get("number")
        if schedule["repeat"] == "weeks":
            return found | {"every": 3, "weeks": schedule["every"], "weekday": number}
        return found | ({"workday": number} if schedule.get("on") == "workday" else {"day": number or 31})

    def schedule(self) -> dict | None:
        """What was posted, for `recurrence.checked`; None when it is launched by hand."""
        data = self.cleaned_data
        if not data["repeat"]:
            return None
        found = {**data, "starts_on": data["starts_on"] and data["starts_on"].isoformat()}
        if data["repeat"] == "weeks":
            return found | {"every": data["weeks"], "number": data["weekday"]}
        return found | {"number": data["workday"] if data["on"] == "workday" else data["day"]}

    def refuse(self, refusal: InvalidInput) -> None:
        """Show a refusal at the field that was filled in."""
        names = {"number": {"weeks": "weekday"}.get(self.cleaned_data["repeat"], self.cleaned_data["on"] or "day")}
        name = names.get(refusal.field, refusal.field)
        self.add_error("weeks" if (name, self.cleaned_data["repeat"]) == ("every", "weeks") else name, refusal.message)


class WatchForm(forms.Form):
    """The events that a definition asks about when they happen."""

    kinds = forms.MultipleChoiceField(
        choices=[(kind.value, kind.label) for kind in WATCHED],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label=_("Ask at once when"),
    )
    per_day = forms.IntegerField(
        initial=events.DEFAULT_PER_DAY,
        label=_("At most so many a day"),
        help_text=_("What the day has no room for waits for the next."),
    )


class RunForm(forms.Form):
    """A reason for what is done about an expected run."""

    reason = forms.CharField(label=_("Reason"), widget=forms.Textarea(attrs={"rows": 2}), required=False)


class JoinedInput(forms.TextInput):
    """A line of words; words that were ticked beside it post under the same name and are joined to it, each once."""

    def value_from_datadict(self, data, files, name: str) -> str | None:
        """What was typed and ticked, in the order of the form."""
        if not hasattr(data, "getlist") or name not in data:
            return data.get(name)
        return " ".join(dict.fromkeys(_words(" ".join(data.getlist(name)))))


class DefinitionForm(LadderForm, quality_form.QualityFields):
    """What a definition says, in plain words."""

    kind = forms.ChoiceField(choices=CampaignKind.choices, initial=CampaignKind.OTHER, required=False, widget=forms.HiddenInput)
    name = forms.CharField(label=_("Name"), max_length=200, help_text=_("For example: Quarterly access review."))
    purpose = forms.CharField(
        label=_("Purpose"),
        widget=forms.Textarea(attrs={"rows": 2}),
        required=False,
        help_text=_("Shown to reviewers: why they are asked."),
    )
    controls = forms.CharField(
        required=False,
        label=_("Controls it serves"),
        widget=JoinedInput,
        help_text=_("Framework and control, such as soc2:CC6.3 iso27001:A.5.18."),
    )
    manager_first = forms.BooleanField(required=False, initial=True, label=_("Ask the person's manager first"))
    entitlement_owner = forms.BooleanField(required=False, initial=True, label=_("Else the owner of the entitlement"))
    system_owner = forms.BooleanField(required=False, initial=True, label=_("Else the owner of the system"))
    fallback_reviewer = forms.ModelChoiceField(
        queryset=None, label=_("Else this person"), help_text=_("Nobody is ever asked about their own access.")
    )
    owner = forms.ModelChoiceField(queryset=None, label=_("Control owner"), help_text=_("Accountable for this review."))
    cadence = forms.ChoiceField(
        choices=Cadence.choices,
        initial=Cadence.NONE,
        label=_("How often"),
        required=False,
        help_text=_("What the controls promise."),
    )
    duration_days = forms.IntegerField(min_value=1, max_value=366, initial=14, label=_("Days to decide"))
    removal_days = forms.IntegerField(min_value=1, max_value=366, initial=7, label=_("Days a removal may take"))
    removal_limit = forms.IntegerField(
        min_value=0,
        max_value=100,
        initial=20,
        required=False,
        label=_("Removals above this percentage of a system wait for a second person"),
        help_text=_("Empty: however much goes, nothing waits for that."),
    )
    last_holder_waits = forms.BooleanField(
        required=False,
        initial=True,
        label=_("Removals after which nobody holds a privileged right wait for a second person"),
        help_text=_("So that no system loses its last administrator by the word of one person."),
    )
    removals_begin = forms.ChoiceField(
        choices=RemovalsBegin.choices,
        initial=RemovalsBegin.CLOSE,
        required=False,
        label=_("When removals begin"),
        help_text=_(
            "At sign-off a removal begins when nothing that can still be answered would change it. Should the review come to"
            " something else after all, because answers are opened again or it is cancelled, it is withdrawn."
        ),
    )
    objection_days = forms.IntegerField(
        min_value=1,
        max_value=30,
        required=False,
        label=_("Days in which whoever loses access may object"),
        help_text=_(
            "They get a mail, and the removal waits so long unless it is privileged. Empty: nobody is told beforehand."
        ),
    )
    reason_for_every_removal = forms.BooleanField(required=False, label=_("Ask for a reason for everything that is removed"))
    reason_for_every_keep = forms.BooleanField(required=False, label=_("Ask for a reason for everything that is kept"))

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["fallback_reviewer"].queryset = queries.possible_reviewers()
        self.fields["owner"].queryset = User.objects.with_role(Role.CONTROL_OWNER)

    def clean_kind(self) -> str:
        """Without a word it is something else."""
        return self.cleaned_data["kind"] or CampaignKind.OTHER

    def clean_cadence(self) -> str:
        """Without a word it is run when needed."""
        return self.cleaned_data["cadence"] or Cadence.NONE

    def clean_removals_begin(self) -> str:
        """Without a word they begin when the campaign closes."""
        return self.cleaned_data["removals_begin"] or RemovalsBegin.CLOSE

    def terms(self, scope: dict) -> Terms:
        """The cleaned form and the scope that was built beside it, as an action takes them."""
        data = self.cleaned_data
        asked = {
            ReviewerRule.MANAGER: data["manager_first"],
            ReviewerRule.ENTITLEMENT_OWNER: data["entitlement_owner"],
            ReviewerRule.SYSTEM_OWNER: data["system_owner"],
            ReviewerRule.FALLBACK: True,
        }
        same = (
            "name", "kind", "cadence", "purpose", "fallback_reviewer", "owner", "duration_days",
            "removal_days", "removal_limit", "last_holder_waits", "objection_days",
            "removals_begin",
            "reason_for_every_removal", "reason_for_every_keep",
        )  # fmt: skip
        return Terms(
            scope=scope,
            quality=self.thresholds(),
            controls=_words(data["controls"]),
            reviewer_chain=tuple(rule for rule in CHAIN if asked[ReviewerRule(rule)]),
            ladder=self.rungs(),
            **{name: data[name] for name in same},
        )

    @staticmethod
    def initial_of(definition) -> dict:
        """A definition as the form shows it."""
        return {
            **definition.terms(),
            "removal_limit": definition.removal_limit,
            "objection_days": definition.objection_days,
            "removals_begin": definition.removals_begin,
            "controls": " ".join(definition.controls),
            **LadderForm.initial_of_ladder(definition.ladder),
            **_asked(definition.reviewer_chain),
            **quality_form.initial_of(measures.checked(definition.quality)),
        }

    @staticmethod
    def initial_from(preset: Preset, kind: str) -> dict:
        """What a new definition of a kind begins with."""
        return {
            "kind": kind,
            "name": preset.name,
            "purpose": preset.purpose,
            "controls": " ".join(preset.controls),
            "cadence": preset.cadence,
            "duration_days": preset.days,
            "reason_for_every_keep": preset.keeps_reasons,
            **_asked(preset.chain),
        }


class SavedScopeForm(forms.Form):
    """The name under which a scope is kept."""

    name = forms.CharField(max_length=120, label=_("Name of the scope"))


class StandingExclusionForm(forms.Form):
    """What no review asks about for a while."""

    name = forms.CharField(label=_("Name"), max_length=120, help_text=_("For example: Break-glass accounts."))
    reason = forms.CharField(
        label=_("Reason"),
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Why no review asks about these, in words the auditor will read."),
    )
    owner = forms.ModelChoiceField(queryset=None, label=_("Who answers for it"))
    ends_on = forms.DateField(
        label=_("Last day"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("At most a year from now. Then they are asked about."),
    )
    identities = forms.CharField(
        required=False,
        label=_("People"),
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Identity keys, one on a line."),
    )
    accounts = forms.CharField(
        label=_("Accounts"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("One on a line: the system’s key, a slash, the account’s key. For example crm/break-glass-1."),
    )
    entitlements = forms.CharField(
        required=False,
        label=_("Roles and rights"),
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Likewise: crm/read-only."),
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["owner"].queryset = queries.possible_reviewers()

    def terms(self) -> Exempt:
        """The cleaned form as an action takes it."""
        lists = ("identities", "accounts", "entitlements")
        lines = {name: [line.strip() for line in self.cleaned_data[name].splitlines() if line.strip()] for name in lists}
        return Exempt(**{name: self.cleaned_data[name] for name in ("name", "reason", "owner", "ends_on")}, **lines)


class LaunchForm(forms.Form):
    """The name of a run."""

    name = forms.CharField(max_length=200, label=_("Name of this run"))
    is_staged_first = forms.BooleanField(
        required=False, label=_("Freeze it first, and let me look at every reviewer’s page before they are asked")
    )


class ReasonForm(forms.Form):
    """A reason for an act of the control owner."""

    reason = forms.CharField(label=_("Reason"), widget=forms.Textarea(attrs={"rows": 2}))


class ReassignForm(ReasonForm):
    """Who gets a reviewer's undecided items, and why."""

    to = forms.ModelChoiceField(queryset=None, label=_("New reviewer"))

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["to"].queryset = queries.possible_reviewers()


class HandOverForm(ReasonForm):
    """To whom a reviewer gives items, and why. `offered` is heading → people."""

    to = forms.TypedChoiceField(label=_("To whom"), coerce=int)
    field_order = ("to", "reason")

    def __init__(self, *args, offered: dict[str, list[User]], **kwargs):
        super().__init__(*args, **kwargs)
        self.people = {person.pk: person for people in offered.values() for person in people}
        groups = [(heading, [(person.pk, person.name) for person in people]) for heading, people in offered.items()]
        self.fields["to"].choices = [("", _("Choose a person")), *groups]

    def clean_to(self) -> User:
        """The person."""
        return self.people[self.cleaned_data["to"]]


class GroupForm(forms.Form):
    """A group of reviewers."""

    name = forms.CharField(label=_("Name"), max_length=120, help_text=_("Stays as it is: packs name the group."))
    members = forms.ModelMultipleChoiceField(label=_("Members"), queryset=None, widget=forms.SelectMultiple(attrs={"size": 12}))
    is_archived = forms.BooleanField(required=False, label=_("Out of use"))

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["members"].queryset = queries.possible_reviewers()


class DelegationForm(forms.Form):
    """Who acts for whom, from when to when. Only control owners choose for whom."""

    principal = forms.ModelChoiceField(queryset=None, required=False, label=_("For"), empty_label=_("Myself"))
    to = forms.ModelMultipleChoiceField(queryset=None, label=_("Who acts"), widget=forms.SelectMultiple(attrs={"size": 6}))
    begins_on = forms.DateField(label=_("From"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    ends_on = forms.DateField(
        label=_("To, that day included"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    campaigns = forms.ModelMultipleChoiceField(
        queryset=None,
        required=False,
        label=_("Only in these reviews"),
        help_text=_("None chosen: in all."),
        widget=forms.CheckboxSelectMultiple,
    )
    reason = forms.CharField(label=_("Reason"), widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args, by, **kwargs):
        super().__init__(*args, **kwargs)
        people = queries.possible_reviewers()
        self.fields["to"].queryset = people.exclude(pk=by.pk)
        self.fields["campaigns"].queryset = queries.open_campaigns().filter(assignments__reviewer=by).distinct()
        if permissions.can_run_campaigns(by):
            self.fields["principal"].queryset, self.fields["to"].queryset = people, people
            self.fields["campaigns"].queryset = queries.open_campaigns()
        else:
            del self.fields["principal"]


class ExtendForm(ReasonForm):
    """More time for the present stage."""

    due_on = forms.DateField(
        label=_("Last day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), help_text=_("Until 23:59 UTC.")
    )
    field_order = ("due_on", "reason")


class RowChoiceField(forms.ModelMultipleChoiceField):
    """Assignments by what was answered."""

    def label_from_instance(self, obj) -> str:
        """The item and its answer."""
        return f"{obj.item}: {obj.get_decision_display()}"


class ReopenForm(ReasonForm):
    """Which submitted answers are opened again, and why."""

    rows = RowChoiceField(queryset=None, label=_("Answers"), widget=forms.CheckboxSelectMultiple)
    field_order = ("rows", "reason")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["rows"].queryset = Assignment.objects.none()


class AnswerForm(forms.Form):
    """What a reviewer says of one item."""

    code = forms.ChoiceField(choices=[(code.value, code.label) for code in ANSWERS])
    chip = forms.CharField(required=False, max_length=100)
    rationale = forms.CharField(required=False, max_length=4000)
    reduce_to = forms.CharField(required=False, max_length=1000)
    until = forms.DateField(required=False)
    evidence = forms.FileField(required=False)
    number = forms.UUIDField(required=False)


class NumberForm(forms.Form):
    """The number of a request, by which it is known when it comes again."""

    number = forms.UUIDField(required=False)

    def given(self) -> UUID | None:
        """None where there is none, or what stands there is no number."""
        return self.cleaned_data.get("number") if self.is_valid() else None


class SheetForm(forms.Form):
    """A spreadsheet of decisions."""

    file = forms.FileField(
        label=_("The file you filled in"),
        max_length=200,
        widget=forms.FileInput(attrs={"accept": ".xlsx"}),
        error_messages={"required": _("Choose the file first."), "empty": _("This file is empty.")},
    )


class FilterForm(forms.Form):
    """The filters of the review page, from its address."""

    state = forms.ChoiceField(choices=[("", ""), ("all", _("All")), *ItemState.choices], required=False)
    unchanged = forms.BooleanField(required=False)
    signal = forms.MultipleChoiceField(choices=Signal.choices, required=False)
    care = forms.BooleanField(required=False)
    system = forms.CharField(required=False, max_length=80)
    department = forms.CharField(required=False, max_length=200)
    entitlement = forms.CharField(required=False, max_length=300)
    person = forms.CharField(required=False, max_length=200)
    search = forms.CharField(required=False, max_length=100)

    def filters(self) -> worklist.Filters:
        """What of the address makes sense; the rest is as if it were not there."""
        self.is_valid()
        data = self.cleaned_data
        return worklist.Filters(
            state=data.get("state", "").removesuffix("all"),
            unchanged=data.get("unchanged", False),
            signals=tuple(data.get("signal", ())),
            care=data.get("care", False),
            **{name: data.get(name, "") for name in ("system", "department", "entitlement", "person", "search")},
        )

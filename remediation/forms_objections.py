"""Forms about objections, and of the tokens of programs."""

from django import forms
from django.utils.translation import gettext_lazy as _

from remediation import permissions


class TokenForm(forms.Form):
    """A token to be made."""

    name = forms.CharField(label=_("Name"), max_length=120, help_text=_("What it is for; stands with everything that it does."))
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"), choices=list(permissions.SCOPES.items()), widget=forms.CheckboxSelectMultiple,
        initial=list(permissions.SCOPES),
    )  # fmt: skip
    things = forms.MultipleChoiceField(label=_("In these systems"), widget=forms.CheckboxSelectMultiple)
    days = forms.IntegerField(label=_("Days it holds"), min_value=1, max_value=366, initial=90)

    def __init__(self, *args, sources, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["things"].choices = [(source.key, source.name) for source in sources]

    def wanted(self) -> dict:
        """As the action takes it."""
        return {name: self.cleaned_data[name] for name in ("name", "scopes", "things", "days")}


class ObjectionForm(forms.Form):
    """Why somebody needs the access that is to go."""

    task = forms.IntegerField(widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("Why you need it"),
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Whoever decided reads it and decides again. It is kept with the decision; the auditor reads it."),
    )


class AnswerForm(forms.Form):
    """What the reviewer decides on an objection."""

    answer = forms.CharField(label=_("Why"), max_length=4000, widget=forms.Textarea(attrs={"rows": 3}))

"""Forms of the removal pages."""

from django import forms

from remediation.states import TaskState

PROOF_LIMIT = 20 * 2**20
STATES = [("", "All"), ("unproved", "Not yet proved"), ("overdue", "Late"), *TaskState.choices]


class ActForm(forms.Form):
    """What was done, with an optional proof."""

    note = forms.CharField(
        label="What was done",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="For example: removed from the group in the directory, ticket OPS-123.",
    )
    proof = forms.FileField(
        label="Proof (optional)",
        required=False,
        help_text="A screenshot, export or log of at most 20 MiB. It is stored with its SHA-256, which goes into the ledger.",
    )
    proof_link = forms.URLField(
        label="Or where the proof can be seen (optional)",
        required=False,
        assume_scheme="https",
        max_length=1000,
        help_text="The address of a ticket or page; it goes into the ledger.",
    )


class CloseForm(forms.Form):
    """Why a removal is closed that no data will verify."""

    note = forms.CharField(
        label="Why no reading will show it, and why the proof is enough",
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class FilterForm(forms.Form):
    """The filters above the list."""

    state = forms.ChoiceField(choices=STATES, required=False)
    campaign = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)
    source = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)
    owner = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)

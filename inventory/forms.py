"""Forms of the inventory."""

from django import forms
from django.utils.translation import gettext_lazy as _

from inventory.readers.fields import FIELDS
from inventory.states import Completeness, FileKind
from people.models import User
from people.states import Role


class SourceForm(forms.Form):
    """A source. Its key never changes: files and packs name it."""

    key = forms.SlugField(
        label=_("Key"), max_length=80, help_text=_("What the “source” column of its files says, such as crm. It never changes.")
    )
    name = forms.CharField(label=_("Name"), max_length=200)
    description = forms.CharField(label=_("Description"), widget=forms.Textarea(attrs={"rows": 2}), required=False)
    owner = forms.ModelChoiceField(
        queryset=None,
        required=False,
        label=_("System owner"),
        help_text=_("Removes access there, and decides where no manager is known."),
    )

    def __init__(self, *args, with_key: bool = True, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["owner"].queryset = User.objects.with_role(Role.SYSTEM_OWNER)
        if not with_key:
            del self.fields["key"]


class UploadForm(forms.Form):
    """Up to three files and where they come from."""

    identities = forms.FileField(
        required=False, label=_("Identities"), help_text=_("People, service accounts, agents: one a row.")
    )
    entitlements = forms.FileField(label=_("Entitlements"), required=False, help_text=_("Rights of the system: one a row."))
    grants = forms.FileField(label=_("Grants"), required=False, help_text=_("Which account has which right: one a row."))
    completeness = forms.ChoiceField(
        label=_("Completeness"),
        choices=[("", _("Choose …")), *Completeness.choices],
        help_text=_(
            "Full: the files hold everything the system has, so what is missing has ended. Partial and unknown end nothing."
        ),
    )
    extraction_note = forms.CharField(
        label=_("How were they extracted?"),
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("The auditor reads this. For example: report “All users”, no filter, exported by the administrator."),
    )
    extracted_at = forms.DateTimeField(
        required=False,
        label=_("When were they extracted? (UTC)"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%d %H:%M:%S"),
        help_text=_("Leave empty when not known."),
    )

    def uploads(self) -> dict:
        """Kind → the uploaded file."""
        return {kind: self.cleaned_data[kind] for kind in FileKind.values if self.cleaned_data.get(kind)}


class DescriptionsImportForm(forms.Form):
    """A file of descriptions."""

    file = forms.FileField(label=_("File"))
    only_check = forms.BooleanField(label=_("Only check it, change nothing"), required=False)


class MappingForm(forms.Form):
    """One file: our field → its column."""

    def __init__(self, *args, file, **kwargs):
        super().__init__(*args, prefix=file.kind, **kwargs)
        columns = [("", _("— not in this file —")), *((column, column) for column in file.columns)]
        for field in FIELDS[file.kind]:
            self.fields[field.name] = forms.ChoiceField(
                choices=columns, required=field.required, initial=file.mapping.get(field.name, ""), label=field.name
            )

    def mapping(self) -> dict[str, str]:
        """The choices that were made."""
        return {name: column for name, column in self.cleaned_data.items() if column}

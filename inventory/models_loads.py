"""Uploads on their way to becoming a snapshot; `inventory.models` has their names too."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from inventory.states import Completeness, FileKind, LoadState


class LoadJob(models.Model):
    """An upload on its way to becoming a snapshot: files, mapping, check report, progress. Not evidence itself."""

    source = models.ForeignKey("inventory.Source", on_delete=models.PROTECT, related_name="loads")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    state = models.CharField(max_length=15, choices=LoadState.choices, default=LoadState.UPLOADED)
    completeness = models.CharField(max_length=10, choices=Completeness.choices, default=Completeness.UNKNOWN)
    extraction_note = models.TextField()
    extracted_at = models.DateTimeField(null=True, blank=True)
    progress_rows = models.PositiveBigIntegerField(default=0)
    report = models.JSONField(default=dict, help_text="Counts and the first rejected rows of the check.")
    error = models.TextField(blank=True)
    accept_large_drop = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)
    snapshot = models.OneToOneField("inventory.Snapshot", on_delete=models.PROTECT, null=True, related_name="load")

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                condition=Q(state="loaded", snapshot__isnull=False) | (~Q(state="loaded") & Q(snapshot__isnull=True)),
                name="load_snapshot_only_when_loaded",
            ),
        )

    def __str__(self) -> str:
        return f"load {self.pk} of {self.source.name}"


class LoadFile(models.Model):
    """One uploaded file of a load: where it lies, what it is, and how its columns map to ours."""

    job = models.ForeignKey(LoadJob, on_delete=models.PROTECT, related_name="files")
    kind = models.CharField(max_length=15, choices=FileKind.choices)
    file_name = models.CharField(max_length=255)
    stored_as = models.CharField(max_length=255, help_text="Path below the upload directory.")
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField()
    columns = models.JSONField(default=list, help_text="Header of the file, in order.")
    mapping = models.JSONField(default=dict, help_text="Our field → the file's column.")

    class Meta:
        ordering = ("id",)
        constraints = (models.UniqueConstraint(fields=("job", "kind"), name="load_file_kind_once"),)

    def __str__(self) -> str:
        return self.file_name

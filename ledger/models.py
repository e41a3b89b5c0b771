"""The append-only log: entries, their leaves, the tree above them and the signed checkpoints.

The database refuses UPDATE and DELETE on all four tables, for the owner too (triggers), and the application's role has
neither right nor TRUNCATE. Entries are written by business transactions, unordered; the sequencer gives the committed ones
contiguous leaf indexes.
"""

import uuid

from django.db import models
from django.db.models import F, GeneratedField, Q
from django.db.models.functions import Cast

from ledger import persons


class EntryQuerySet(models.QuerySet):
    """Entries with what they do not say in the clear."""

    def signed(self):
        """With `signed_as`: the name of the actor as it was then, or the mark of somebody who was erased."""
        return self.annotate(signed_as=persons.signed_as())


class Entry(models.Model):
    """One recorded fact. `payload` holds exactly the RFC 8785 bytes that `leaf_hash` covers; other columns repeat it.

    Since version 2 an entry holds no name of a person: `actor_name` is empty then, see `EntryQuerySet.signed`.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True)
    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=100)
    actor_id = models.CharField(max_length=80)
    actor_name = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()
    payload = models.TextField()
    payload_json = GeneratedField(
        expression=Cast(F("payload"), models.JSONField()), output_field=models.JSONField(), db_persist=True
    )
    leaf_hash = models.BinaryField(max_length=32)

    objects = EntryQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        verbose_name_plural = "entries"
        indexes = (
            models.Index(fields=("subject", "id"), name="entry_subject"),
            models.Index(fields=("kind", "id"), name="entry_kind"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


class Leaf(models.Model):
    """The place of an entry in the log. `hash` repeats the entry's leaf hash, so that the tree can be checked by itself."""

    index = models.BigIntegerField(primary_key=True)
    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, related_name="leaf", db_constraint=False)
    hash = models.BinaryField(max_length=32)

    class Meta:
        ordering = ("index",)

    def __str__(self) -> str:
        return f"leaf {self.index}"


class Node(models.Model):
    """The root of a complete subtree of 256^level leaves, numbered from the left: what tlog-tiles calls a full tile's hash."""

    level = models.PositiveSmallIntegerField()
    index = models.BigIntegerField()
    hash = models.BinaryField(max_length=32)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("level", "index"), name="node_once"),)

    def __str__(self) -> str:
        return f"node {self.level}/{self.index}"


class Checkpoint(models.Model):
    """A signed tree head: a C2SP tlog-checkpoint in a signed-note, exactly as it leaves the building."""

    size = models.BigIntegerField(unique=True)
    root = models.BinaryField(max_length=32)
    note = models.TextField()
    at = models.DateTimeField()

    class Meta:
        ordering = ("size",)

    def __str__(self) -> str:
        return f"checkpoint {self.size}"


class KeyTerm(models.Model):
    """A key of the log, as its public half: it signs the checkpoints of more than `since` entries (see `ledger/succession.py`).

    `note` is the statement that made it the log's key, which the entry `entry_uid` repeats; the first key has neither.
    """

    verifier = models.CharField(max_length=300, unique=True)
    since = models.BigIntegerField(unique=True)
    note = models.TextField(blank=True)
    at = models.DateTimeField()
    entry_uid = models.UUIDField(null=True)

    class Meta:
        ordering = ("since",)
        constraints = (
            models.CheckConstraint(
                condition=Q(since=0, note="", entry_uid__isnull=True) | Q(since__gt=0, entry_uid__isnull=False) & ~Q(note=""),
                name="key_term_has_its_statement",
            ),
        )

    def __str__(self) -> str:
        return f"{self.verifier} since {self.since}"


class Cosignature(models.Model):
    """A witness's statement that it saw this checkpoint as the log's newest (C2SP tlog-cosignature): its line as it came."""

    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, related_name="cosignatures")
    witness = models.CharField(max_length=200)
    line = models.TextField()
    line_sha256 = models.CharField(max_length=64, unique=True)
    stated_at = models.DateTimeField()
    at = models.DateTimeField()
    entry_uid = models.UUIDField()

    class Meta:
        ordering = ("checkpoint", "id")

    def __str__(self) -> str:
        return f"{self.witness} on {self.checkpoint_id}"


class Anchor(models.Model):
    """A checkpoint that was left somewhere outside, and what was given in return (a timestamp token, the mail, …)."""

    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, related_name="anchors")
    channel = models.CharField(max_length=20)
    target = models.CharField(max_length=500)
    receipt = models.BinaryField()
    detail = models.JSONField()
    at = models.DateTimeField()
    entry_uid = models.UUIDField()

    class Meta:
        ordering = ("id",)
        indexes = (models.Index(fields=("channel", "-id"), name="anchor_channel"),)

    def __str__(self) -> str:
        return f"{self.channel} of {self.checkpoint_id}"


class AnchorFailure(models.Model):
    """Why the last try of a channel failed. For the page, not evidence: gone when a try succeeds."""

    channel = models.CharField(max_length=20, primary_key=True)
    reason = models.TextField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.channel}: {self.reason}"


class Publication(models.Model):
    """How far the log is published in a bucket, and why the last try failed. Not evidence: the bucket itself is."""

    target = models.CharField(max_length=500, primary_key=True)
    size = models.BigIntegerField()
    failure = models.TextField(blank=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.target}: {self.size}"


class Verification(models.Model):
    """How far the continuous verification is: one row. Not evidence; what it finds is an entry."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    #: The walk of this round: leaves behind it, the roots of the tree over them, up to where signed roots fitted.
    position = models.BigIntegerField(default=0)
    roots = models.BinaryField(default=b"")
    known_good = models.BigIntegerField(default=0)
    is_broken = models.BooleanField(default=False)
    problems = models.JSONField(default=list)
    begun_at = models.DateTimeField()
    checked_at = models.DateTimeField()
    #: The last round that came to its end, and how many entries it covered.
    ended_at = models.DateTimeField(null=True)
    ended_size = models.BigIntegerField(null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(id=1), name="verification_is_one"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_size__isnull=True)
                | Q(ended_at__isnull=False, ended_size__isnull=False),
                name="verification_ended_together",
            ),
        )

    def __str__(self) -> str:
        return f"verified up to {self.position}"


class Pending(models.Model):
    """Entries that have no leaf yet, filled by a trigger. A queue for the sequencer, not evidence."""

    entry = models.OneToOneField(Entry, on_delete=models.DO_NOTHING, primary_key=True, db_constraint=False)

    def __str__(self) -> str:
        return f"pending {self.entry_id}"


class AbsorbedChange(models.Model):
    """A row of django-auditlog that has been entered in the ledger."""

    change_id = models.BigIntegerField(primary_key=True)
    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, db_constraint=False)

    def __str__(self) -> str:
        return f"change {self.change_id}"


class PersonRecord(models.Model):
    """A person as they were called at one time: what opens the `commitment` that entries hold in place of their name.

    The database makes one whenever name, address or sign-in name of somebody change (`ledger_commit_person`), and lets nobody change
    it. When the person is erased, salt and particulars go, and the commitment stays: see `people.actions.erasing`.
    """

    commitment = models.CharField(max_length=64, primary_key=True)
    person = models.CharField(max_length=80, db_index=True)
    particulars = models.TextField(blank=True, help_text="Canonical JSON: email, id, name, username.")
    salt = models.BinaryField(max_length=32, null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(salt__isnull=True, particulars="") | Q(salt__isnull=False) & ~Q(particulars=""),
                name="person_record_whole_or_erased",
            ),
        )

    def __str__(self) -> str:
        return f"{self.person} {self.commitment[:8]}"


class Erasure(models.Model):
    """Somebody whose particulars were erased; the entry says who did it, when and why. The database keeps it, and looks here before it
    lets a name be taken out of a table that only grows.
    """

    person = models.CharField(max_length=80, primary_key=True)
    at = models.DateTimeField()
    entry_uid = models.UUIDField(unique=True)

    def __str__(self) -> str:
        return self.person

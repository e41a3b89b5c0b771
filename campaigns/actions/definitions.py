"""Definitions: what a campaign will ask. Every change is in the ledger with the old and the new text."""

import re
from dataclasses import dataclass, field, fields

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import ladder, measures, permissions
from campaigns.actions import schedules
from campaigns.models import CampaignDefinition
from campaigns.scope import documents
from campaigns.states import DEFAULT_CHAIN, Cadence, CampaignKind, RemovalsBegin, ReviewerRule
from certify.lib.errors import InvalidInput, NotAllowed
from inventory.models import Source
from ledger.actions import entries
from people.models import User

CONTROL = re.compile(r"[a-z0-9_-]{2,30}:[A-Za-z0-9.()-]{1,28}")
CHAIN = tuple(rule.value for rule in DEFAULT_CHAIN)
#: Terms of a simple scope.
SIMPLE = ("sources", "privileged", "departments", "kinds", "orphans")


@dataclass(frozen=True)
class Terms:
    """Everything a definition says, as the form gives it.

    `scope` is the scope's document; without one, sources, privileged, departments, kinds and orphans make a simple one.
    """

    name: str
    fallback_reviewer: User
    owner: User
    scope: dict | None = None
    sources: tuple[int, ...] = ()
    privileged: str = "any"
    departments: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    orphans: bool = True
    kind: str = CampaignKind.OTHER
    cadence: str = Cadence.NONE
    purpose: str = ""
    controls: list[str] = field(default_factory=list)
    reviewer_chain: tuple[str, ...] = CHAIN
    duration_days: int = 14
    ladder: dict = field(default_factory=ladder.default)
    removal_days: int = 7
    removal_limit: int | None = 20
    last_holder_waits: bool = True
    objection_days: int | None = None
    removals_begin: str = RemovalsBegin.CLOSE
    reason_for_every_removal: bool = False
    reason_for_every_keep: bool = False
    quality: dict = field(default_factory=dict)

    def document(self) -> dict:
        """The scope, in canonical order. Refuses what its schema refuses."""
        made = {name: getattr(self, name) for name in SIMPLE}
        return documents.check(self.scope if self.scope is not None else documents.simple(**made))


def _check(terms: Terms, document: dict) -> None:
    wanted = set(document["sources"])
    known = set(Source.objects.filter(pk__in=wanted).values_list("pk", flat=True))
    bad = [text for text in terms.controls if not CONTROL.fullmatch(text)]
    problems = {
        "name": not terms.name.strip() and gettext_lazy("Give it a name."),
        "scope": wanted - known and gettext_lazy("A system of the scope does not exist."),
        "kind": terms.kind not in CampaignKind.values and gettext_lazy("Choose what sort of review this is."),
        "cadence": terms.cadence not in Cadence.values and gettext_lazy("Choose how often it is run."),
        "controls": bad
        and gettext_lazy("“{control}” is not a control; write framework:control, such as soc2:CC6.3.").format(control=bad[0]),
        "reviewer_chain": (set(terms.reviewer_chain) - set(CHAIN) and gettext_lazy("Unknown reviewer rule."))
        or (
            ReviewerRule.FALLBACK not in terms.reviewer_chain
            and gettext_lazy("The chain must end with the named fallback reviewer.")
        ),
        "duration_days": not 1 <= terms.duration_days <= 366 and gettext_lazy("A campaign lasts 1 to 366 days."),
        "removal_days": not 1 <= terms.removal_days <= 366 and gettext_lazy("A removal may take 1 to 366 days."),
        "removal_limit": terms.removal_limit is not None
        and not 0 <= terms.removal_limit <= 100
        and gettext_lazy("Write a percentage from 0 to 100, or leave it empty."),
        "objection_days": terms.objection_days is not None
        and not 1 <= terms.objection_days <= 30
        and gettext_lazy("Write 1 to 30 days, or leave it empty."),
        "removals_begin": terms.removals_begin not in RemovalsBegin.values and gettext_lazy("Choose when removals begin."),
        "fallback_reviewer": not terms.fallback_reviewer.is_active and gettext_lazy("The fallback reviewer is not active."),
        "owner": not permissions.can_run_campaigns(terms.owner) and gettext_lazy("The owner must be a control owner."),
    }
    for name, problem in problems.items():
        if problem:
            raise InvalidInput(problem, field=name)


def _write(definition: CampaignDefinition, terms: Terms) -> None:
    document = terms.document()
    _check(terms, document)
    for name in {one.name for one in fields(Terms)} - {"scope", *SIMPLE}:
        value = getattr(terms, name)
        setattr(definition, name, list(value) if isinstance(value, tuple) else value)
    definition.scope, definition.quality = document, measures.checked(terms.quality)
    definition.ladder = ladder.checked(terms.ladder)
    try:
        with transaction.atomic():
            definition.save()
    except IntegrityError:
        raise InvalidInput(
            _("There is already a definition called “{terms_name}”.").format(terms_name=terms.name), field="name"
        ) from None


def _subject(definition: CampaignDefinition) -> str:
    return f"campaigns.definition:{definition.pk}"


def _require(by) -> None:
    if not permissions.can_run_campaigns(by):
        raise NotAllowed(_("Only a control owner may define campaigns."))


@transaction.atomic
def create(*, terms: Terms, by) -> CampaignDefinition:
    """Add a definition. Refuses strangers and terms that cannot be run; the refusal names the field."""
    _require(by)
    definition = CampaignDefinition()
    _write(definition, terms)
    entries.record(kind="definition:created", subject=_subject(definition), by=by, data=definition.terms())
    return definition


@transaction.atomic
def change(*, definition_id: int, terms: Terms, by) -> CampaignDefinition:
    """Change a definition; campaigns that were launched keep the terms they were launched with."""
    _require(by)
    definition = CampaignDefinition.objects.select_for_update(of=("self",), no_key=True).get(pk=definition_id)
    old = definition.terms()
    _write(definition, terms)
    if (new := definition.terms()) != old:
        entries.record(kind="definition:changed", subject=_subject(definition), by=by, data={"old": old, "new": new})
    return definition


@transaction.atomic
def archive(*, definition_id: int, by) -> CampaignDefinition:
    """Take a definition out of use. Its campaigns stay."""
    _require(by)
    definition = CampaignDefinition.objects.select_for_update(of=("self",), no_key=True).get(pk=definition_id)
    if not definition.is_archived:
        definition.is_archived = True
        definition.save(update_fields=["is_archived", "changed_at"])
        entries.record(kind="definition:archived", subject=_subject(definition), by=by, data={"name": definition.name})
        schedules.expect(definition=definition, reason="The definition was archived.", by=by)
    return definition

"""Rules of duties that must be apart. Nothing of them is deleted; every change is in the ledger."""

import hashlib
from dataclasses import dataclass, field

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from campaigns import permissions, sod_csv, sod_rules
from campaigns.models import SodRule
from campaigns.sod_rules import Known, Terms
from certify.lib import clock
from certify.lib.errors import Conflict, InvalidInput, NotAllowed
from ledger.actions import entries


def _require(by) -> None:
    if not permissions.can_keep_duties_apart(by):
        raise NotAllowed(_("Only a control owner or administrator may say which duties must be apart."))


def _check(terms: Terms) -> Terms:
    terms = terms.cleaned()
    for name, problem in sod_rules.problems(terms, Known.of([terms])):
        is_about_it = problem[:1].islower()
        raise InvalidInput(
            (_("This {problem}.") if is_about_it else "{problem}.").format(problem=problem.rstrip(".")), field=name
        )
    return terms


@transaction.atomic
def create(*, terms: Terms, by) -> SodRule:
    """Add a rule. Refuses a key that is taken, rights and tags that nobody has heard of, and a right on both sides."""
    _require(by)
    terms = _check(terms)
    try:
        with transaction.atomic():
            return _create(terms, by)
    except IntegrityError:
        raise InvalidInput(_("There is already a rule “{key}”.").format(key=terms.key), field="key") from None


def _create(terms: Terms, by) -> SodRule:
    values = {name: getattr(terms, name) for name in sod_rules.FACTS}
    rule = SodRule.objects.create(**values, owner=terms.owner, changed_at=clock.now())
    entries.record(kind="sod-rule:created", subject=_subject(rule), by=by, data={"rule": terms.facts(), "version": 1})
    return rule


def _subject(rule: SodRule) -> str:
    return f"campaigns.sodrule:{rule.pk}"


@transaction.atomic
def change(*, rule_id: int, terms: Terms, by) -> SodRule:
    """Change what a rule says; its key stays. New sides, or a rule taken into use again, end what exceptions were approved for."""
    _require(by)
    rule = _locked().get(pk=rule_id)
    if terms.key != rule.key:
        raise InvalidInput(_("The key of a rule stays as it is."), field="key")
    _change(rule, _check(terms), by)
    return rule


def _locked():
    return SodRule.objects.select_for_update(of=("self",), no_key=True).select_related("owner")


def _change(rule: SodRule, terms: Terms, by) -> bool:
    """Take over new terms of a (locked) rule; returns whether anything changed."""
    old = sod_rules.of(rule)
    if old.facts() == terms.facts():
        return False
    compared = ("side_a", "side_b", "is_active")
    if any(getattr(old, name) != getattr(terms, name) for name in compared):
        rule.version += 1
    for name in (*sod_rules.FACTS, "owner"):
        setattr(rule, name, getattr(terms, name))
    rule.changed_at = clock.now()
    rule.save(update_fields=[*sod_rules.FACTS, "owner", "version", "changed_at"])
    data = {"old": old.facts(), "new": terms.facts(), "version": rule.version}
    entries.record(kind="sod-rule:changed", subject=_subject(rule), by=by, data=data)
    return True


@dataclass(frozen=True)
class Imported:
    """What an import came to. Where a row was refused, nothing was taken over at all."""

    created: int = 0
    changed: int = 0
    same: int = 0
    refused: list[sod_csv.Refused] = field(default_factory=list)


@transaction.atomic
def take_in(*, data: bytes, file_name: str, by) -> Imported:
    """Create and change rules as a CSV file says, all of it or nothing; rules that it does not name stay as they are.

    The same file again changes nothing. Raises `InvalidInput` for what is no file of rules at all.
    """
    _require(by)
    every, refused = sod_csv.read(data)
    if refused or not every:
        if not refused:
            raise InvalidInput(_("The file has no rules."), field="file")
        return Imported(refused=refused)
    known = {rule.key: rule for rule in _locked().filter(key__in=[terms.key for terms in every]).order_by("pk")}
    counts = {"created": 0, "changed": 0, "same": 0}
    try:
        with transaction.atomic():
            for terms in every:
                rule = known.get(terms.key)
                what = "created" if rule is None else "changed" if _change(rule, terms, by) else "same"
                if rule is None:
                    _create(terms, by)
                counts[what] += 1
    except IntegrityError:
        raise Conflict(_("Somebody added one of these rules at this moment. Try again.")) from None
    facts = {"file": file_name[:200], "sha256": hashlib.sha256(data).hexdigest(), **counts}
    entries.record(kind="sod-rules:imported", subject="campaigns.sodrule:*", by=by, data=facts)
    return Imported(**counts)

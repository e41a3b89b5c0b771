"""Statements about the controls of a framework: made, changed, withdrawn, checked. What was stated is kept; a change is a version."""

import uuid
from datetime import datetime

from django.db import connection, transaction
from django.utils.translation import gettext as _

from certify.lib import canonical, clock
from certify.lib.errors import Conflict, InvalidInput, NotAllowed
from certify.lib.numbers import whole
from evidence import assurance, deviations, frameworks, permissions, persons, statements
from evidence.catalogue import Framework
from evidence.models import AuditPeriod, Statement
from evidence.readiness import Readiness
from evidence.statements import Shape
from evidence.states import StatementKind
from inventory.models import Source
from ledger.actions import entries


@transaction.atomic
def make(*, framework: str, kind: str, facts: dict, by) -> list[Statement]:
    """State something new; of applicability a statement for each of the controls.

    Refuses strangers, what is missing or refers to nothing, and a second statement of applicability about a control.
    """
    found = _allowed(framework, by)
    said = _facts(found, kind, facts)
    controls = said.pop("control", [""])
    _lock(framework)
    of_kind = Statement.objects.filter(framework=framework, kind=kind)
    if stated := set(of_kind.filter(control__in=controls).exclude(control="").values_list("control", flat=True)):
        raise InvalidInput(
            _("The applicability of {control} is stated already: change that statement.").format(control=min(stated)),
            field="control",
        )
    last = of_kind.order_by("-number").first()
    first = last.number + 1 if last else 1
    return _write(
        [
            Statement(framework=framework, kind=kind, number=number, version=1, control=control, facts=said)
            for number, control in enumerate(controls, first)
        ],
        by,
        clock.now(),
    )


@transaction.atomic
def change(*, statement_id: int, facts: dict, by) -> Statement:
    """The next version of a statement; a change after the check of a nonconformity has to be checked again.

    Refuses strangers, a version that is not the latest any more, and what says nothing new.
    """
    old = _latest(statement_id, by)
    controls = {"control": [old.control]} if old.control else {}
    said = _facts(frameworks.get(old.framework), old.kind, facts | controls)
    said.pop("control", None)
    if said.get("period") and said["period"] == old.facts["period"]:
        said["input"] = old.facts["input"]
    kept = {name: value for name, value in old.facts.items() if name not in statements.CHECK}
    if not old.withdrawn and said == kept:
        raise InvalidInput(_("That is so already."))
    return _next(old, by, facts=said)


@transaction.atomic
def withdraw(*, statement_id: int, why: str, by) -> Statement:
    """Say that a statement holds no more, and why. Refuses strangers, a version that is not the latest, and no reason."""
    old = _latest(statement_id, by)
    reason = why.strip()
    if not reason or len(reason) > statements.TEXT or "\x00" in reason:
        raise InvalidInput(_("Say in up to {limit} characters why.").format(limit=statements.TEXT), field="why")
    if old.withdrawn:
        raise InvalidInput(_("That is so already."))
    return _next(old, by, facts=old.facts, withdrawn=reason)


@transaction.atomic
def check(*, statement_id: int, effective: bool, note: str, by) -> Statement:
    """Say whether the corrective action of a nonconformity was effective.

    Refuses who may not run audits, the owner of the action, whoever wrote that it was done, and what is not done or is checked.
    """
    if not permissions.sees_every_period(by):
        raise NotAllowed(_("Only a control owner or administrator may check a corrective action."))
    old = _newest(statement_id)
    if old.kind != StatementKind.NONCONFORMITY or old.withdrawn or not old.facts["done_on"] or old.facts.get("effective"):
        raise InvalidInput(_("There is nothing to check here."))
    who = f"people.user:{by.pk}"
    if not statements.may_check(old.facts, old.facts["owner"], f"people.user:{old.by_id}", who):
        raise NotAllowed(_("Somebody else must check it: you own the action, or wrote that it was done."))
    text = note.strip()
    if not text or len(text) > statements.TEXT or "\x00" in text:
        raise InvalidInput(_("Say in up to {limit} characters why.").format(limit=statements.TEXT), field="note")
    checked = ("yes" if effective else "no", text, who)
    return _next(old, by, facts=old.facts | dict(zip(statements.CHECK, checked, strict=True)))


def _allowed(framework: str, by) -> Framework:
    if not permissions.can_manage_audit(by):
        raise NotAllowed(_("Only a control owner may state something about controls."))
    found = frameworks.get(framework)
    if found is None:
        raise InvalidInput(_("Choose a framework."), field="framework")
    return found


def _lock(framework: str) -> None:
    with connection.cursor() as cursor:  # Two who state something at once wait here for each other.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"statements {framework}"])


def _newest(statement_id: int) -> Statement:
    seen = Statement.objects.get(pk=statement_id)
    _lock(seen.framework)
    same = Statement.objects.filter(framework=seen.framework, kind=seen.kind, number=seen.number)
    if same.filter(version__gt=seen.version).exists():
        raise Conflict(_("Somebody changed this statement meanwhile: look at it again."))
    return seen


def _latest(statement_id: int, by) -> Statement:
    old = _newest(statement_id)
    _allowed(old.framework, by)
    return old


def _next(old: Statement, by, *, facts: dict, withdrawn: str = "") -> Statement:
    same = {name: getattr(old, name) for name in ("framework", "kind", "number", "control")}
    return _write([Statement(**same, version=old.version + 1, facts=facts, withdrawn=withdrawn)], by, clock.now())[0]


def _write(rows: list[Statement], by, at: datetime) -> list[Statement]:
    told = []
    named = persons.references(*(row.facts for row in rows))
    for row in rows:
        row.by, row.by_name, row.at, row.entry_uid = by, by.name, at, uuid.uuid4()
        data = {
            "framework": row.framework,
            "kind": row.kind,
            "number": str(row.number),
            "version": str(row.version),
            "control": row.control,
            "withdrawn": row.withdrawn,
            "facts": row.facts | {name: named[row.facts[name]] for name in statements.PEOPLE if row.facts.get(name)},
        }
        if len(canonical.dumps(data)) > statements.MOST:
            raise InvalidInput(_("This is too much for one statement: shorten it, or name fewer controls."))
        told.append((f"evidence.framework:{row.framework}", data))
    entries.record_many(kind="statement:made", by=by, rows=told, at=at, uids=[row.entry_uid for row in rows])
    return Statement.objects.bulk_create(rows)


def _facts(framework: Framework, kind: str, facts: dict) -> dict:
    """What is stated, when everything that it refers to exists."""
    said = statements.clean(kind, facts)
    for field in statements.FIELDS[kind]:
        if value := said[field.name]:
            _check_reference(framework, field.name, field.shape, value)
        if field.shape is Shape.PERIOD:
            said["input"] = _figures(framework, value)
    return said


def _check_reference(framework: Framework, name: str, shape: Shape, value) -> None:
    if shape in (Shape.CONTROL, Shape.CONTROLS):
        known = {framework.reference(one) for one in framework.controls}
        if strange := sorted(set(value) - known):
            raise InvalidInput(_("{framework} has no control {control}.").format(
                framework=framework.name, control=strange[0]), field=name)  # fmt: skip
    elif shape is Shape.SYSTEMS:
        known = set(Source.objects.filter(key__in=value).values_list("key", flat=True))
        if set(value) - known:
            raise InvalidInput(_("A system that you named does not exist."), field=name)
    elif shape is Shape.PERSON and not persons.known([value]):
        raise InvalidInput(_("Choose a person from the list."), field=name)
    elif shape is Shape.DEVIATION and deviations.about(value) is None:
        raise InvalidInput(_("There is no such deviation."), field=name)


def _figures(framework: Framework, value: str) -> dict[str, str]:
    period = AuditPeriod.objects.filter(pk=whole(value), framework=framework.code).first()
    if period is None:
        raise InvalidInput(_("Choose an audit period of this framework."), field="period")
    return assurance.figures(Readiness(period, clock.now()))

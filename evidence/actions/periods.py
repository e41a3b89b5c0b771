"""Audit periods: opened to named auditors, read-only, until a day."""

from dataclasses import dataclass, field
from datetime import date

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from evidence import frameworks, permissions
from evidence.models import LEAVER_DAYS, AuditPeriod
from inventory.models import Source
from inventory.states import IdentityKind
from ledger.actions import entries
from people.models import User
from people.states import Role

#: Access that stays longer than this after somebody left is no matter of days.
MOST_LEAVER_DAYS = 365
#: A year beyond these is a slip of the hand.
FIRST_YEAR, LAST_YEAR = 2000, 2199


@dataclass(frozen=True)
class Details:
    """What a period is: dates are days, both ends included.

    `systems` are keys of sources and `kinds` kinds of identities; none of them means all of them.
    """

    name: str
    framework: str
    from_on: date
    to_on: date
    open_until: date
    auditors: list[User] = field(default_factory=list)
    systems: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    outside: str = ""
    leaver_days: int = LEAVER_DAYS


def _facts(period: AuditPeriod, auditors: list[User]) -> dict:
    return {
        "period": str(period.pk),
        "name": period.name,
        "framework": period.framework,
        "from": period.from_on.isoformat(),
        "to": period.to_on.isoformat(),
        "open_until": period.open_until.isoformat(),
        "systems": list(period.systems),
        "kinds": list(period.kinds),
        "outside": period.outside,
        "leaver_days": period.leaver_days,
        "auditors": sorted(f"people.user:{auditor.pk}" for auditor in auditors),
    }


def _check_days(details: Details) -> None:
    for name in ("from_on", "to_on", "open_until"):
        if not FIRST_YEAR <= getattr(details, name).year <= LAST_YEAR:
            raise InvalidInput(_("Write a day from {first} to {last}.").format(first=FIRST_YEAR, last=LAST_YEAR), field=name)
    if details.to_on < details.from_on:
        raise InvalidInput(_("The period must not end before it begins."), field="to_on")


def _check_scope(details: Details) -> None:
    known = set(Source.objects.filter(key__in=details.systems).values_list("key", flat=True))
    if set(details.systems) - known:
        raise InvalidInput(_("A system of the scope does not exist."), field="systems")
    if set(details.kinds) - set(IdentityKind.values):
        raise InvalidInput(_("Choose kinds of identities from the list."), field="kinds")
    if (details.systems or details.kinds) and not details.outside.strip():
        raise InvalidInput(_("Say what is outside the scope, and why."), field="outside")


def _write(period: AuditPeriod, details: Details, by) -> dict:
    if not permissions.can_manage_audit(by):
        raise NotAllowed(_("Only a control owner may open an audit period."))
    if not details.name.strip():
        raise InvalidInput(_("Give it a name."), field="name")
    if frameworks.get(details.framework) is None:
        raise InvalidInput(_("Choose a framework."), field="framework")
    _check_days(details)
    if stranger := next((a for a in details.auditors if not a.has_role(Role.AUDITOR)), None):
        raise InvalidInput(
            _("{stranger_name} does not have the role auditor.").format(stranger_name=stranger.name), field="auditors"
        )
    _check_scope(details)
    if not 0 <= details.leaver_days <= MOST_LEAVER_DAYS:
        raise InvalidInput(_("Write a number of days from 0 to {most}.").format(most=MOST_LEAVER_DAYS), field="leaver_days")
    period.systems, period.kinds = sorted(details.systems), sorted(details.kinds)
    period.outside, period.leaver_days = details.outside.strip(), details.leaver_days
    period.name, period.framework = details.name.strip(), details.framework
    period.from_on, period.to_on, period.open_until = details.from_on, details.to_on, details.open_until
    try:
        with transaction.atomic():
            period.save()
    except IntegrityError:
        raise InvalidInput(
            _("There is already a period called “{period_name}”.").format(period_name=period.name), field="name"
        ) from None
    period.auditors.set(details.auditors)
    return _facts(period, details.auditors)


@transaction.atomic
def create(*, details: Details, by) -> AuditPeriod:
    """Open a period. Refuses strangers, an unknown framework, dates in the wrong order and people who are no auditors."""
    period = AuditPeriod(created_by=by, created_at=clock.now())
    facts = _write(period, details, by)
    entries.record(kind="period:created", subject=f"evidence.period:{period.pk}", by=by, data=facts)
    return period


@transaction.atomic
def change(*, period_id: int, details: Details, by) -> AuditPeriod:
    """Change a period; packs that were built stay as they are."""
    period = AuditPeriod.objects.select_for_update(of=("self",), no_key=True).get(pk=period_id)
    old = _facts(period, list(period.auditors.all()))
    new = _write(period, details, by)
    if new != old:
        entries.record(kind="period:changed", subject=f"evidence.period:{period.pk}", by=by, data={"old": old, "new": new})
    return period


@transaction.atomic
def record_opening(*, period_id: int, page: str, by) -> None:
    """Record that an auditor opens a page of a period; those who are audited see it. Refuses who may not read the period."""
    period = AuditPeriod.objects.visible_to(by, clock.now().date()).filter(pk=period_id).first()
    if period is None:
        raise NotAllowed(_("This period is not open to you."))
    data = {"period": str(period_id), "page": page}
    entries.record(kind="period:opened", subject=f"evidence.period:{period_id}", by=by, data=data)

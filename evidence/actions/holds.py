"""Legal holds: placed by one person, released by another. Each act is in the ledger."""

from dataclasses import dataclass, field
from datetime import date

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from campaigns.models import Campaign
from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from inventory.models import Identity, Source
from ledger.actions import entries
from people import holds, permissions
from people.models import HoldRelease, LegalHold, User
from people.rules import sign_in_name

MIN_REASON, MOST_PEOPLE = 10, 200


@dataclass(frozen=True)
class Terms:
    """What a hold is to be. `people` are named by identity, sign-in name or mail address; both days of a span are included."""

    name: str
    reason: str
    everything: bool = False
    campaigns: list[int] = field(default_factory=list)
    systems: list[str] = field(default_factory=list)
    people: list[str] = field(default_factory=list)
    from_on: date | None = None
    to_on: date | None = None


@transaction.atomic
def place(*, terms: Terms, by) -> LegalHold:
    """Hold all that belongs to what the terms name, from now on: it is neither deleted nor erased.

    Refuses strangers, a hold without a name or reason, one that covers nothing, and things or people that there are not.
    """
    if not permissions.can_place_hold(by):
        raise NotAllowed(_("Only administrators and control owners may place a hold."))
    holds.hold_still()
    _check(terms)
    refs = [ref for text in terms.people for ref in _refs(text)]
    facts = {
        "name": terms.name.strip(),
        "reason": terms.reason.strip(),
        "everything": terms.everything,
        "campaigns": sorted(set(terms.campaigns)),
        "systems": sorted(set(terms.systems)),
        "people": sorted(set(refs)),
    }
    now = clock.now()
    hold = LegalHold(from_on=terms.from_on, to_on=terms.to_on, by=by, by_name=by.name, at=now)
    days = {name: day.isoformat() if day else "" for name, day in (("from", terms.from_on), ("to", terms.to_on))}
    subject = f"people.hold:{facts['name']}"
    data = facts | days | {"campaigns": [str(pk) for pk in facts["campaigns"]]}
    for name, value in facts.items():
        setattr(hold, name, value)
    hold.entry_uid = entries.record(kind="hold:placed", subject=subject[:80], by=by, data=data, at=now).uid
    hold.save(force_insert=True)
    return hold


def _check(terms: Terms) -> None:
    if not 3 <= len(terms.name.strip()) <= 120:
        raise InvalidInput(_("Give it a name of 3 to 120 characters."), field="name")
    if len(terms.reason.strip()) < MIN_REASON:
        raise InvalidInput(_("Say why, in at least {least} characters.").format(least=MIN_REASON), field="reason")
    if (terms.from_on is None) != (terms.to_on is None):
        raise InvalidInput(_("A span of time has a first and a last day."), field="to_on")
    if terms.from_on and terms.to_on < terms.from_on:
        raise InvalidInput(_("The span must not end before it begins."), field="to_on")
    if not (terms.everything or terms.campaigns or terms.systems or terms.people or terms.from_on):
        raise InvalidInput(_("Say what it covers."), field="everything")
    if len(terms.people) > MOST_PEOPLE:
        raise InvalidInput(_("At most {most} people in one hold.").format(most=MOST_PEOPLE), field="people")
    if Campaign.objects.filter(pk__in=terms.campaigns).count() < len(set(terms.campaigns)):
        raise InvalidInput(_("A review of the hold does not exist."), field="campaigns")
    if Source.objects.filter(key__in=terms.systems).count() < len(set(terms.systems)):
        raise InvalidInput(_("A system of the hold does not exist."), field="systems")


def _refs(text: str) -> list[str]:
    """What the ledger and the inventory call the person: the identity, the sign-in, or both. Refuses somebody who cannot be told."""
    identities = list(Identity.objects.filter(Q(key=text) | Q(email__iexact=text)).order_by("pk")[:2])
    users = User.objects.filter(Q(username__iexact=sign_in_name(text)) | Q(email__iexact=text) | Q(identity__in=identities))
    found = list(users.distinct().order_by("pk")[:2])
    if not identities:
        identities = list(Identity.objects.filter(user__in=found).order_by("pk")[:2])
    if len(identities) > 1 or len(found) > 1:
        raise InvalidInput(_("“{text}” is more than one person. Give the identity.").format(text=text[:80]), field="people")
    if not identities and not found:
        raise InvalidInput(_("Nobody is known as “{text}”.").format(text=text[:80]), field="people")
    return [*(f"inventory.identity:{one.pk}" for one in identities), *(f"people.user:{one.pk}" for one in found)]


@transaction.atomic
def release(*, hold_id: int, reason: str, by) -> HoldRelease:
    """End a hold: rules apply again to what it covered. Refuses whoever placed it, a hold that was released, and no reason."""
    hold = LegalHold.objects.get(pk=hold_id)
    if not permissions.can_release_hold(by, hold):
        raise NotAllowed(_("A second person releases a hold, not the one who placed it."))
    holds.hold_still()
    if HoldRelease.objects.filter(hold=hold).exists():
        raise InvalidInput(_("This hold was released already."))
    if len(reason.strip()) < MIN_REASON:
        raise InvalidInput(_("Say why, in at least {least} characters.").format(least=MIN_REASON), field="reason")
    now = clock.now()
    data = {"hold": str(hold.pk), "name": hold.name, "placed_by": f"people.user:{hold.by_id}", "reason": reason.strip()}
    entry = entries.record(kind="hold:released", subject=f"people.hold:{hold.name}"[:80], by=by, data=data, at=now)
    return HoldRelease.objects.create(hold=hold, reason=reason.strip(), by=by, by_name=by.name, at=now, entry_uid=entry.uid)

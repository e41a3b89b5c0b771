"""Erasing what somebody is called. What they did stays, as that of “erased person 7”; the log goes on to verify.

Entries hold commitments to names (`ledger.persons`); without the salt nobody can tell what one stands for.
"""

import json
from collections.abc import Iterable

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils.translation import gettext as _

from certify.lib import clock
from certify.lib.errors import DomainError, InvalidInput, NotAllowed
from ledger import personal, persons
from ledger.actions import entries
from ledger.models import Entry, Erasure, PersonRecord
from people import erasures, hindrances, holds, permissions
from people.models import ApiToken, Mail, User
from people.states import ErasureBasis


@transaction.atomic
def erase(*, user_id: int, basis: str, reason: str, by) -> User:
    """Take away what a person is called: what opens the commitments in entries, and every copy in other tables.

    Refuses all but administrators, oneself, people who are active or have work to do or must be kept, a reason that is none or names
    the person, and somebody who is erased already. Texts that people wrote stay: they are evidence.
    """
    if not permissions.can_manage_people(by):
        raise NotAllowed(_("Only an administrator may erase people."))
    person = User.objects.select_for_update(of=("self",), no_key=True).get(pk=user_id)
    if person.erased_at:
        raise DomainError("erased", _("This person is erased already."))
    holds.hold_still()
    if found := hindrances.of(person):
        raise DomainError("hindered", " ".join(found))
    if basis not in ErasureBasis.values:
        raise InvalidInput(_("Choose why they are erased."), field="basis")
    records = list(
        PersonRecord.objects.select_for_update(of=("self",), no_key=True).filter(person=_reference(person)).order_by("pk")
    )
    called = _called(person, records)
    reason = erasures.checked_reason(reason, called)
    now = clock.now()
    entry = entries.record(
        kind="person:erased",
        subject=_reference(person),
        by=by,
        at=now,
        data={
            "erased": _reference(person),
            "basis": basis,
            "reason": reason,
            "commitments": [one.commitment for one in records],
        },
    )
    Erasure.objects.create(person=_reference(person), at=now, entry_uid=entry.uid)
    personal.put_mark(_reference(person))
    _clean_mails(person, called)
    _clean_others(persons.mark(_reference(person)), called)
    _clean_sign_ins(person, records)
    PersonRecord.objects.filter(person=_reference(person)).update(salt=None, particulars="")
    return _clean_person(person, now)


def _reference(person: User) -> str:
    return f"people.user:{person.pk}"


def _called(person: User, records: Iterable[PersonRecord]) -> list[str]:
    """Every name and address they ever had, the longest first: those of today, of each commitment, and of entries in the clear."""
    said = [{"name": person.name, "email": person.email}, *(json.loads(one.particulars) for one in records)]
    told = Entry.objects.filter(subject=_reference(person), kind__in=("user:created", "user:changed"))
    for data in told.values_list("payload_json__data", flat=True):
        said += [data, data.get("old", {}), data.get("new", {})]
    found = {one[part] for one in said for part in ("name", "email") if one.get(part)}
    return sorted(found, key=lambda text: (-len(text), text))


def _clean_mails(person: User, called: list[str]) -> None:
    """What mails to them said goes; in mails to others the mark takes the place of their name."""
    mark = persons.mark(_reference(person))
    Mail.objects.filter(recipient=person).update(context={}, subject="", error="")
    Mail.objects.filter(recipient=person).exclude(address="").update(address=mark)
    erasures.rename_in_mails(called, mark)


def _clean_others(mark: str, called: list[str]) -> None:
    """Names that stand alone, with nothing beside them that says whose they are: of two namesakes both are marked."""
    Mail.objects.filter(queued_by_name__in=called).update(queued_by_name=mark)
    ApiToken.objects.filter(revoked_by_name__in=called).update(revoked_by_name=mark)


def _clean_sign_ins(person: User, records: Iterable[PersonRecord]) -> None:
    """What was remembered of attempts to sign in under their names."""
    names = {json.loads(one.particulars)["username"] for one in records} | {person.username}
    for model in (AccessAttempt, AccessFailureLog, AccessLog):
        model.objects.filter(username__in=names).delete()


def _clean_person(person: User, now) -> User:
    """Nobody signs in as them again, under any name. By an update, of which django-auditlog keeps no old values."""
    mark = persons.mark(_reference(person))
    names = {"name": mark, "username": mark, "email": "", "time_zone": "", "language": ""}
    User.objects.filter(pk=person.pk).update(**names, erased_at=now, password=make_password(None))
    person.refresh_from_db()
    return person

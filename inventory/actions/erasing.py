"""Erasing the names of those whose access was reviewed. What was decided of their access stays, as that of “erased identity 12”.

Items hold salted commitments in place of names (`campaigns.item_names`); without the salt nobody can tell what one stands for.
"""

from django.db import connection, transaction
from django.utils.translation import gettext as _

from certify.lib import clock
from certify.lib.errors import DomainError, InvalidInput, NotAllowed
from inventory import hindrances, queries
from inventory.models import Account, Identity
from ledger import personal, persons
from ledger.actions import entries
from ledger.models import Erasure
from people import erasures, holds, permissions
from people.states import ErasureBasis

#: Former rows of accounts, by who held them then.
FORMER = {
    Identity: "UPDATE inventory_formeraccount SET name = %(mark)s WHERE identity_key = %(key)s AND name <> %(mark)s",
    Account: "UPDATE inventory_formeraccount SET name = %(mark)s WHERE account_id = %(pk)s AND name <> %(mark)s AND NOT EXISTS ("
    "SELECT FROM inventory_identity AS holder WHERE holder.key = inventory_formeraccount.identity_key)",
}


@transaction.atomic
def erase_identity(*, identity_id: int, basis: str, reason: str, by) -> Identity:
    """Take away name and address of an identity, and the names of the accounts they held, wherever they stand beside whose they are.

    Refuses all but administrators, whoever is still listed, holds access or must be kept, a reason that is none or names them, and an
    identity of whom nothing is left. Keys stay: they are what evidence is told apart by. Texts that people wrote stay as well.
    """
    found = Identity.objects.select_for_update(of=("self",), no_key=True).select_related("user", "source")
    identity = _erase(found, identity_id, {"basis": basis, "reason": reason}, by)
    mark = persons.mark(queries.reference(identity))
    Account.objects.filter(identity=identity).update(name=mark)
    Identity.objects.filter(pk=identity.pk).update(name=mark, email="")
    identity.refresh_from_db()
    return identity


@transaction.atomic
def erase_account(*, account_id: int, basis: str, reason: str, by) -> Account:
    """The same for the name of an account that no known identity holds."""
    found = Account.objects.select_for_update(of=("self",), no_key=True).filter(identity=None).select_related("source")
    account = _erase(found, account_id, {"basis": basis, "reason": reason}, by)
    Account.objects.filter(pk=account.pk).update(name=persons.mark(queries.reference(account)))
    account.refresh_from_db()
    return account


def _erase(found, pk: int, why: dict[str, str], by) -> Identity | Account:
    """Check, record and mark all but the rows of the subject itself."""
    if not permissions.can_manage_people(by):
        raise NotAllowed(_("Only an administrator may erase people."))
    subject = found.get(pk=pk)
    holds.hold_still()
    if refused := hindrances.of(subject):
        raise DomainError("hindered", " ".join(refused))
    if why["basis"] not in ErasureBasis.values:
        raise InvalidInput(_("Choose why they are erased."), field="basis")
    called = sorted(queries.what_names(subject).called, key=len, reverse=True)
    if not called:
        raise DomainError("erased", _("Nothing is left here that could be erased."))
    why = why | {"reason": erasures.checked_reason(why["reason"], called)}
    now, reference = clock.now(), queries.reference(subject)
    data = {"erased": reference, "commitments": []} | why | _whose(subject)
    entry = entries.record(kind="person:erased", subject=reference, by=by, at=now, data=data)
    # Who came back with another reading and left again is erased again; that they may be is said once.
    Erasure.objects.get_or_create(person=reference, defaults={"at": now, "entry_uid": entry.uid})
    personal.put_mark(reference)
    with connection.cursor() as cursor:
        cursor.execute(FORMER[type(subject)], {"mark": persons.mark(reference), "key": subject.key, "pk": subject.pk})
    erasures.rename_in_mails(called, persons.mark(reference))
    return subject


def _whose(subject: Identity | Account) -> dict[str, str]:
    """By which key rows of evidence name the subject."""
    if isinstance(subject, Identity):
        return {"identity": subject.key}
    return {"source": subject.source.key, "account": subject.key}

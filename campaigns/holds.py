"""Whether somebody is under a legal hold: asked before anything of a person is erased."""

from django.db.models import QuerySet

from campaigns.models import Assignment, ReviewItem
from inventory.models import Account, Identity
from people import holds
from people.models import LegalHold, User


def holding(person: Identity | Account | User) -> list[LegalHold]:
    """The holds in force that cover a person, or an account that nobody is known to hold; the latest first.

    A hold on everything, or on a span of time, covers everybody. One on a system covers whoever has or had an account there, one on a
    review whoever it asked, or asked about.
    """
    if isinstance(person, Account):
        return [hold for hold in holds.in_force() if _covers_account(hold, person)]
    identity = person if isinstance(person, Identity) else Identity.objects.filter(user=person).first()
    user = person if isinstance(person, User) else identity.user
    refs = {f"inventory.identity:{identity.pk}"} if identity else set()
    refs |= {f"people.user:{user.pk}"} if user else set()
    return [hold for hold in holds.in_force() if _covers(hold, identity, user, refs)]


def is_held(person: Identity | User) -> bool:
    """Whether anything holds a person: then nothing of them may be erased."""
    return bool(holding(person))


def _covers(hold: LegalHold, identity: Identity | None, user: User | None, refs: set[str]) -> bool:
    if hold.everything or hold.from_on or refs & set(hold.people):
        return True
    if identity and hold.systems and Account.objects.filter(identity=identity, source__key__in=hold.systems).exists():
        return True
    if identity and items_about(identity).filter(campaign__in=hold.campaigns).exists():
        return True
    return user is not None and Assignment.objects.filter(campaign__in=hold.campaigns, reviewer=user).exists()


def _covers_account(hold: LegalHold, account: Account) -> bool:
    is_covered = hold.everything or hold.from_on or account.source.key in hold.systems
    return bool(is_covered) or items_about(account).filter(campaign__in=hold.campaigns).exists()


def items_about(subject: Identity | Account) -> QuerySet:
    """The items that ask about somebody's access."""
    if isinstance(subject, Identity):
        return ReviewItem.objects.filter(identity_key=subject.key)
    return ReviewItem.objects.filter(source=subject.source, account_key=subject.key)

"""Auditors are invited to a period by mail, invited again, and taken off it."""

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from evidence import notices, permissions
from evidence.models import AuditPeriod, Invitation
from ledger.actions import entries
from people.actions import mails, users
from people.models import User
from people.rules import LINK_EVERY_MINUTES, check_email, sign_in_name
from people.states import Role


@transaction.atomic
def invite(*, period_id: int, name: str, email: str, by) -> Invitation:
    """Open a period to an auditor and tell them by mail; who has no sign-in yet gets one, with the role auditor and no other.

    Refuses strangers, a period whose last day has passed, an address whose sign-in is no active auditor's, and a second invitation of
    the same person.
    """
    period = _locked(period_id, by)
    person = _auditor(check_email(email)) or users.create_auditor(name=name, email=email, by=by)
    if period.auditors.filter(pk=person.pk).exists():
        raise InvalidInput(_("{name} is an auditor of this period already.").format(name=person.name), field="email")
    period.auditors.add(person)
    invitation = _sent(period, person, by)
    _record("auditor:invited", period, person, by)
    _mail(period, invitation, by)
    return invitation


def _auditor(email: str) -> User | None:
    """The active auditor with this address, or None when nobody has it. Refuses an address that is somebody else's."""
    found = list(User.objects.filter(Q(username__iexact=sign_in_name(email)) | Q(email__iexact=email)).order_by("pk")[:2])
    if not found or not email:
        return None
    if len(found) > 1 or not found[0].has_role(Role.AUDITOR):
        raise InvalidInput(
            _("This address belongs to a sign-in without the role auditor. An administrator can give the role."), field="email"
        )
    return found[0]


@transaction.atomic
def invite_again(*, period_id: int, auditor_id: int, by) -> Invitation:
    """Send the mail again, with a new link where no password is set yet. Refuses strangers, and a second mail within ten minutes."""
    period = _locked(period_id, by)
    person = _of(period, auditor_id)
    now = clock.now()
    last = Invitation.objects.filter(period=period, auditor=person).first()
    if last and (now - last.at).total_seconds() < LINK_EVERY_MINUTES * 60:
        raise InvalidInput(
            ngettext(
                "The last mail is less than {minutes} minute old. Give it time to arrive.",
                "The last mail is less than {minutes} minutes old. Give it time to arrive.",
                LINK_EVERY_MINUTES,
            ).format(minutes=LINK_EVERY_MINUTES)
        )
    invitation = _sent(period, person, by)
    _record("auditor:invited-again", period, person, by)
    _mail(period, invitation, by)
    return invitation


@transaction.atomic
def withdraw(*, period_id: int, auditor_id: int, by) -> User:
    """Take an auditor off a period: what waits to be sent is not, and a link that was not used is void. Refuses strangers."""
    period = _locked(period_id, by)
    person = _of(period, auditor_id)
    period.auditors.remove(person)
    _record("auditor:withdrawn", period, person, by)
    users.void_link(user_id=person.pk, by=by)
    return person


def _sent(period: AuditPeriod, person: User, by) -> Invitation:
    """The invitation, counted once more."""
    found = Invitation.objects.filter(period=period, auditor=person).first()
    invitation = found or Invitation(period=period, auditor=person, sent=0)
    invitation.by, invitation.at, invitation.sent = by, clock.now(), invitation.sent + 1
    invitation.save()
    return invitation


def _locked(period_id: int, by) -> AuditPeriod:
    period = AuditPeriod.objects.select_for_update(of=("self",), no_key=True).get(pk=period_id)
    if not permissions.can_invite(by):
        raise NotAllowed(_("Only a control owner may invite an auditor."))
    return period


def _of(period: AuditPeriod, auditor_id: int) -> User:
    person = period.auditors.filter(pk=auditor_id).first()
    if person is None:
        raise InvalidInput(_("This person is no auditor of the period any more."))
    return person


def _record(kind: str, period: AuditPeriod, person: User, by) -> None:
    data = {
        "period": str(period.pk),
        "auditor": f"people.user:{person.pk}",
        "named": person.actor_ref(),
        "open_until": period.open_until.isoformat(),
    }
    entries.record(kind=kind, subject=f"evidence.period:{period.pk}", by=by, data=data)


def _mail(period: AuditPeriod, invitation: Invitation, by) -> None:
    if period.open_until < clock.now().date():
        raise InvalidInput(_("The last day for auditors has passed. Move it first."))
    mails.queue(
        recipient=invitation.auditor,
        template="auditor_invited",
        context=notices.invitation(period, invitation.auditor, by.name),
        subject_ref=f"evidence.period:{period.pk}",
        dedupe_key=f"auditor-invited:{period.pk}:{invitation.auditor_id}:{invitation.sent}",
        by=by,
    )

"""Delegations: somebody acts for somebody else for some days. The principal stays responsible; who acted is in the ledger."""

from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import permissions, rules
from campaigns.models import Campaign, Delegation
from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from ledger.actions import entries
from people.actions import mails
from people.models import User

MAX_DAYS = 366


@dataclass(frozen=True)
class Absence:
    """From and to which day (both included, UTC), why, and for which campaigns; none means all."""

    begins_on: date
    ends_on: date
    reason: str
    campaigns: tuple[int, ...] = ()


@transaction.atomic
def delegate(*, principal: User, to: list[User], absence: Absence, by) -> list[Delegation]:
    """Let each of `to` act for the principal. Everybody may for themselves, a control owner for anybody.

    Refuses days in the past or more than 366 of them, people who are not active, campaigns that do not exist, and a missing reason.
    """
    if by.pk != principal.pk and not permissions.can_run_campaigns(by):
        raise NotAllowed(_("Only a control owner may say who acts for somebody else."))
    now = clock.now()
    reason = rules.check_reason(absence.reason, gettext_lazy("Say why somebody acts for you."))
    if absence.ends_on < max(absence.begins_on, now.date()):
        raise InvalidInput(_("The last day is over already, or before the first."), field="ends_on")
    if (absence.ends_on - absence.begins_on).days > MAX_DAYS:
        raise InvalidInput(_("A delegation lasts at most {max_days} days.").format(max_days=MAX_DAYS), field="ends_on")
    if not to:
        raise InvalidInput(_("Choose who acts."), field="to")
    for delegate_user in to:
        if delegate_user.pk == principal.pk or not delegate_user.is_active:
            raise InvalidInput(
                _("{delegate_user_name} cannot act for {principal_name}.").format(
                    delegate_user_name=delegate_user.name, principal_name=principal.name
                ),
                field="to",
            )
    known = Campaign.objects.filter(pk__in=absence.campaigns).count()
    if known != len(set(absence.campaigns)):
        raise InvalidInput(_("A campaign that was chosen does not exist."), field="campaigns")
    return [_make(principal, one, absence, reason, now, by) for one in to]


def _make(principal: User, to: User, absence: Absence, reason: str, now, by) -> Delegation:
    made = Delegation.objects.create(
        principal=principal,
        delegate=to,
        begins_on=absence.begins_on,
        ends_on=absence.ends_on,
        campaigns=sorted(absence.campaigns),
        reason=reason,
        created_at=now,
        created_by=by,
    )
    entries.record(kind="delegation:made", subject=f"campaigns.delegation:{made.pk}", by=by, at=now, data=_facts(made))
    mails.queue(
        recipient=to,
        template="delegation_made",
        context={
            "principal": principal.name,
            "begins_on": made.begins_on.isoformat(),
            "ends_on": made.ends_on.isoformat(),
            "path": "/reviews/",
        },
        subject_ref=f"campaigns.delegation:{made.pk}",
        dedupe_key=f"delegation-made:{made.pk}",
        by=by,
    )
    return made


def _facts(made: Delegation) -> dict:
    return {
        "delegation": str(made.pk),
        "principal": f"people.user:{made.principal_id}",
        "delegate": f"people.user:{made.delegate_id}",
        "begins_on": made.begins_on.isoformat(),
        "ends_on": made.ends_on.isoformat(),
        "campaigns": [str(campaign) for campaign in made.campaigns],
        "reason": made.reason,
    }


@transaction.atomic
def end(*, delegation_id: int, by) -> Delegation:
    """End a delegation now. One that has ended stays as it is; what was done by it stays."""
    found = Delegation.objects.select_for_update(of=("self",), no_key=True).get(pk=delegation_id)
    if by.pk != found.principal_id and not permissions.can_run_campaigns(by):
        raise NotAllowed(_("Only the person themselves or a control owner may end this."))
    if found.ended_at is None:
        found.ended_at = clock.now()
        found.save(update_fields=["ended_at"])
        entries.record(
            kind="delegation:ended",
            subject=f"campaigns.delegation:{found.pk}",
            by=by,
            at=found.ended_at,
            data={"delegation": str(found.pk)},
        )
    return found

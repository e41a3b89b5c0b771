"""Who may open audit periods, build packs and read them."""

from people.states import Role


def can_open_audit(user) -> bool:
    """Control owners and administrators; auditors for what was opened to them."""
    return user.has_role(Role.CONTROL_OWNER, Role.ADMINISTRATOR, Role.AUDITOR)


def can_manage_audit(user) -> bool:
    """Open periods to auditors and build packs."""
    return user.has_role(Role.CONTROL_OWNER)


def sees_every_period(user) -> bool:
    """Those who run audits; an auditor sees only the periods opened to them."""
    return user.has_role(Role.CONTROL_OWNER, Role.ADMINISTRATOR)


def can_download(user, pack, today) -> bool:
    """Those who run audits, and the auditors of the period until its last day."""
    if sees_every_period(user):
        return True
    period = pack.period
    return user.has_role(Role.AUDITOR) and today <= period.open_until and period.auditors.filter(pk=user.pk).exists()


def is_auditor_of(user, period, today) -> bool:
    """One of the auditors whom a period is open to, until its last day."""
    return user.has_role(Role.AUDITOR) and today <= period.open_until and period.auditors.filter(pk=user.pk).exists()


def can_draw(user, period, today) -> bool:
    """Draw a sample: the auditors of the period, and control owners who prepare for them."""
    return can_manage_audit(user) or is_auditor_of(user, period, today)


def can_invite(user) -> bool:
    """Invite auditors to a period, and take them off."""
    return can_manage_audit(user)


def can_answer(user) -> bool:
    """Answer what an auditor asks."""
    return can_manage_audit(user)

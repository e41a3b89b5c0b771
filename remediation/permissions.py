"""Who may see removals and report them done."""

from people.states import Role
from remediation.states import TaskState


def sees_every_removal(user) -> bool:
    """Control owners and administrators see all removals."""
    return user.has_role(Role.ADMINISTRATOR, Role.CONTROL_OWNER)


def can_open_removals(user) -> bool:
    """Who has the page at all; what it lists is limited by `RemediationTask.objects.visible_to`."""
    return sees_every_removal(user) or user.has_role(Role.SYSTEM_OWNER)


def can_claim_done(user, task) -> bool:
    """The person who must remove it, or a control owner, may report it done while it is not proved gone."""
    if task.state == TaskState.VERIFIED_GONE or task.state == TaskState.CLAIMED_DONE:
        return False
    if user.has_role(Role.CONTROL_OWNER):
        return True
    return user.has_role(Role.SYSTEM_OWNER) and user.pk == task.owner_id

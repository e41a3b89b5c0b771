"""Who may see removals and report them done."""

from people.states import Role
from remediation.states import TO_DO, TaskState


def sees_every_removal(user) -> bool:
    """Control owners and administrators see all removals."""
    return user.has_role(Role.ADMINISTRATOR, Role.CONTROL_OWNER)


def can_open_removals(user) -> bool:
    """Who has the page at all; what it lists is limited by `RemediationTask.objects.visible_to`."""
    return sees_every_removal(user) or user.has_role(Role.SYSTEM_OWNER)


def can_close_removals(user) -> bool:
    """Control owners close what no data will ever verify."""
    return user.has_role(Role.CONTROL_OWNER)


def can_act(user, task) -> bool:
    """The person who must remove it, or a control owner."""
    return user.has_role(Role.CONTROL_OWNER) or (user.has_role(Role.SYSTEM_OWNER) and user.pk == task.owner_id)


def can_claim_done(user, task) -> bool:
    """Those who act on it may report it done while somebody has to."""
    return task.state in TO_DO and can_act(user, task)


def can_hand_on(user, task) -> bool:
    """Those who act on it may hand it to somebody else while somebody has to do it."""
    return task.state in TO_DO and can_act(user, task)


def can_add_proof(user, task) -> bool:
    """Those who act on it, while it is reported done and no data has verified that."""
    return task.state == TaskState.CLAIMED_DONE and can_act(user, task)


def can_close(user, task) -> bool:
    """A control owner, when it is reported done; the action also refuses whoever reported it."""
    return task.state == TaskState.CLAIMED_DONE and can_close_removals(user)

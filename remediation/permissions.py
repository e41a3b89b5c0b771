"""Who may see removals and report them done."""

from django.utils.translation import gettext_lazy as _

from people.models import ApiToken
from people.states import Role
from remediation.states import TASK_TRANSITIONS, TO_DO, ExceptionState, TaskState


def sees_every_removal(user) -> bool:
    """Control owners and administrators see all removals."""
    return user.has_role(Role.ADMINISTRATOR, Role.CONTROL_OWNER)


def can_open_removals(user) -> bool:
    """Who has the page at all; what it lists is limited by `RemediationTask.objects.visible_to`."""
    return sees_every_removal(user) or user.has_role(Role.SYSTEM_OWNER)


def can_close_removals(user) -> bool:
    """Control owners close what no data will ever verify."""
    return user.has_role(Role.CONTROL_OWNER)


#: What the token of a program may be for.
READ, REPORT = "removals:read", "removals:report"
SCOPES = {READ: _("See the removals of these systems"), REPORT: _("Report what became of them")}


def can_act(user, task) -> bool:
    """The person who must remove it, a control owner, or a program that reports for its system."""
    if isinstance(user, ApiToken):
        return user.allows(REPORT, task.item.source_key)
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


#: An exception can be asked for in these.
EXCEPTABLE = tuple(old for old, following in TASK_TRANSITIONS.items() if TaskState.EXCEPTED in following)


def can_request_exception(user, task) -> bool:
    """Those who act on a removal may ask that it is left, and ask again while an exception runs."""
    return task.state in (*EXCEPTABLE, TaskState.EXCEPTED) and can_act(user, task)


def can_decide_exception(user, exception) -> bool:
    """A control owner who did not ask for it."""
    return (
        exception.state == ExceptionState.REQUESTED
        and user.has_role(Role.CONTROL_OWNER)
        and user.pk != exception.requested_by_id
    )


def can_end_exception(user, exception) -> bool:
    """Whoever asked for it takes a request back; a control owner ends one that holds."""
    if exception.state == ExceptionState.REQUESTED:
        return user.is_active and user.pk == exception.requested_by_id
    return exception.state == ExceptionState.APPROVED and user.has_role(Role.CONTROL_OWNER)


def can_see_channels(user) -> bool:
    """Control owners and administrators see to which programs removals are sent."""
    return sees_every_removal(user)


def can_configure_channels(user) -> bool:
    """Administrators connect systems: they set addresses and secrets."""
    return user.has_role(Role.ADMINISTRATOR)


def can_switch_channels(user) -> bool:
    """Control owners and administrators can stop all sending to a system, and let it go on."""
    return user.has_role(Role.ADMINISTRATOR, Role.CONTROL_OWNER)


def can_see_sending(user, sending) -> bool:
    """Those who see channels, and whoever asked for it."""
    return can_see_channels(user) or user.pk == sending.by_id


def can_decide_sending(user, sending, *, is_confirmed: bool) -> bool:
    """A control owner who did not ask for it lets it go; whoever asked may stop it too."""
    if user.pk == sending.by_id:
        return user.is_active and not is_confirmed
    return user.has_role(Role.CONTROL_OWNER)


def can_answer_objection(user, objection) -> bool:
    """The reviewer who is asked, or a control owner; never whoever objected."""
    is_asked = user.is_active and user.pk == objection.reviewer_id
    return user.pk != objection.person_id and (is_asked or user.has_role(Role.CONTROL_OWNER))

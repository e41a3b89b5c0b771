"""Who may define, run and see campaigns. Who may decide an item is said by its assignment alone."""

from campaigns.states import FINAL_STATES, CampaignState
from people.states import Role


def can_see_campaigns(user) -> bool:
    """Control owners run them; administrators may look."""
    return user.has_role(Role.CONTROL_OWNER, Role.ADMINISTRATOR)


def can_run_campaigns(user) -> bool:
    """Define, launch, close, cancel, reassign."""
    return user.has_role(Role.CONTROL_OWNER)


def can_review(user) -> bool:
    """Everybody may open the page of their own reviews."""
    return user.is_active


def can_keep_duties_apart(user) -> bool:
    """Write rules of duties that must be apart, see conflicts, ask for exceptions and judge them."""
    return user.has_role(Role.CONTROL_OWNER, Role.ADMINISTRATOR)


def can_approve_exception(user, exception) -> bool:
    """Somebody else than who asked for it and whom it is for."""
    is_own = exception.identity.user_id is not None and exception.identity.user_id == user.pk
    return can_keep_duties_apart(user) and user.pk != exception.asked_by_id and not is_own


def can_close(user, campaign) -> bool:
    """A control owner may close an open campaign before it is due."""
    return campaign.state == CampaignState.OPEN and can_run_campaigns(user)


def can_cancel(user, campaign) -> bool:
    """A control owner may cancel what has not ended."""
    return campaign.state not in FINAL_STATES and can_run_campaigns(user)

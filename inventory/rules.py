"""Facts about loads; pure."""

from certify.lib.errors import InvalidInput
from inventory.states import LOAD_TRANSITIONS, LoadState


def check_transition(old: str, new: str) -> None:
    """Refuse a change of state that the life of a load does not have."""
    if new not in LOAD_TRANSITIONS[old]:
        raise InvalidInput(f"A load that is “{LoadState(old).label}” cannot become “{LoadState(new).label}”.")

"""Facts about loads; pure."""

from django.utils.translation import gettext as _

from certify.lib.errors import InvalidInput
from inventory.states import LOAD_TRANSITIONS, LoadState


def check_transition(old: str, new: str) -> None:
    """Refuse a change of state that the life of a load does not have."""
    if new not in LOAD_TRANSITIONS[old]:
        raise InvalidInput(
            _("A load that is “{label}” cannot become “{label2}”.").format(
                label=LoadState(old).label, label2=LoadState(new).label
            )
        )

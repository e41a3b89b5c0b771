"""Facts about loads and descriptions; pure."""

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


#: Shortest and longest description of a right, in characters.
MIN_DESCRIPTION, MAX_DESCRIPTION = 10, 2_000


def description_problem(text: str, *, names: tuple[str, ...]) -> str:
    """Why a text does not describe a right that is called so; "" where it does."""
    said = " ".join(text.split())
    if "\x00" in text:
        return _("It contains a character that no text has.")
    if len(said) > MAX_DESCRIPTION:
        return _("It is longer than {limit} characters.").format(limit=MAX_DESCRIPTION)
    if len(said) < MIN_DESCRIPTION or len(set(said.lower())) < 4:
        return _("Say in at least {limit} characters what it lets people do.").format(limit=MIN_DESCRIPTION)
    if said.lower() in {" ".join(name.split()).lower() for name in names}:
        return _("That is only its name. Say what it lets people do.")
    return ""

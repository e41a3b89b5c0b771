"""From the keys of the files to the names of the other system: templates such as "uid={account}"."""

import re

from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from certify.lib.errors import InvalidInput
from remediation.connectors.protocol import Field, Removal, Unfit

#: What a template may name.
NAMES = ("account", "identity", "entitlement", "path")
BRACES = re.compile(r"\{([^{}]*)\}")
#: Letters that no key needs and that could end a line or a text early in the other system.
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def check_template(value: str, field: str) -> None:
    """Refuse a template that names nothing, names something unknown, or has a brace too many."""
    names = BRACES.findall(value)
    wrong = [name for name in names if name not in NAMES]
    if wrong or not names or "{" in BRACES.sub("", value) or "}" in BRACES.sub("", value):
        known = ", ".join("{" + name + "}" for name in NAMES)
        raise InvalidInput(
            gettext("A template names at least one of {known}, and nothing else in braces.").format(known=known), field=field
        )


def fill(template: str, removal: Removal, escape=str) -> str:
    """The template with the removal's keys, each through `escape`. Unfit where a key that it names is empty or odd."""
    values = {name: getattr(removal, name) for name in NAMES}
    for name in BRACES.findall(template):
        if not values[name]:
            raise Unfit(f"The template “{template}” needs the {name}, and this removal has none.")
        if CONTROL.search(values[name]):
            raise Unfit(f"The {name} has letters that cannot be sent.")
    return BRACES.sub(lambda found: escape(values[found.group(1)]), template)


THROUGH = Field(
    "through",
    _("Access that comes through a membership (the path of the grant)"),
    _("Ending a membership takes away everything that comes through it; all of it counts for the limits."),
    "leave",
    choices=(("leave", _("Leave it to a person")), ("end", _("End the membership: the path is the name of the group"))),
)


def group_of(removal: Removal, template: str, settings: dict[str, str]) -> tuple[str, Removal]:
    """The template and the removal by which the group is named. Unfit for what no end of one membership does."""
    if removal.reduce_to:
        raise Unfit(gettext_noop("A reduction is no end of a membership. A person has to do it."))
    if not removal.path:
        return template, removal
    if settings["through"] != "end":
        raise Unfit(gettext_noop("The right comes through a membership, which this connection leaves to a person."))
    return "{path}", removal


def words(text: str) -> set[str]:
    """The words of a setting between commas, without regard to case."""
    return {word.strip().casefold() for word in text.split(",") if word.strip()}

"""The conditions a scope may be made of; pure.

A condition is {"field": name, …} with, by the field's shape,

    choice, text, person, source   "any": [values], of which one must fit; text may hold `*` for any run of characters
    campaign                       "any": [ids of campaigns]; only follow-ups have it, nobody writes one by hand
    days                           "days": whole days, and for fields that can be unknown "unknown": whether unknown fits
    flag                           nothing more

Fields about the holder say nothing of an account without a known person: such accounts are governed by `orphan` alone.
"""

from dataclasses import dataclass

from django.db.models import TextChoices

from inventory.states import EntitlementKind, IdentityKind, IdentityStatus, Tristate

CHOICE, TEXT, PERSON, SOURCE, CAMPAIGN, DAYS, FLAG = "choice", "text", "person", "source", "campaign", "days", "flag"
HOLDER, RIGHT, GRANT = "The person or account", "The right", "How it stands"
#: Shapes whose conditions list values under "any".
LISTED = (CHOICE, TEXT, PERSON, SOURCE, CAMPAIGN)
#: Longest look back or ahead, in days: ten years.
MAX_DAYS = 3_660


class YesNo(TextChoices):
    """A fact that holds or does not."""

    YES = "yes", "Yes"
    NO = "no", "No"


@dataclass(frozen=True)
class Field:
    """What a condition may be about. `code` is the exclusion rule when it does not hold, `left_out` the words for that."""

    name: str
    code: str
    label: str
    group: str
    shape: str
    left_out: str
    help: str = ""
    choices: type[TextChoices] | None = None
    can_be_unknown: str = ""
    only_excludes: bool = False
    is_offered: bool = True

    @property
    def is_of_holder(self) -> bool:
        """Whether it says nothing of an account without a known person."""
        return self.group == HOLDER and self.name != "orphan"


#: In the order in which they are tried: the first that does not hold is the rule that left the grant out.
FIELDS = (
    Field("source", "source", "System", GRANT, SOURCE, "Another system", only_excludes=True),
    Field(
        "orphan", "orphan", "Without a known person", HOLDER, CHOICE, "Account without an identity (the scope leaves orphans out)",
        "Accounts of which nobody knows who stands behind them.", choices=YesNo,
    ),
    Field("person", "person", "One person", HOLDER, PERSON, "Access of another person", "Everything these people have."),
    Field(
        "below", "below", "Everybody below", HOLDER, PERSON, "Not below the chosen manager",
        "All who report to this person, and all who report to those, down to the last level.",
    ),
    Field("kind", "kind", "Kind of identity", HOLDER, CHOICE, "Identity kind not in scope", choices=IdentityKind),
    Field(
        "status", "status", "Status", HOLDER, CHOICE, "Status of the person not in scope",
        "People whom a complete feed no longer has count as inactive.", choices=IdentityStatus,
    ),
    Field(
        "left", "left", "Has left", HOLDER, CHOICE, "Whether the person has left is not what is asked about",
        "Inactive, no longer in the feed of people, or past the end date.", choices=YesNo,
    ),
    Field("end_passed", "end_passed", "End date passed", HOLDER, CHOICE, "End of employment not in scope", choices=YesNo),
    Field(
        "ends_within", "ends_within", "Leaves soon", HOLDER, DAYS, "Employment does not end soon",
        "The end date lies today or within so many days from now.",
    ),
    Field("department", "department", "Department", HOLDER, TEXT, "Department not in scope"),
    Field("title", "title", "Job title", HOLDER, TEXT, "Job title not in scope"),
    Field("location", "location", "Location", HOLDER, TEXT, "Location not in scope"),
    Field(
        "entitlement", "entitlement", "Role or right", RIGHT, TEXT, "Entitlement not in scope",
        "By its key in the system. * stands for anything: admin* is all that begins with admin.",
    ),
    Field(
        "tag", "tag", "Tag", RIGHT, TEXT, "Not tagged with what is asked about",
        "A word that the file of rights gives them. * stands for anything: sox* is all that begins with sox.",
    ),
    Field(
        "entitlement_kind", "entitlement_kind", "Kind of right", RIGHT, CHOICE, "Kind of entitlement not in scope",
        choices=EntitlementKind,
    ),
    Field(
        "privileged", "not_privileged", "Privileged", RIGHT, CHOICE, "Entitlement not privileged (the scope asks for privileged ones)",
        "“Unknown” means that the system does not say.", choices=Tristate,
    ),
    Field(
        "granted_within", "not_granted_lately", "Granted lately", GRANT, DAYS, "Granted longer ago",
        "Within so many days.", can_be_unknown="Also where it is not known when",
    ),
    Field(
        "unused", "used", "Not used", GRANT, DAYS, "Used lately, or use not known",
        "The last use is longer ago than so many days.", can_be_unknown="Also where the use is not known",
    ),
    Field(
        "first_seen_within", "seen_before", "First seen lately", GRANT, DAYS, "Seen before",
        "First loaded from its system within so many days.",
    ),
    Field(
        "not_reviewed", "reviewed_lately", "Not reviewed", GRANT, DAYS, "Reviewed lately",
        "Nobody has decided on it in a campaign that closed within so many days.",
    ),
    Field(
        "changed", "unchanged", "New or changed", GRANT, FLAG, "Unchanged since the last review of its system",
        "Since the last closed review of its system that asked for it. What nobody answered then is asked again.",
    ),
    Field(
        "sod", "no_conflict", "Conflict of duties", GRANT, FLAG, "Not part of a conflict of duties that stands without an exception",
        "Access that makes somebody hold both sides of a rule of duties, where no exception covers it.",
    ),
    Field(
        "silent_in", "answered", "Not answered in", GRANT, CAMPAIGN, "Answered, or not asked about, in the review this one follows",
        "Nobody answered for it in the campaign, or nobody knew, and it was not reviewed.", is_offered=False,
    ),
)  # fmt: skip
BY_NAME = {field.name: field for field in FIELDS}
PLACE = {field.name: place for place, field in enumerate(FIELDS)}
#: What the page offers; the others are written by the product itself.
OFFERED = tuple(field for field in FIELDS if field.is_offered)
INCLUDABLE = tuple(field for field in OFFERED if not field.only_excludes)


def like(pattern: str) -> str:
    """The SQL LIKE pattern of one of ours: `*` is any run of characters, `\\*` a star, `\\\\` a backslash."""
    found, escaped = [], False
    for letter in pattern:
        if escaped or letter not in "\\*":
            found.append(f"\\{letter}" if letter in "%_\\" else letter)
            escaped = False
        elif letter == "\\":
            escaped = True
        else:
            found.append("%")
    return "".join(found) + ("\\\\" if escaped else "")


def literal(text: str) -> str:
    """The pattern that fits exactly this text."""
    return text.replace("\\", "\\\\").replace("*", "\\*")

"""The columns of the three files: their names, what other systems call them, and what a cell may hold."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from inventory.states import CredentialKind, EntitlementKind, FileKind, IdentityKind, IdentityStatus, Tristate

#: How COPY's text format writes NULL.
NULL = "\\N"


class CellError(ValueError):
    """A cell that cannot be read; the message says what is allowed."""


Convert = Callable[[str], str]


@dataclass(frozen=True)
class Field:
    """One column of ours. `convert` turns a trimmed, non-empty cell into text for PostgreSQL; `empty` stands for an empty one."""

    name: str
    synonyms: tuple[str, ...] = ()
    required: bool = False
    convert: Convert | None = None
    empty: str = ""
    limit: int = 200


def moment(cell: str) -> str:
    """ISO 8601 date or time; a time without a zone is UTC."""
    try:
        found = datetime.fromisoformat(cell)
    except ValueError:
        raise CellError(f"“{cell}” is not a time; write 2026-03-31 or 2026-03-31T14:05:00Z") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC).isoformat()


def day(cell: str) -> str:
    """ISO 8601 date; of a time only the day is kept."""
    try:
        return date.fromisoformat(cell[:10]).isoformat()
    except ValueError:
        raise CellError(f"“{cell}” is not a date; write 2026-03-31") from None


def choice(allowed: type, **also: str) -> Convert:
    """One of the values of a TextChoices, in any case, or one of the synonyms."""
    known = {value.lower(): value for value in allowed.values} | also

    def convert(cell: str) -> str:
        try:
            return known[cell.lower()]
        except KeyError:
            raise CellError(f"“{cell}” is not one of {', '.join(allowed.values)}") from None

    return convert


tristate = choice(Tristate, true="yes", false="no", y="yes", n="no", **{"1": "yes", "0": "no"})
identity_kind = choice(IdentityKind, human="employee", person="employee", external="contractor", bot="service")
identity_status = choice(
    IdentityStatus,
    enabled="active",
    disabled="inactive",
    true="active",
    false="inactive",
    terminated="inactive",
    left="inactive",
)
entitlement_kind = choice(EntitlementKind)
credential_kind = choice(
    CredentialKind,
    **{
        "api key": "key",
        "access key": "key",
        "ssh key": "key",
        "client secret": "secret",
        "access token": "token",
        "sso": "federated",
    },
)

#: Most tags of one right, and the longest of them, in characters.
MAX_TAGS = 50
TAG_LENGTH = 60


def tags(cell: str) -> str:
    """Words between semicolons, commas or bars, as an array in PostgreSQL's text format: lower case, sorted, each once."""
    found = sorted({" ".join(word.split()).lower() for word in re.split(r"[;,|]", cell)} - {""})
    if wrong := next((word for word in found if len(word) > TAG_LENGTH or re.search(r'["\\{}]', word)), None):
        raise CellError(f"“{wrong}” is not a tag: at most {TAG_LENGTH} characters, without quotes, backslashes and braces")
    if len(found) > MAX_TAGS:
        raise CellError(f"has {len(found)} tags, at most {MAX_TAGS} are kept")
    return "{" + ",".join(f'"{word}"' for word in found) + "}"


FIELDS: dict[str, tuple[Field, ...]] = {
    FileKind.IDENTITIES: (
        Field("identity_id", ("employee id", "employee number", "person id", "user id", "uid", "id"), required=True),
        Field("name", ("full name", "display name"), limit=300),
        Field("email", ("mail", "e-mail", "email address"), limit=320),
        Field("kind", ("type", "identity type", "worker type"), convert=identity_kind, empty="unknown"),
        Field("status", ("employment status", "enabled", "active"), convert=identity_status, empty="unknown"),
        Field("department", ("dept", "team", "cost center")),
        Field("title", ("job title", "position")),
        Field("location", ("site", "office", "country")),
        Field("manager_id", ("manager", "supervisor", "reports to")),
        Field("owner_id", ("owner",)),
        Field("supplier", ("vendor", "company")),
        Field("start_date", ("hire date", "start"), convert=day, empty=NULL),
        Field("end_date", ("termination date", "leave date", "end"), convert=day, empty=NULL),
    ),
    FileKind.ENTITLEMENTS: (
        Field("source", ("system", "application"), limit=80),
        Field(
            "entitlement_id",
            ("entitlement", "role id", "group id", "role", "group", "permission", "id"),
            required=True,
            limit=300,
        ),
        Field("name", ("entitlement name", "role name", "group name", "display name"), limit=300),
        Field("kind", ("type",), convert=entitlement_kind, empty="unknown"),
        Field("description", ("details",), limit=10_000),
        Field("privileged", ("is privileged", "admin", "high risk"), convert=tristate, empty="unknown"),
        Field("owner_id", ("owner",)),
        Field("tags", ("tag", "labels", "categories"), convert=tags, empty="{}", limit=4_000),
    ),
    FileKind.GRANTS: (
        Field("source", ("system", "application"), limit=80),
        Field("account_id", ("account", "login", "username", "user name", "user", "user id"), required=True, limit=300),
        Field("account_name", ("display name", "name"), limit=300),
        Field("identity_id", ("employee id", "employee number", "person id")),
        Field(
            "entitlement_id", ("entitlement", "role", "group", "permission", "role id", "group id"), required=True, limit=300
        ),
        Field("granted_at", ("assigned at", "granted on", "grant date"), convert=moment, empty=NULL),
        Field("granted_by", ("assigned by", "approver")),
        Field("last_used_at", ("last login", "last used", "last activity"), convert=moment, empty=NULL),
        Field("expires_at", ("expiry", "expires", "valid until"), convert=moment, empty=NULL),
        Field("path", ("via", "through", "inherited from"), limit=1_000),
        Field("credential_kind", ("credential", "credential type", "authentication"), convert=credential_kind, empty="unknown"),
        Field("credential_created_at", ("credential created", "key created"), convert=moment, empty=NULL),
        Field(
            "credential_rotated_at",
            (
                "credential rotated",
                "last rotated",
                "rotated at",
                "key last rotated",
                "password last set",
                "password last changed",
            ),
            convert=moment,
            empty=NULL,
        ),
    ),
}


def folded(header: str) -> str:
    """A header as it is compared: letters and digits only, lower case."""
    return re.sub(r"[\W_]+", "", header).lower()


def guess(kind: str, columns: list[str]) -> dict[str, str]:
    """Our field → the file's column: exact names first, then synonyms; each column is used once."""
    free = {folded(column): column for column in reversed(columns)}
    found: dict[str, str] = {}
    for names in (lambda field: (field.name,), lambda field: field.synonyms):
        for field in FIELDS[kind]:
            hit = next((name for name in map(folded, names(field)) if name in free), None)
            if field.name not in found and hit is not None:
                found[field.name] = free.pop(hit)
    return found

"""A scope in words: one sentence that the owner reads before saving and the auditor after the end; pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from campaigns.scope.conditions import BY_NAME, FIELDS

KINDS = {
    "employee": "employees",
    "contractor": "contractors",
    "supplier": "suppliers’ workers",
    "service": "service accounts",
    "workload": "workloads",
    "agent": "AI agents",
    "unknown": "identities of unknown kind",
}
STATUSES = {"active": "active", "inactive": "inactive", "unknown": "of unknown status"}
RIGHTS = {"role": "roles", "group": "groups", "permission": "permissions", "unknown": "rights of unknown kind"}
PRIVILEGED = {
    ("yes",): "Privileged access",
    ("no",): "Access that is not privileged",
    ("unknown",): "Access of which it is not known whether it is privileged",
    ("unknown", "yes"): "Access that is or may be privileged",
    ("no", "unknown"): "Access that is not, or not known to be, privileged",
}


@dataclass(frozen=True)
class Names:
    """What ids and keys are called; what is not here is called by its key."""

    sources: dict[int, str] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)
    campaigns: dict[int, str] = field(default_factory=dict)

    def campaign(self, one: int) -> str:
        """The campaign's name."""
        return f"“{self.campaigns.get(one, f'campaign {one}')}”"

    def source(self, one: int) -> str:
        """The system's name."""
        return self.sources.get(one, f"system {one}")

    def person(self, key: str) -> str:
        """The person's name."""
        return self.people.get(key) or key


def series(words: Iterable[str], last: str = "or") -> str:
    """“a”, “a or b”, “a, b or c”."""
    found = list(words)
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} {last} {found[-1]}" if found else ""


def _quoted(values: list[str]) -> str:
    return series(f"“{value}”" if value else "none known" for value in values)


def _plain(values: list[str]) -> str:
    return series(value.replace("\\*", "*").replace("\\\\", "\\") or "no known one" for value in values)


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


def _yes(condition: dict, yes: str, no: str) -> str:
    return {("yes",): yes, ("no",): no}.get(tuple(sorted(condition["any"])), "")


def _time(condition: dict, words: str, unknown: str) -> str:
    return f"{words.format(_days(condition['days']))}{f' ({unknown})' if condition.get('unknown') else ''}"


#: Field → its part of the sentence, given the condition and the names.
PARTS = {
    "source": lambda one, names: f"in {series(names.source(source) for source in one['any'])}",
    "orphan": lambda one, names: _yes(one, "of accounts without a known person", ""),
    "person": lambda one, names: f"of {series(names.person(key) for key in one['any'])}",
    "below": lambda one, names: f"of everybody below {series(names.person(key) for key in one['any'])}",
    "kind": lambda one, names: f"of {series((KINDS[kind] for kind in one['any']), 'and')}",
    "status": lambda one, names: f"who are {series(STATUSES[status] for status in one['any'])}",
    "left": lambda one, names: _yes(one, "who have left or are inactive", "who are still there"),
    "end_passed": lambda one, names: _yes(one, "whose end date has passed", "whose end date has not passed"),
    "ends_within": lambda one, names: f"whose employment ends within {_days(one['days'])}",
    "department": lambda one, names: f"in {_plain(one['any'])}",
    "title": lambda one, names: f"with the title {_quoted(one['any'])}",
    "location": lambda one, names: f"at {_plain(one['any'])}",
    "entitlement": lambda one, names: f"to {_quoted(one['any'])}",
    "tag": lambda one, names: f"tagged {series(f'“{value}”' if value else 'not at all' for value in one['any'])}",
    "entitlement_kind": lambda one, names: f"through {series((RIGHTS[kind] for kind in one['any']), 'and')}",
    "granted_within": lambda one, names: _time(one, "granted within {}", "or not known when"),
    "unused": lambda one, names: _time(one, "not used for {}", "or use not known"),
    "first_seen_within": lambda one, names: f"first seen within {_days(one['days'])}",
    "not_reviewed": lambda one, names: f"not reviewed for {_days(one['days'])}",
    "changed": lambda one, names: "new or changed since the last review of its system",
    "sod": lambda one, names: "in conflict with other duties of the same person",
    "silent_in": lambda one, names: (
        f"about which nobody answered, or nobody knew, in {series(map(names.campaign, one['any']))}"
    ),
}
#: The order in which the parts are read aloud.
SPOKEN = (
    "orphan", "person", "kind", "below", "status", "department", "title", "location", "left", "end_passed", "ends_within",
    "entitlement", "tag", "entitlement_kind", "granted_within", "unused", "first_seen_within", "not_reviewed", "changed",
    "sod", "silent_in", "source",
)  # fmt: skip
#: Fields that say whose access it is meant to be.
WHOSE = {"person", "kind", "below"}


def phrase(conditions: list[dict], names: Names) -> str:
    """“Privileged access of contractors in Finance, not used for 90 days”; everything when there are no conditions."""
    said = {one["field"]: one for one in conditions}
    access = "Access"
    if privileged := said.get("privileged"):
        access = PRIVILEGED.get(tuple(sorted(privileged["any"])), "Access")
    holder = {name for name in said if BY_NAME[name].is_of_holder}
    if holder and not holder & WHOSE:
        access += " of those"
    parts = [(name, part) for name in SPOKEN if name in said and (part := PARTS[name](said[name], names))]
    close = [part for name, part in parts if name in holder or name == "orphan"]
    rest = [part for name, part in parts if part not in close]
    if not close and rest:
        close.append(rest.pop(0))
    return ", ".join([" ".join([access, *close]), *rest])


def _orphans(document: dict) -> str:
    said = {one["field"]: one for one in document["include"]}
    if "orphan" not in said:
        holder = any(BY_NAME[name].is_of_holder for name in said)
        return "; accounts without a known person are asked about too" if holder else ""
    return "; accounts without a known person are left out" if tuple(said["orphan"]["any"]) == ("no",) else ""


def lower_first(text: str) -> str:
    """The phrase within a sentence."""
    return text[:1].lower() + text[1:]


def sentence(document: dict, names: Names, standing: Iterable[str] = ()) -> str:
    """The whole document in words. `standing` are the names of the standing exclusions that apply."""
    said = phrase(document["include"], names)
    if said == "Access":
        said = "All access"
    where = series((names.source(source) for source in document["sources"]), "and")
    found = f"{said}, in {where}{_orphans(document)}."
    for rule in document["exclude"]:
        found += f" Except {lower_first(phrase(rule['when'], names))}: {rule['reason'].strip().rstrip('.')}."
    if names_of_lists := [name for name in standing if document["standing"]]:
        found += f" Except what stands on the lists {series(names_of_lists, 'and')}."
    return found


#: What leaves a grant out, where that depends on the answer that was asked for.
LEFT_OUT = {
    ("orphan", ("no",)): "Account without a known person",
    ("orphan", ("yes",)): "The person is known",
    ("left", ("yes",)): "The person has not left",
    ("left", ("no",)): "The person has left or is inactive",
    ("end_passed", ("yes",)): "The end date has not passed, or is not known",
    ("end_passed", ("no",)): "The end date has passed",
    ("privileged", ("no",)): "Entitlement privileged, or not known to be otherwise",
}


def left_out_words(document: dict, standing: Iterable[dict] = ()) -> dict[str, str]:
    """Exclusion code → why, for every code that this document can give. `standing` as frozen in terms."""
    asked = {one["field"]: tuple(one.get("any", ())) for one in document["include"]}
    words = {
        field.code: LEFT_OUT.get((field.name, asked[field.name]), field.left_out) for field in FIELDS if field.name in asked
    }
    words |= {rule["code"]: rule["reason"] for rule in document["exclude"]}
    if document["standing"]:
        words |= {one["code"]: f"{one['name']}: {one['reason']}" for one in standing}
    return words


#: Words for codes of terms that were frozen before they had words of their own.
CODE_WORDS = {field.code: field.left_out for field in FIELDS}


def left_out(terms: dict, code: str) -> str:
    """Why a grant was left out, as the campaign's terms say it."""
    return terms.get("left_out_words", {}).get(code) or CODE_WORDS.get(code, code)

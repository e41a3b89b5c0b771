"""People whom statements refer to: what they are called now, and how an entry of the ledger names them."""

from collections.abc import Iterable

from certify.lib.numbers import whole
from evidence.statements import named_in
from people.models import User

KIND = "people.user:"


def known(references: Iterable[str]) -> dict[str, User]:
    """Reference → the person, of those that name one."""
    keys = [whole(one.removeprefix(KIND)) for one in references if one.startswith(KIND)]
    found = User.objects.filter(pk__in=[key for key in keys if key is not None])
    return {f"{KIND}{one.pk}": one for one in found}


def names(*facts: dict) -> dict[str, str]:
    """What the people are called whom what is stated refers to."""
    return {reference: one.name for reference, one in known(_all(facts)).items()}


def references(*facts: dict) -> dict[str, dict[str, str]]:
    """How entries name them: by a commitment to what they are called now."""
    return {reference: one.actor_ref() for reference, one in known(_all(facts)).items()}


def _all(facts: Iterable[dict]) -> set[str]:
    return set().union(*map(named_in, facts))

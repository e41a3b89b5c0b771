"""Who is above somebody: the managers up their line, who of them can be told or asked, and who is passed over and why.

Somebody can be told who is there, has an active sign-in and is no mere auditor. Where nobody above can, it is for the caller to
name somebody else, mostly the owner of the campaign; whoever was passed over is said in either case.
"""

from collections.abc import Collection
from dataclasses import dataclass

from django.db import connection
from django.utils.translation import gettext_noop

from people.models import User
from people.states import Role

#: Levels that are climbed at most.
MAX_LEVELS = 20
LEFT, NO_SIGN_IN, DEACTIVATED, AUDITOR = "left", "no_sign_in", "deactivated", "auditor"
#: Why somebody is passed over → words.
WHY = {
    LEFT: gettext_noop("has left"),
    NO_SIGN_IN: gettext_noop("has no sign-in in Certify"),
    DEACTIVATED: gettext_noop("has a sign-in that is deactivated"),
    AUDITOR: gettext_noop("is an auditor, who stays independent"),
}

#: One row for each level above each of these people, the nearest first. Somebody with several identities has the line of the first.
LINE = f"""
    CREATE TEMP TABLE reviewing_above ON COMMIT DROP AS
    WITH RECURSIVE up (user_id, at_id, steps, seen) AS (
        SELECT * FROM (
            SELECT DISTINCT ON (user_id) user_id, manager_id, 1, ARRAY[id] FROM inventory_identity
            WHERE user_id = ANY(%(people)s::bigint[]) ORDER BY user_id, manager_id IS NULL, id
        ) AS first
        UNION ALL
        SELECT up.user_id, boss.manager_id, up.steps + 1, up.seen || boss.id
        FROM up JOIN inventory_identity AS boss ON boss.id = up.at_id
        WHERE up.steps < {MAX_LEVELS} AND boss.id <> ALL(up.seen)
    )
    SELECT up.user_id, up.steps, boss.user_id AS boss_id, COALESCE(NULLIF(boss.name, ''), boss.key) AS name,
        CASE WHEN boss.gone_in_id IS NOT NULL OR boss.status = 'inactive' THEN '{LEFT}'
             WHEN boss.user_id IS NULL THEN '{NO_SIGN_IN}'
             WHEN NOT person.is_active THEN '{DEACTIVATED}'
             WHEN person.roles = ARRAY['{Role.AUDITOR.value}']::varchar[] THEN '{AUDITOR}' ELSE '' END AS why
    FROM up JOIN inventory_identity AS boss ON boss.id = up.at_id LEFT JOIN people_user AS person ON person.id = boss.user_id
    WHERE boss.id <> ALL(up.seen) AND boss.user_id IS DISTINCT FROM up.user_id
"""


@dataclass(frozen=True)
class PassedOver:
    """A manager who cannot be told, and why (a key of `WHY`)."""

    name: str
    why: str

    def as_data(self) -> dict[str, str]:
        """As mails and the ledger keep it, in English; a mail looks the words up in its reader's language."""
        return {"name": self.name, "why": WHY[self.why]}


@dataclass(frozen=True)
class Above:
    """Who is told instead of, or about, somebody: the nearest manager who can be, None where nobody can; and who was passed over."""

    manager: User | None = None
    passed_over: tuple[PassedOver, ...] = ()


def find(people: Collection[int]) -> None:
    """Compute the lines of these people, once for the transaction, as the table `reviewing_above`."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS reviewing_above")
        cursor.execute(LINE, {"people": list(people)})
        cursor.execute("ANALYZE reviewing_above")


def of(people: Collection[int]) -> dict[int, Above]:
    """Person → who is above them; those above whom nobody is known are left out."""
    if not people:
        return {}
    find(people)
    with connection.cursor() as cursor:
        cursor.execute("SELECT user_id, boss_id, name, why FROM reviewing_above ORDER BY user_id, steps")
        rows = cursor.fetchall()
    bosses = User.objects.in_bulk({boss for _, boss, _, why in rows if not why})
    found: dict[int, Above] = {}
    for person, boss, name, why in rows:
        known = found.setdefault(person, Above())
        if known.manager is None:
            passed = (*known.passed_over, PassedOver(name, why)) if why else known.passed_over
            found[person] = Above(None if why else bosses[boss], passed)
    return found


def in_words(passed_over: Collection[PassedOver]) -> str:
    """“somebody above has no sign-in in Certify; somebody above has left”, as the ledger and assignments keep it: without names, which
    could never be taken out again. Empty when nobody was passed over.
    """
    return "; ".join(f"somebody above {WHY[one.why]}" for one in passed_over)

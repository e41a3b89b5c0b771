"""Items that a reviewer gives to somebody else: who may get them, which of them stay and why, and the way an item has gone."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext, gettext_lazy, ngettext

from campaigns import independence, plans, queries, worklist
from campaigns.models import Assignment, Campaign
from campaigns.second_look import ANSWERABLE_SQL
from certify.lib import clock
from people.models import User
from people.states import Role

#: So often is an item given on in a stage, by whomever.
MAX_HAND_OVERS = 5

#: Why an item stays → words; {to} is the person who was to get it. In the order in which they are tried.
STAYS = {
    "elsewhere": gettext_lazy("they are not yours any more"),
    "submitted": gettext_lazy("they are submitted"),
    "ended": gettext_lazy("first answers have ended"),
    "decided": gettext_lazy("they are decided; undo that first"),
    "own_access": gettext_lazy("{to} holds the access"),
    "asked": gettext_lazy("{to} is asked about them already"),
    "answered": gettext_lazy("{to} has answered for them, and this is a second look"),
    "granter": gettext_lazy("{to} granted the access"),
    "own_report": gettext_lazy("{to} reports to the person"),
    "not_allowed": gettext_lazy("{to} is neither deputy nor manager of the reviewer"),
    "too_often": gettext_lazy("they were given on {most} times already"),
}


@dataclass(frozen=True)
class Sorted:
    """One chosen row: its reason to stay ("" when it goes), what the receiver is excused from, and whether they had it before."""

    assignment: int
    number: int
    reviewer: int
    stays: str
    excused: str
    back: bool


def policy(terms: dict) -> str:
    """To whom reviewers may give items under these terms."""
    return terms.get("hand_over", plans.DEPUTIES_AND_MANAGERS)


def is_possible(terms: dict) -> bool:
    """Whether reviewers may give items to anybody at all."""
    return policy(terms) != plans.NOBODY


#: The two nearest managers who are there, up the line of each reviewer.
ABOVE = """
    WITH RECURSIVE up (user_id, at_id, steps, found) AS (
        SELECT identity.user_id, identity.manager_id, 1, 0 FROM inventory_identity AS identity WHERE identity.user_id = ANY(%s)
        UNION ALL
        SELECT up.user_id, boss.manager_id, up.steps + 1,
               up.found + (boss.gone_in_id IS NULL AND boss.status <> 'inactive' AND COALESCE(boss_user.is_active, TRUE))::int
        FROM up JOIN inventory_identity AS boss ON boss.id = up.at_id LEFT JOIN people_user AS boss_user ON boss_user.id = boss.user_id
        WHERE up.steps < 20 AND up.found < 2
    )
    SELECT DISTINCT up.user_id, boss.user_id FROM up JOIN inventory_identity AS boss ON boss.id = up.at_id
    JOIN people_user AS boss_user ON boss_user.id = boss.user_id AND boss_user.is_active
    WHERE up.found < 2 AND boss.gone_in_id IS NULL AND boss.status <> 'inactive' AND boss.user_id <> up.user_id
"""


def managers(reviewer_ids: Iterable[int]) -> set[tuple[int, int]]:
    """(reviewer, manager) pairs: the two nearest managers of each who are there and can sign in."""
    with connection.cursor() as cursor:
        cursor.execute(ABOVE, [list(reviewer_ids)])
        return set(cursor.fetchall())


def deputies(campaign_id: int, reviewer_ids: Iterable[int]) -> set[tuple[int, int]]:
    """(reviewer, deputy) pairs: who acts for each of them today in the campaign."""
    found = worklist.running(clock.now()).filter(principal_id__in=list(reviewer_ids), delegate__is_active=True)
    found = found.filter(Q(campaigns=[]) | Q(campaigns__contains=[campaign_id]))
    return set(found.values_list("principal_id", "delegate_id"))


#: Everybody who had a row before, back to whom the stage asked first.
TRAIL = """
    WITH RECURSIVE trail (start_id, id, previous_id, reviewer_id, rule, steps) AS (
        SELECT row.id, row.id, row.previous_id, row.reviewer_id, row.rule, 0 FROM campaigns_assignment AS row
        WHERE row.id = ANY(%(rows)s::bigint[])
        UNION ALL
        SELECT trail.start_id, earlier.id, earlier.previous_id, earlier.reviewer_id, earlier.rule, trail.steps + 1
        FROM trail JOIN campaigns_assignment AS earlier ON earlier.id = trail.previous_id
    )
"""


def givers(ids: list[int]) -> dict[int, int]:
    """User → how many of these rows they had before."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"{TRAIL} SELECT reviewer_id, count(DISTINCT start_id) FROM trail WHERE steps > 0 GROUP BY reviewer_id",
            {"rows": ids},
        )
        return dict(cursor.fetchall())


@dataclass(frozen=True)
class Holder:
    """Somebody who had an item, until when, and why it went on; `is_again` when they have it again."""

    name: str
    until: datetime
    reason: str
    is_again: bool


def trail(row: Assignment) -> list[Holder]:
    """The way an item has gone before it came to this row, the first holder first."""
    with connection.cursor() as cursor:
        cursor.execute(f"{TRAIL} SELECT id FROM trail ORDER BY steps", {"rows": [row.pk]})
        ids = [found for (found,) in cursor.fetchall()]
    rows = Assignment.objects.in_bulk(ids)
    pairs = [(rows[later], rows[earlier]) for later, earlier in pairwise(ids)]
    return [
        Holder(earlier.reviewer_name, later.assigned_at, later.reason, earlier.reviewer_id == row.reviewer_id)
        for later, earlier in reversed(pairs)
    ]


def may_receive(user: User) -> bool:
    """Whether somebody can be given items at all: active, and no auditor, who stays independent."""
    return user.is_active and Role.AUDITOR.value not in user.roles


def receivers(campaign: Campaign, rows: list[tuple[int, int]], by: User) -> dict[str, list[User]]:
    """Whom these rows, (id, reviewer), may be offered to: heading → people. Which rows each may have is said by `sorted_for`."""
    reviewers = {reviewer for _, reviewer in rows}
    headings = {
        gettext("Had some of them before"): set(givers([row for row, _ in rows])),
        gettext("Deputies"): {deputy for _, deputy in deputies(campaign.pk, reviewers)},
        gettext("Managers"): {manager for _, manager in managers(reviewers)},
    }
    if policy(campaign.terms) == plans.ANYONE:
        headings[gettext("Everybody else")] = set(queries.possible_reviewers().values_list("pk", flat=True))
    people = User.objects.in_bulk(set().union(*headings.values()) - {by.pk})
    shown: dict[str, list[User]] = {}
    for heading, ids in headings.items():
        found = [people.pop(one) for one in sorted(ids) if one in people]
        if usable := sorted(filter(may_receive, found), key=lambda person: (person.name, person.pk)):
            shown[heading] = usable
    return shown


SORT = f"""
    {TRAIL}, way AS (
        SELECT start_id, count(*) FILTER (WHERE rule = 'reassigned') AS times,
               bool_or(steps > 0 AND reviewer_id = %(to)s) AS was_theirs
        FROM trail GROUP BY start_id
    ), judged AS (
        SELECT row.id, row.item_number, row.reviewer_id, way.was_theirs,
               item.granted_by <> '' AND item.granted_by = ANY(%(names)s) AS is_granter,
               item.identity_key <> '' AND item.identity_key = ANY(%(bosses)s) AS is_report,
               CASE WHEN NOT row.is_active OR row.stage <> %(stage)s OR row.campaign_id <> %(campaign)s THEN 'elsewhere'
                    WHEN row.sign_off_id IS NOT NULL THEN 'submitted'
                    WHEN NOT {ANSWERABLE_SQL} THEN 'ended'
                    WHEN row.decision <> '' THEN 'decided'
                    WHEN item.identity_key <> '' AND item.identity_key = ANY(%(own)s) THEN 'own_access'
                    WHEN EXISTS (SELECT FROM campaigns_assignment AS asked WHERE asked.item_id = row.item_id
                                 AND asked.stage = row.stage AND asked.reviewer_id = %(to)s AND asked.is_active) THEN 'asked'
                    WHEN NOT row.is_vote AND EXISTS (
                        SELECT FROM campaigns_assignment AS first WHERE first.item_id = row.item_id AND first.is_active
                        AND first.decided_by_id = %(to)s AND first.sign_off_id IS NOT NULL) THEN 'answered'
               END AS stays, way.times
        FROM way JOIN campaigns_assignment AS row ON row.id = way.start_id JOIN campaigns_reviewitem AS item ON item.id = row.item_id
        JOIN campaigns_campaign AS campaign ON campaign.id = row.campaign_id
    )
    SELECT id, item_number, reviewer_id,
           COALESCE(stays, CASE WHEN is_granter AND %(granter)s = 'route' THEN 'granter'
                                WHEN is_report AND %(report)s = 'route' THEN 'own_report'
                                WHEN NOT (was_theirs OR %(anyone)s OR reviewer_id = ANY(%(allowed)s::bigint[])) THEN 'not_allowed'
                                WHEN times >= %(most)s THEN 'too_often' ELSE '' END),
           CASE WHEN is_granter THEN 'granter' WHEN is_report THEN 'own_report' ELSE '' END, was_theirs
    FROM judged ORDER BY item_number, id
"""


def sorted_for(campaign: Campaign, ids: list[int], to: User) -> list[Sorted]:
    """Each of these rows: whether it may go to this person, or why it stays."""
    reviewers = set(Assignment.objects.filter(pk__in=ids).order_by().values_list("reviewer_id", flat=True))
    pairs = deputies(campaign.pk, reviewers) | managers(reviewers)
    wanted = dict.fromkeys(plans.INDEPENDENCE, independence.ROUTE) | campaign.terms.get("independence", {})
    values = independence.values_of(to) | {
        "rows": ids,
        "to": to.pk,
        "campaign": campaign.pk,
        "stage": campaign.stage,
        "anyone": policy(campaign.terms) == plans.ANYONE,
        "allowed": [reviewer for reviewer, person in pairs if person == to.pk],
        "most": MAX_HAND_OVERS,
        **{name: wanted[name] for name in plans.INDEPENDENCE},
    }
    with connection.cursor() as cursor:
        cursor.execute(SORT, values)
        return [Sorted(*row) for row in cursor.fetchall()]


def in_words(given: int, back: int, stayed: dict[str, int], to: User) -> str:
    """“12 given to Ana; 3 stayed because Ana holds the access.”"""
    parts = [gettext("{n} given to {name}").format(n=intcomma(given), name=to.name)]
    if back:
        text = ngettext(" ({n} of them back to where it came from)", " ({n} of them back to where they came from)", back)
        parts[0] += text.format(n=intcomma(back))
    for why, count in stayed.items():
        reason = STAYS[why].format(to=to.name, most=MAX_HAND_OVERS)
        parts.append(gettext("{n} stayed because {reason}").format(n=intcomma(count), reason=reason))
    return "; ".join(parts) + "."

"""What became of removals, in numbers: by review and in all, and the flow from items to verified removals."""

from dataclasses import dataclass, fields
from datetime import date

from django.db import connection
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from people.states import Role

#: `seen_at` is the moment that the proving reading speaks of. Times are whole minutes by nearest rank, from the decision (for what was
#: removed after silence: from the opening of the removal) to that moment; never less than nothing.
FIGURES = """
    SELECT campaign.id, campaign.name, count(*), count(*) FILTER (WHERE claimed.task_id IS NOT NULL),
           count(*) FILTER (WHERE task.state = 'verified_gone'),
           count(*) FILTER (WHERE task.state = 'verified_gone' AND COALESCE(proof.extracted_at, proof.loaded_at) > task.due_at),
           count(*) FILTER (WHERE task.state = 'still_there'), count(*) FILTER (WHERE back.task_id IS NOT NULL),
           count(*) FILTER (WHERE task.state = 'excepted'), count(*) FILTER (WHERE task.state = 'claimed_done'),
           count(*) FILTER (WHERE task.state = 'closed'), count(*) FILTER (WHERE task.state = 'kept'),
           count(*) FILTER (WHERE task.state = 'withdrawn'),
           count(*) FILTER (WHERE task.state IN ('announced', 'open', 'sent', 'returned')),
           percentile_disc(0.5) WITHIN GROUP (ORDER BY minutes), percentile_disc(0.95) WITHIN GROUP (ORDER BY minutes)
    FROM remediation_remediationtask AS task
    JOIN campaigns_campaign AS campaign ON campaign.id = task.campaign_id
    JOIN campaigns_reviewitem AS item ON item.id = task.item_id
    LEFT JOIN inventory_snapshot AS proof ON proof.id = task.verified_in_id
    LEFT JOIN (SELECT DISTINCT task_id FROM remediation_attempt WHERE kind = 'claim') AS claimed ON claimed.task_id = task.id
    LEFT JOIN (SELECT DISTINCT task_id FROM remediation_return) AS back ON back.task_id = task.id
    CROSS JOIN LATERAL (SELECT CASE WHEN proof.id IS NOT NULL THEN floor(GREATEST(0, extract(
        epoch FROM COALESCE(proof.extracted_at, proof.loaded_at) - COALESCE(item.decided_at, task.created_at))) / 60)::bigint
        END AS minutes) AS spent
    WHERE (%(everything)s OR task.owner_id = %(user)s) AND (%(campaign)s::bigint IS NULL OR task.campaign_id = %(campaign)s)
      AND (%(since)s::date IS NULL OR task.created_at >= %(since)s::date::timestamp AT TIME ZONE 'UTC')
      AND (%(until)s::date IS NULL OR task.created_at < (%(until)s::date + 1)::timestamp AT TIME ZONE 'UTC')
    GROUP BY GROUPING SETS ((campaign.id, campaign.name), ()) ORDER BY campaign.id DESC NULLS LAST
"""


@dataclass(frozen=True)
class Figures:
    """The removals of one review, or of all (`campaign` is None). Times are in minutes, None while nothing is verified."""

    campaign: int | None
    name: str
    decided: int
    reported: int
    verified: int
    verified_late: int
    still_there: int
    came_back: int
    excepted: int
    cannot_verify: int
    closed: int
    kept: int
    withdrawn: int
    to_do: int
    median: int | None
    slowest: int | None


NOTHING = Figures(None, "", *([0] * 12), None, None)
#: Figure → the list that shows its rows.
OPENS = {
    "decided": "", "reported": "reported", "verified": "verified_gone", "verified_late": "verified_late", "still_there": "still_there",
    "came_back": "came_back", "excepted": "excepted", "cannot_verify": "claimed_done", "closed": "closed",
    "kept": "kept", "withdrawn": "withdrawn", "to_do": "waiting",
}  # fmt: skip


def of(
    user, *, campaign: int | None = None, since: date | None = None, until: date | None = None
) -> tuple[list[Figures], Figures]:
    """The figures of each review, the latest first, and of all together: removals that the user may see and that were opened between
    two days (UTC, both included)."""
    if not user.has_role(Role.ADMINISTRATOR, Role.CONTROL_OWNER, Role.SYSTEM_OWNER):
        return [], NOTHING
    everything = user.has_role(Role.ADMINISTRATOR, Role.CONTROL_OWNER)
    values = {"everything": everything, "user": user.pk, "campaign": campaign, "since": since, "until": until}
    with connection.cursor() as cursor:
        cursor.execute(FIGURES, values)
        rows = [Figures(*row) for row in cursor.fetchall()]
    total = next((row for row in rows if row.campaign is None and row.decided), NOTHING)
    return [row for row in rows if row.campaign is not None], total


#: The boxes of the flow's last column, the best first.
ENDS = (
    ("verified", _("Verified gone")),
    ("excepted", _("Excepted")),
    ("closed", _("Closed on proof, never verified")),
    ("kept", _("Kept after an objection")),
    ("withdrawn", _("Withdrawn, not to be removed")),
    ("cannot_verify", _("Reported, cannot be verified yet")),
    ("to_do", _("To do")),
    ("still_there", _("Still there")),
)
WIDTH, HEIGHT, BOX, GAP, TOP = 880, 320, 14, 10, 8
COLUMNS = (0, 330, 660)


@dataclass(frozen=True)
class Box:
    """A bar of the chart with its words: x, y and height in pixels."""

    x: int
    y: float
    height: float
    words: str

    @property
    def text_y(self) -> float:
        """Where its words stand."""
        return round(self.y + max(self.height, 10) / 2 + 4, 1)


@dataclass(frozen=True)
class Flow:
    """A chart of three columns: items, what was decided of them, what became of the removals. `bands` are SVG paths."""

    boxes: list[Box]
    bands: list[str]
    words: str


def flow(outcomes: dict[str, int], found: Figures) -> Flow | None:
    """The flow of a closed review from its items to verified removals; None when it has no items.

    `outcomes` counts its items: {approved, revoked, reduced, not_reviewed}. Every box is as high as its number, at least three pixels.
    """
    items = sum(outcomes.values())
    if not items:
        return None
    silent = max(0, found.decided - outcomes["revoked"] - outcomes["reduced"])
    middle = [
        (gettext("Kept"), outcomes["approved"]),
        (gettext("Not reviewed"), outcomes["not_reviewed"] - silent),
        (gettext("To be removed or reduced"), max(found.decided, outcomes["revoked"] + outcomes["reduced"])),
    ]
    ends = [(words, getattr(found, name)) for name, words in ENDS]
    unit = (HEIGHT - 2 * TOP - GAP * len(ends)) / items
    first, second = _stack(COLUMNS[0], [(gettext("Items"), items)], unit), _stack(COLUMNS[1], middle, unit)
    third = _stack(COLUMNS[2], [end for end in ends if end[1]], unit, at=second[-1].y if second else TOP)
    bands = _bands(first[0], second) + (_bands(second[-1], third) if second and found.decided else [])
    words = ", ".join(f"{box.words}" for box in (*first, *second, *third))
    return Flow([*first, *second, *third], bands, words)


def _stack(x: int, parts: list[tuple[str, int]], unit: float, at: float = TOP) -> list[Box]:
    heights = [max(3.0, count * unit) for words, count in parts if count]
    total = sum(heights) + GAP * max(0, len(heights) - 1)
    y, boxes = min(at, max(TOP, HEIGHT - TOP - total)), []
    for (words, count), height in zip(((w, c) for w, c in parts if c), heights, strict=True):
        boxes.append(Box(x, round(y, 1), round(height, 1), f"{words}: {count:,}"))
        y += max(height, 14.0) + GAP
    return boxes


def _bands(source: Box, targets: list[Box]) -> list[str]:
    """One band from a part of the source's height to each target."""
    total, y, bands = sum(box.height for box in targets) or 1, source.y, []
    for box in targets:
        share = source.height * box.height / total
        left, right, middle = source.x + BOX, box.x, (source.x + BOX + box.x) / 2
        bands.append(
            f"M{left} {y:.1f}C{middle:.0f} {y:.1f} {middle:.0f} {box.y:.1f} {right} {box.y:.1f}V{box.y + box.height:.1f}"
            f"C{middle:.0f} {box.y + box.height:.1f} {middle:.0f} {y + share:.1f} {left} {y + share:.1f}Z"
        )
        y += share
    return bands


def spent(minutes: int | None) -> str:
    """A time in words: "3 days", "5 hours", "12 minutes"; "–" for none. Whole units, the rest is dropped."""
    if minutes is None:
        return "–"
    if minutes >= 1440:
        return ngettext("{n} day", "{n} days", minutes // 1440).format(n=f"{minutes // 1440:,}")
    if minutes >= 60:
        return ngettext("{n} hour", "{n} hours", minutes // 60).format(n=minutes // 60)
    return ngettext("{n} minute", "{n} minutes", minutes).format(n=minutes)


NAMES = tuple(field.name for field in fields(Figures) if field.name in OPENS)

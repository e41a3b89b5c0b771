"""What follows upon silence: a manager or the owner is told, and where the ladder says so the manager gets the items."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from campaigns import above, independence, ladder, notices, waiting, worklist
from campaigns.actions import assignments
from campaigns.models import Assignment
from campaigns.states import ReviewerRule
from certify.lib import clock
from ledger.actions import entries
from ledger.models import Entry
from people.actions import mails
from people.hours import mail_at
from people.models import User

TELLING = ("tell_manager_after", "tell_owner_after")


@dataclass
class Told:
    """What one person hears today of one campaign: of whom, by which rungs of the ladder."""

    run: waiting.Run
    people: dict[int, waiting.Reviewer] = field(default_factory=dict)
    rungs: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    passed_over: dict[int, list[dict]] = field(default_factory=dict)

    def add(self, person: waiting.Reviewer, rung: str, line: above.Above) -> None:
        """Name a reviewer, and, where the rung is their manager's, the managers who were passed over."""
        self.people[person.user_id] = person
        self.rungs[person.user_id].add(rung)
        if rung != "tell_owner_after" and line.passed_over:
            self.passed_over[person.user_id] = [one.as_data() for one in line.passed_over]


@transaction.atomic
def tell(*, by) -> int:
    """Queue the mails about silent and late reviewers that are owed now; returns how many.

    The nearest manager with a sign-in (without one, the owner) hears after so many days of silence, the owner after theirs, each
    once for a reviewer and stage; that they did, and who was passed over on the way to them, is in the ledger. After the first due
    date the manager hears every working day of those who are not done. Nobody gets two such mails on one of their days.
    """
    now = clock.now()
    waiting.hold("escalation")
    found = [run for run in waiting.runs() if _may_escalate(run, now)]
    late = {run.campaign.pk: waiting.late(run) for run in found}
    lines = above.of({person.user_id for people in late.values() for person in people})
    known, heard = _told_before(found), {}
    for run in found:
        for person in late[run.campaign.pk]:
            line = lines.get(person.user_id, above.Above())
            for to, rung in _owed(run, person, line.manager, now, known):
                of_recipient = heard.setdefault(to, {})
                of_recipient.setdefault(run.campaign.pk, Told(run)).add(person, rung, line)
    return sum(_queue(to, list(campaigns.values()), now, by) for to, campaigns in heard.items())


def _may_escalate(run: waiting.Run, now: datetime) -> bool:
    """Whether anybody anywhere can have to hear of the campaign; a day around the world is left as a margin."""
    waited = (now - run.span.opened_at).days + 2
    is_silence = any(run.ladder[rung] and run.ladder[rung] <= waited for rung in TELLING)
    return is_silence or (run.ladder["daily_after"] and (run.span.promised_at - now).days < 1)


def _told_before(found: list[waiting.Run]) -> set[tuple]:
    """(campaign, stage, reviewer, rung) of what the ledger says was told."""
    subjects = [waiting.subject(run.campaign.pk) for run in found]
    entries_found = Entry.objects.filter(kind="review:escalated", subject__in=subjects).values_list("payload_json", flat=True)
    return {tuple(payload["data"][name] for name in ("campaign", "stage", "reviewer", "rung")) for payload in entries_found}


def _key(run: waiting.Run, person: waiting.Reviewer, rung: str) -> tuple[str, str, str, str]:
    return str(run.campaign.pk), str(run.campaign.stage), f"people.user:{person.user_id}", rung


def _owed(run: waiting.Run, person: waiting.Reviewer, manager: User | None, now: datetime, known: set[tuple]) -> list[tuple]:
    """(who, by which rung) must hear today of the reviewer; only those who are at work today."""
    owner, found = run.campaign.owner, []
    for rung, to in (("tell_manager_after", manager or owner), ("tell_owner_after", owner), ("daily_after", manager or owner)):
        hours = to.hours
        today = hours.day(now)
        if to.pk == person.user_id or not to.is_active or hours.day(hours.next_moment(now)) != today:
            continue
        if rung == "daily_after":
            is_owed = ladder.is_late(run.ladder, run.span, today, hours.zone)
        else:
            waited = ladder.has_waited(run.ladder[rung], person.since, today, hours.zone)
            is_owed = person.is_silent and waited and _key(run, person, rung) not in known
        if is_owed:
            found.append((to, rung))
    return found


def _queue(to: User, told: list[Told], now: datetime, by) -> int:
    lines = [
        notices.late_line(
            one.run,
            list(one.people.values()),
            {person for person, rungs in one.rungs.items() if "daily_after" not in rungs},
            one.passed_over,
            for_owner=to == one.run.campaign.owner,
        )
        for one in told
    ]
    mail = mails.queue(
        recipient=to,
        template="campaign_escalation",
        context=notices.escalation(lines),
        subject_ref=f"people.user:{to.pk}",
        dedupe_key=f"escalation:{to.pk}:{to.hours.day(now).isoformat()}",
        due_at=to.hours.next_moment(now),
        by=by,
    )
    if mail is None:  # today's mail is out; what is owed still will be owed tomorrow
        return 0
    for one in told:
        _record(one, to, now, by)
    return 1


def _record(told: Told, to: User, now: datetime, by) -> None:
    rows = []
    for pk, person in told.people.items():
        for rung in sorted(told.rungs[pk] & set(TELLING)):
            names = dict(zip(("campaign", "stage", "reviewer", "rung"), _key(told.run, person, rung), strict=True))
            facts = names | {"to": f"people.user:{to.pk}", "days": told.run.ladder[rung], "open": person.open}
            if rung == "tell_manager_after" and pk in told.passed_over:
                facts["passed_over"] = [{"why": one["why"]} for one in told.passed_over[pk]]
            rows.append((waiting.subject(told.run.campaign.pk), facts))
    entries.record_many(kind="review:escalated", by=by, at=now, rows=rows)


@transaction.atomic
def hand_over(*, campaign_id: int, by) -> int:
    """Give the open items of reviewers who have answered nothing for so many days to their managers; returns how many moved.

    Only where the campaign's ladder says so and before its due date; to the nearest manager with a sign-in, where there is none to
    the owner of the campaign. Nobody gets their own access, what they are not independent of, or what they are asked about already:
    that stays where it is. Running it again moves nothing.
    """
    now = clock.now()
    found = waiting.runs([campaign_id])
    if not found or found[0].ladder["hand_over_after"] is None or now > found[0].span.due_at:
        return 0
    run, days = found[0], found[0].ladder["hand_over_after"]
    silent = {person.user_id: person for person in waiting.late(run) if person.is_silent}
    hours = {user.pk: user.hours for user in User.objects.filter(pk__in=silent)}
    gone = [pk for pk, one in silent.items() if ladder.has_waited(days, one.since, hours[pk].day(now), hours[pk].zone)]
    lines = above.of(gone)
    return sum(_hand_over(run, silent[pk], lines.get(pk, above.Above()), now, by) for pk in gone)


def _hand_over(run: waiting.Run, person: waiting.Reviewer, line: above.Above, now: datetime, by) -> int:
    to = line.manager or run.campaign.owner
    if to.pk == person.user_id or not to.is_active:
        return 0
    stage = worklist.hold_open(run.campaign.pk, now)
    theirs = Assignment.objects.filter(campaign=run.campaign, stage=stage, reviewer_id=person.user_id, is_active=True)
    rows = worklist.lock_reassignable(run.campaign.pk, stage, list(theirs.values_list("pk", flat=True)), to)
    standing, terms = independence.of(to), run.campaign.terms
    judged = {row.pk: standing.judged(row.item, terms) for row in rows}
    rows = [row for row in rows if judged[row.pk][0]]
    if not rows:
        return 0
    excused = {row.pk: judged[row.pk][1] for row in rows}
    assignments.move(rows=rows, to=to, rule=ReviewerRule.REASSIGNED, reason=_why(run, line), excused=excused, by=by)
    _tell_handed_over(run, stage, person, line, to, len(rows), now, by)
    return len(rows)


def _why(run: waiting.Run, line: above.Above) -> str:
    """Why the items went on, with whoever was passed over."""
    days = run.ladder["hand_over_after"]
    asked = "their manager" if line.manager else "as nobody above them can be, the owner of the review"
    passed = f" ({above.in_words(line.passed_over)})" if line.passed_over else ""
    return f"The reviewer answered nothing for {days} day{'' if days == 1 else 's'}; {asked} is asked{passed}"


def _tell_handed_over(
    run: waiting.Run, stage: int, person: waiting.Reviewer, line: above.Above, to: User, count: int, now: datetime, by
) -> None:
    said = waiting.about(run)
    mails.queue(
        recipient=to,
        template="campaign_handed_over",
        context={
            "campaign_id": run.campaign.pk,
            "campaign": said["name"],
            "from": person.name,
            "items": count,
            "passed_over": [one.as_data() for one in line.passed_over],
            "due_at": said["due_at"],
            "path": said["path"],
            "why": notices.MANAGES if line.manager else notices.OWNS,
            "calendar": [said["calendar"]],
        },
        subject_ref=waiting.subject(run.campaign.pk),
        dedupe_key=f"handed-over:{run.campaign.pk}:{stage}:{person.user_id}:{to.pk}",
        due_at=mail_at(to.hours, now, run.span.due_at),
        by=by,
    )

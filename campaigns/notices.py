"""What the mails about open campaigns say, and what they say at the moment they are sent: they wait for their readers' mornings."""

from collections.abc import Callable
from datetime import datetime, time, timedelta

from django.db.models import QuerySet
from django.utils.translation import gettext_noop

from campaigns import ladder, waiting
from campaigns.models import Campaign
from campaigns.states import CampaignState
from certify.lib.times import rfc3339
from people.models import Mail
from people.states import MailState

Refresh = Callable[[Mail, datetime], dict | datetime | None]

#: Why somebody gets a mail; it stands at its end.
REVIEWS = gettext_noop("you are asked to review access")
MANAGES = gettext_noop("people who report to you are asked to review access")
OWNS = gettext_noop("you answer for this review")


def digest(lines: list[dict]) -> dict:
    """A reminder of all that waits for one person (`waiting.lines`)."""
    return {
        "about": [waiting.subject(line["campaign"]) for line in lines],
        "campaigns": [{name: value for name, value in line.items() if name != "calendar"} for line in lines],
        "total": sum(line["total"] for line in lines),
        "first_due_at": min(line["due_at"] for line in lines),
        "why": REVIEWS,
        "calendar": [line["calendar"] for line in lines],
    }


def digest_now(mail: Mail, now: datetime) -> dict | datetime | None:
    """The reminder as it is true now, with what reminds its reader today; None when they have nothing open in any of it any more.

    Where mails could not go out on their days the newest of them goes out in the place of all: nobody gets two on one of their days.
    """
    hours, found, others = (
        mail.recipient.hours,
        waiting.runs(),
        Mail.objects.filter(template=mail.template, recipient=mail.recipient),
    )
    midnight = datetime.combine(hours.day(now), time(), hours.zone)
    planned = ladder.plan([(run.ladder, run.span) for run in found], hours, now)
    ids = _named(mail, others) | {found[place].campaign.pk for place in (planned.places if planned else ())}
    if others.filter(pk__gt=mail.pk, state=MailState.QUEUED, due_at__lt=midnight + ladder.DAY).exists():
        return None
    if (sent := others.filter(sent_at__gte=midnight).order_by("-sent_at").first()) is not None:
        # Of what it said nothing more is said today.
        return None if ids <= _named(sent) else hours.next_moment(midnight + ladder.DAY)
    lines = waiting.lines([run for run in found if run.campaign.pk in ids], [mail.recipient_id]).get(mail.recipient_id)
    return digest(lines) if lines else None


def _named(mail: Mail, others: QuerySet | None = None) -> set[int]:
    """The campaigns that a reminder was made for and, among `others`, those that it stands for: skipped since the last that was sent."""
    contexts = [mail.context]
    if others is not None:
        last = others.filter(pk__lt=mail.pk, state=MailState.SENT).order_by("-pk").values_list("pk", flat=True).first()
        skipped = others.filter(pk__lt=mail.pk, pk__gt=last or 0, state=MailState.SKIPPED)
        contexts += skipped.values_list("context", flat=True)
    return {line["campaign"] for context in contexts for line in context["campaigns"]}


def asking_now(mail: Mail, now: datetime) -> dict | datetime | None:
    """The mail that asks, unless its stage has ended before the reader's working day began; while it is paused, it waits."""
    if "asks_in" not in mail.context:
        return mail.context
    pk, stage = mail.context["asks_in"]
    campaign = Campaign.objects.get(pk=pk)
    if campaign.state == CampaignState.PAUSED:
        return mail.recipient.hours.next_moment(now + timedelta(hours=1))
    if campaign.state != CampaignState.OPEN or campaign.stage != stage or campaign.due_at <= now:
        return None
    return mail.context | {"due_at": rfc3339(campaign.due_at), "calendar": [waiting.date_of(campaign)]}


def escalation(lines: list[dict]) -> dict:
    """Who is late or silent in which campaigns (`late_line`), for a manager or an owner."""
    late = {person["id"] for line in lines for person in line["people"]}
    return {
        "about": [waiting.subject(line["campaign"]) for line in lines],
        "campaigns": lines,
        "count": len(late),
        "why": OWNS if all(line["path"] for line in lines) else MANAGES,
    }


def late_line(
    run: waiting.Run,
    people: list[waiting.Reviewer],
    only_silent: set[int],
    passed_over: dict[int, list[dict]],
    *,
    for_owner: bool,
) -> dict:
    """What an escalation says of a campaign.

    `only_silent` are those who are named only because they have answered nothing; `passed_over` has the managers of a reviewer who
    would have heard of them first and cannot.
    """
    line = waiting.about(run)
    return {
        "campaign": run.campaign.pk,
        "stage": run.campaign.stage,
        "name": line["name"],
        "due_at": line["due_at"],
        "path": f"/campaigns/{run.campaign.pk}/" if for_owner else "",
        "people": [
            {
                "id": person.user_id,
                "name": person.name,
                "open": person.open,
                "asked": person.asked,
                "only_silent": person.user_id in only_silent,
                "passed_over": passed_over.get(person.user_id, []),
            }
            for person in people
        ],
    }


def escalation_now(mail: Mail, now: datetime) -> dict | None:
    """The escalation with those who have still something open and, if that was why they are named, answered nothing yet."""
    lines = {line["campaign"]: line for line in mail.context["campaigns"]}
    left = []
    for run in waiting.runs(list(lines)):
        line = lines[run.campaign.pk]
        if line["stage"] != run.campaign.stage:
            continue
        named = {person["id"]: person["only_silent"] for person in line["people"]}
        people = [one for one in waiting.late(run) if one.user_id in named and (one.is_silent or not named[one.user_id])]
        if people:
            only_silent = {pk for pk, is_only in named.items() if is_only}
            passed_over = {person["id"]: person.get("passed_over", []) for person in line["people"]}
            left.append(late_line(run, people, only_silent, passed_over, for_owner=bool(line["path"])))
    return escalation(left) if left else None


def handed_over_now(mail: Mail, now: datetime) -> dict | None:
    """The mail to whoever got somebody's items, unless nothing waits for them in the campaign any more."""
    lines = waiting.lines(waiting.runs([mail.context["campaign_id"]]), [mail.recipient_id])
    return mail.context if mail.recipient_id in lines else None


def in_hours(refresh: Refresh) -> Refresh:
    """The same, but a mail that could not go out in its reader's hours waits for the next, unless a stage would end before."""

    def refreshed(mail: Mail, now: datetime) -> dict | datetime | None:
        found, moment = refresh(mail, now), mail.recipient.hours.next_moment(now)
        if not isinstance(found, dict) or moment <= now or found.get("why") is None:
            return found
        deadline = found.get("first_due_at") or found.get("due_at")
        return found if deadline and datetime.fromisoformat(deadline) <= moment else moment

    return refreshed


#: Template → what it says now, for `people.actions.delivery`. Only mails that say why one gets them are bound to hours.
REFRESH = {
    "campaign_opened": in_hours(asking_now),
    "campaign_digest": in_hours(digest_now),
    "campaign_escalation": in_hours(escalation_now),
    "campaign_handed_over": in_hours(handed_over_now),
}

"""What the mails about open campaigns say, and what they say at the moment they are sent: they wait for their readers' mornings."""

from datetime import datetime, timedelta

from django.utils.translation import gettext_noop

from campaigns import waiting
from campaigns.models import Campaign
from campaigns.states import CampaignState
from certify.lib.times import rfc3339
from people.models import Mail

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


def digest_now(mail: Mail, now: datetime) -> dict | None:
    """The reminder as it is true now; None when its reader has nothing open in its campaigns any more."""
    ids = [line["campaign"] for line in mail.context["campaigns"]]
    lines = waiting.lines(waiting.runs(ids), [mail.recipient_id]).get(mail.recipient_id)
    return digest(lines) if lines else None


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
    names = {person["id"]: person["name"] for line in lines for person in line["people"]}
    return {
        "about": [waiting.subject(line["campaign"]) for line in lines],
        "campaigns": lines,
        "count": len(names),
        "first": next(iter(names.values())),
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


#: Template → what it says now, for `people.actions.delivery`.
REFRESH = {
    "campaign_opened": asking_now,
    "campaign_digest": digest_now,
    "campaign_escalation": escalation_now,
    "campaign_handed_over": handed_over_now,
}

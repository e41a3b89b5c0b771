"""What the mails about removals say, and what they say at the moment they are sent: they wait for their readers' mornings."""

from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext_noop

from people.models import Mail
from remediation import invitations, queries
from remediation.models import Objection
from remediation.states import ObjectionState

#: Why somebody gets a mail; it stands at its end.
REMOVES = gettext_noop("you remove access in systems that you own")
OWNS = gettext_noop("you answer for the reviews that took this access away")


def digest(found: dict) -> dict:
    """A reminder of all that one person has to remove (`queries.owed`)."""
    return {
        "waiting": found["waiting"],
        "late": found["late"],
        "unshown": found["unshown"],
        "systems": [{**system, "earliest_due": system["earliest_due"].isoformat()} for system in found["systems"]],
        "earliest_due": found["earliest_due"].isoformat() if found["earliest_due"] else "",
        "path": "/removals/?state=to_do",
        "why": REMOVES,
    }


def digest_now(mail: Mail, now: datetime) -> dict | None:
    """The reminder as it is true now; None when nothing is left to do."""
    found = queries.owed(mail.recipient_id, now=now)
    return digest(found) if found["waiting"] or found["unshown"] else None


def escalation(found: list[dict]) -> dict:
    """What is late in the reviews of one control owner, by who has to do it (`queries.late_lines`)."""
    return {
        "about": sorted({f"campaigns.campaign:{pk}" for line in found for pk in line["campaigns"]}),
        "late": sum(line["late"] for line in found),
        "lines": [{**line, "worst_due": line["worst_due"].isoformat()} for line in found],
        "path": "/removals/overdue/",
        "why": OWNS,
    }


def escalation_now(mail: Mail, now: datetime) -> dict | None:
    """The escalation as it is true now; None when nothing is late any more."""
    found = queries.late_lines(mail.recipient_id, now=now)
    return escalation(found) if found else None


def announced_now(mail: Mail, now: datetime) -> dict | None:
    """What somebody is about to lose, while they can still object; None when that is over."""
    return mail.context if now < datetime.fromisoformat(mail.context["until"]) else None


def objected_now(mail: Mail, now: datetime) -> dict | None:
    """An objection that waits for its reader; None when somebody has answered it."""
    pk = int(mail.context["path"].rstrip("/").rpartition("/")[2])
    return mail.context if Objection.objects.filter(pk=pk, state=ObjectionState.OPEN).exists() else None


def objection_link(mail: Mail) -> dict:
    """The link by which the person objects: signed, for them and this review alone."""
    token = invitations.sign(mail.recipient_id, mail.context["campaign_id"])
    return {"objection_url": f"{settings.CERTIFY_BASE_URL}/removals/object/{token}/"}


#: Template → what it says now, for `people.actions.delivery`.
REFRESH = {
    "removals_reminder": digest_now,
    "removals_escalation": escalation_now,
    "removals_announced": announced_now,
    "removals_objected": objected_now,
}
SIGNED = {"removals_announced": objection_link}

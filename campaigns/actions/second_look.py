"""Asking for the second look: a share of what was kept is asked again of somebody else before a campaign closes."""

from collections import Counter
from datetime import timedelta
from itertools import zip_longest

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns import permissions, queries, second_look
from campaigns.models import Campaign
from campaigns.states import CampaignState
from certify.lib import canonical, clock
from certify.lib.batches import batched
from certify.lib.errors import InvalidInput, NotAllowed
from certify.lib.times import rfc3339
from ledger import merkle
from ledger.actions import entries
from ledger.actors import SYSTEM
from people.actions import mails
from people.hours import mail_at
from people.models import User

#: Reviewers whose counts one ledger entry names.
REVIEWERS_IN_ENTRY = 400
#: Commitments to those who look again that one ledger entry has room for besides.
ASKED_IN_ENTRY = 200


@transaction.atomic
def ask(*, campaign_id: int, by) -> int:
    """Draw the sample and ask for the second look; returns how many items are asked again. Once in a campaign.

    By a control owner at any time, by Certify once the stage is over. First answers end with it: what was not submitted is not
    reviewed. The stage then lasts for the days that the terms give; when nothing was kept there is nothing to wait for.
    """
    campaign = Campaign.objects.select_for_update(of=("self",), no_key=True).get(pk=campaign_id)
    if campaign.state != CampaignState.OPEN or not second_look.is_due(campaign):
        raise InvalidInput(_("No second look is to be asked for in this campaign now."))
    if by is not SYSTEM and not permissions.can_close(by, campaign):
        raise NotAllowed(_("Only a control owner may ask for the second look before it is due."))
    if by is SYSTEM and not queries.stage_is_over(campaign, clock.now()):
        raise NotAllowed(_("The first answers are not over yet."))
    now, look = clock.now(), second_look.wanted(campaign.terms)
    second_look.draw(campaign)
    drawn = second_look.keep_drawn(campaign, now)
    items = second_look.drawn_items()
    campaign.second_look_at = now
    if items:
        campaign.due_at = now + timedelta(days=look["days"])
    campaign.save(update_fields=["second_look_at", "due_at"])
    _record(campaign, drawn, items, now, by)
    _tell(campaign, Counter(person for _, person in items), by)
    return len(items)


def _record(campaign: Campaign, drawn: list[second_look.Drawn], items: list[tuple[int, int]], now, by) -> None:
    """One entry, or several where there are very many reviewers; each holds the root over all items and who looks at them."""
    look = second_look.wanted(campaign.terms)
    leaves = [
        merkle.leaf_hash(canonical.dumps([str(campaign.pk), str(number), f"people.user:{person}"])) for number, person in items
    ]
    shared = {
        "campaign": str(campaign.pk),
        "stage": str(campaign.stage),
        "seed": look["seed"],
        "share": look["share"],
        "items": len(items),
        "without_reviewer": sum(one.drawn - one.asked for one in drawn),
        "items_root": merkle.root(leaves).hex(),
        "due_at": rfc3339(campaign.due_at),
    }
    counts = [{"id": f"people.user:{one.keeper}", "kept": one.kept, "drawn": one.drawn, "asked": one.asked} for one in drawn]
    subject = f"campaigns.campaign:{campaign.pk}"
    looking = User.objects.in_bulk({person for _, person in items})
    called = batched([looking[person].actor_ref() for person in sorted(looking)], ASKED_IN_ENTRY)
    batches = list(zip_longest(batched(counts, REVIEWERS_IN_ENTRY), called, fillvalue=[])) or [([], [])]
    rows = [(subject, shared | {"reviewers": batch, "asked": asked}) for batch, asked in batches]
    entries.record_many(kind="second-look:asked", by=by, at=now, rows=rows)


def _tell(campaign: Campaign, asked: Counter, by) -> None:
    people = User.objects.in_bulk(list(asked))
    mails.queue_many(
        drafts=[
            mails.Draft(
                recipient_id=person,
                template="second_look",
                context={
                    "campaign": campaign.name,
                    "items": count,
                    "due_on": campaign.due_at.date().isoformat(),
                    "path": f"/reviews/{campaign.pk}/?state=open",
                },
                subject_ref=f"campaigns.campaign:{campaign.pk}",
                dedupe_key=f"second-look:{campaign.pk}:{person}",
                due_at=mail_at(people[person].hours, clock.now(), campaign.due_at),
            )
            for person, count in sorted(asked.items())
        ],
        by=by,
    )

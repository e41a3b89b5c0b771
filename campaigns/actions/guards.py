"""Safety nets: hurry is remembered, and removals that take much away wait until a second person has spoken."""

from datetime import datetime

from django.db import connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import guards, permissions, rules
from campaigns.models import Assignment, Campaign, HeldRemoval, HoldVerdict, PaceNotice, RemovalHold
from campaigns.states import SilenceVerdictCode
from certify.lib import clock
from certify.lib.batches import batched
from certify.lib.errors import InvalidInput, NotAllowed
from inventory.models import Identity
from ledger.actions import entries

#: Item numbers in one entry; the ledger takes 64 KiB.
ITEMS_IN_ENTRY = 5_000


@transaction.atomic
def notice_hurry(*, campaign_id: int, now: datetime, by) -> PaceNotice | None:
    """Remember that somebody has just decided very many items within seconds; nothing is decided or undone by it."""
    found = guards.hurry(campaign_id, by.pk, now)
    if found is None:
        return None
    entry = entries.record(
        kind="pace:noticed",
        subject=f"campaigns.campaign:{campaign_id}",
        by=by,
        at=now,
        data={
            "campaign": str(campaign_id),
            "reviewer": by.actor_ref(),
            "decisions": guards.PACE_DECISIONS,
            "milliseconds": found.milliseconds,
            "privileged": found.privileged,
        },
    )
    return PaceNotice.objects.create(
        campaign_id=campaign_id,
        reviewer=by,
        decisions=guards.PACE_DECISIONS,
        milliseconds=found.milliseconds,
        privileged=found.privileged,
        last_decision=found.last_decision,
        at=now,
        entry_uid=entry.uid,
    )


INSERT_HELD = """
    INSERT INTO campaigns_heldremoval (hold_id, item_id, item_number)
    SELECT %s, held.id, held.number FROM unnest(%s::bigint[], %s::int[]) AS held (id, number)
"""


@transaction.atomic
def hold(*, campaign: Campaign, by) -> int:
    """Hold back what must wait of the removals of a locked campaign whose items have just got their outcomes; returns how many holds.

    The decisions stay as they are: what is held is only that tasks are opened for them.
    """
    now, wanted = clock.now(), guards.wanted_holds(campaign)
    for one in wanted:
        _hold(campaign, one, now, by)
    return len(wanted)


def _hold(campaign: Campaign, one: guards.Hold, now: datetime, by) -> None:
    subject, most = f"campaigns.campaign:{campaign.pk}", guards.limit(campaign.terms)
    facts = {
        "campaign": str(campaign.pk),
        "source": one.source_key,
        "why": str(one.kind),
        "label": one.label,
        "removals": len(one.items),
        "held": one.held,
        **({} if most is None else {"limit": most}),
    }
    entry = entries.record(kind="removal-hold:made", subject=subject, by=by, at=now, data=facts)
    made = RemovalHold.objects.create(
        campaign=campaign,
        source_id=one.source_id,
        kind=one.kind,
        label=one.label,
        removals=len(one.items),
        held=one.held,
        limit=most,
        at=now,
        entry_uid=entry.uid,
    )
    with connection.cursor() as cursor:
        cursor.execute(INSERT_HELD, [made.pk, [item for item, _ in one.items], [number for _, number in one.items]])
    listed = {"campaign": str(campaign.pk), "hold": str(entry.uid)}
    rows = [(subject, listed | {"items": [number for _, number in batch]}) for batch in batched(one.items, ITEMS_IN_ENTRY)]
    entries.record_many(kind="removal-hold:listed", by=by, at=now, rows=rows)


@transaction.atomic
def judge(*, hold_id: int, code: str, reason: str = "", by) -> HoldVerdict:
    """Confirm held removals, which are opened then, or decline them, with a reason: the access stays, and the decisions stay recorded.

    By a control owner or an administrator who answered for none of the items and holds none of the access. Each hold once.
    """
    held = RemovalHold.objects.get(pk=hold_id)
    Campaign.objects.select_for_update(of=("self",), no_key=True).get(pk=held.campaign_id)
    if not permissions.can_see_campaigns(by):
        raise NotAllowed(_("Only a control owner or an administrator may do this."))
    if code not in SilenceVerdictCode.values:
        raise InvalidInput(_("Confirm the removals, or decline them."))
    items = HeldRemoval.objects.filter(hold=held).values("item_id")
    if Assignment.objects.filter(item_id__in=items, decided_by=by, sign_off__isnull=False).exists():
        raise NotAllowed(_("You answered for some of these: another control owner or an administrator must say so."))
    own = Identity.objects.filter(user=by).exclude(key="").values("key")
    if held.items.filter(item__identity_key__in=own).exists():
        raise NotAllowed(_("Some of this is your own access: somebody else must say so."))
    if HoldVerdict.objects.filter(hold=held).exists():
        raise InvalidInput(_("Somebody has spoken about these already."))
    if code == SilenceVerdictCode.DECLINED:
        reason = rules.check_reason(reason, gettext_lazy("Say why not."))
    return _verdict(held, code, reason.strip(), by)


def _verdict(held: RemovalHold, code: str, reason: str, by) -> HoldVerdict:
    now = clock.now()
    entry = entries.record(
        kind=f"removal-hold:{SilenceVerdictCode(code).value}",
        subject=f"campaigns.campaign:{held.campaign_id}",
        by=by,
        at=now,
        data={"campaign": str(held.campaign_id), "hold": str(held.entry_uid), "removals": held.removals, "reason": reason},
    )
    return HoldVerdict.objects.create(hold=held, code=code, by=by, by_name=by.name, reason=reason, at=now, entry_uid=entry.uid)

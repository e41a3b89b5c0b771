"""Spreadsheets: kept when they are uploaded, and applied as one act in which each row is a decision of its own."""

from datetime import date, datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns import bulk_acts, bulk_rows, independence, second_look, spreadsheet_checks, worklist
from campaigns.actions import items
from campaigns.bulk_rows import BulkRow
from campaigns.decision_facts import facts_of, portions, size_of
from campaigns.models import BulkAct, Campaign, SheetUpload
from campaigns.readers import spreadsheet
from campaigns.spreadsheet_checks import Accepted, Checked
from campaigns.states import SHEET_ACT
from certify.lib import clock, language, planning
from certify.lib.errors import Conflict, InvalidInput, NotAllowed
from certify.lib.files import StoredFile, located
from ledger.actions import entries


@transaction.atomic
def keep(*, campaign_id: int, name: str, stored: StoredFile, by) -> SheetUpload:
    """Keep an uploaded sheet for its owner to look at. Earlier ones that were never applied are forgotten.

    Refuses what cannot be read, or was made for another person, campaign or stage; such a file is not kept.
    """
    campaign = Campaign.objects.get(pk=campaign_id)
    try:
        if not by.is_active or not worklist.my_rows(by, campaign_id).exists():
            raise NotAllowed(_("You have no items in this campaign."))
        spreadsheet_checks.check_made(spreadsheet.read(located(stored.stored_as)), campaign, by)
    except (InvalidInput, NotAllowed):
        located(stored.stored_as).unlink(missing_ok=True)
        raise
    forgotten = SheetUpload.objects.filter(campaign=campaign, user=by, act__isnull=True)
    paths = list(forgotten.values_list("stored_as", flat=True))
    forgotten.delete()
    transaction.on_commit(lambda: [located(path).unlink(missing_ok=True) for path in paths])
    facts = {"file_name": name[:200], "sha256": stored.sha256, "size": stored.size, "stored_as": stored.stored_as}
    return SheetUpload.objects.create(campaign=campaign, user=by, at=clock.now(), **facts)


@transaction.atomic
def apply(*, upload_id: int, seen: str, by) -> BulkAct:
    """Decide every row of an upload that can be taken: all of them or, when one of them changed meanwhile, none.

    `seen` is the digest of what the page showed. Rows that are refused stay as they are and are kept with the upload. Refuses
    strangers, an upload that was applied, and one that decides nothing; with `Conflict` one that would not do what was shown.
    """
    upload = SheetUpload.objects.select_related("campaign").get(pk=upload_id)
    if upload.user_id != by.pk or not by.is_active:
        raise NotAllowed(_("This file is somebody else's."))
    now = clock.now()
    worklist.hold_open(upload.campaign_id, now)
    campaign = upload.campaign = Campaign.objects.get(pk=upload.campaign_id)
    principals = worklist.principals(by, campaign.pk)
    worklist.hold_reviewers(campaign.pk, principals)
    if BulkAct.objects.filter(upload=upload).exists():
        raise InvalidInput(_("This file was applied already."))
    with language.recorded():  # What is kept of refused rows stays English.
        found = spreadsheet_checks.checked(upload, by)[1]
    if not found.accepted:
        raise InvalidInput(_("No row of this file would decide anything."))
    rows = _update_rows(campaign, principals, found.accepted, now, by)
    if found.seen != seen or len(rows) != len(found.accepted):
        raise Conflict(
            _("Some of these were decided or given away meanwhile. Nothing was recorded: look at what the file would do now.")
        )
    rows = bulk_rows.each_item_once(rows)
    upload.refused = [one.as_list() for one in found.refused]
    upload.save(update_fields=["refused"])
    act = _record(upload, rows, found, now, by)
    answers = {one.row.pk: items.Answer(one.code, one.reason, one.reduce_to, one.until) for one in found.accepted}
    bulk = str(act.entry_uid)
    facts = [facts_of(row, row.leaf, answers[row.pk], now, by, bulk) for row in rows]
    items.write_many(act=act, rows=rows, facts=facts, now=now, by=by)
    return act


#: Each row its own answer, under the conditions of a single decision (`actions.items`), set-based.
UPDATE_ROWS = f"""
    UPDATE campaigns_assignment AS row SET decision = chosen.code, rationale = chosen.reason, reduce_to = chosen.reduce_to,
        until = chosen.until, decided_by_id = %(by)s, decided_at = %(now)s, decision_entry_uid = chosen.uid, is_bulk = FALSE
    FROM unnest(%(rows)s::bigint[], %(codes)s::text[], %(reasons)s::text[], %(reduce_to)s::text[], %(until)s::date[], %(seen)s::uuid[],
            %(uids)s::uuid[]) AS chosen (id, code, reason, reduce_to, until, seen, uid),
        campaigns_reviewitem AS item, campaigns_campaign AS campaign
    WHERE campaign.id = %(campaign)s AND row.id = chosen.id AND item.id = row.item_id AND {second_look.ANSWERABLE_SQL}
      AND {planning.unguessed(items.MINE)} AND row.decision_entry_uid IS NOT DISTINCT FROM chosen.seen AND {items.INDEPENDENT}
    RETURNING row.id, row.campaign_id, row.item_number, row.rule, row.stage, row.reviewer_id, item.leaf, row.decision_entry_uid
"""


def _update_rows(campaign: Campaign, principals: list[int], accepted: list[Accepted], now: datetime, by) -> list[BulkRow]:
    codes: list[str] = [one.code for one in accepted]
    until: list[date | None] = [one.until for one in accepted]
    seen: list[UUID | None] = [one.row.decision_entry_uid for one in accepted]
    values = {
        "campaign": campaign.pk,
        "stage": campaign.stage,
        "principals": principals,
        **independence.values_of(by),
        "rows": [one.row.pk for one in accepted],
        "codes": codes,
        "reasons": [one.reason for one in accepted],
        "reduce_to": [one.reduce_to for one in accepted],
        "until": until,
        "seen": [str(uid) if uid else None for uid in seen],
        "uids": portions(size_of(one.reason, one.reduce_to) for one in accepted),
        "by": by.pk,
        "now": now,
    }
    return bulk_rows.decided(UPDATE_ROWS, values)


def _record(upload: SheetUpload, rows: list[BulkRow], found: Checked, now: datetime, by) -> BulkAct:
    """The act, with the file's name and hash, and how many of its rows were refused or said nothing new."""
    numbers = [row.item_number for row in rows]
    file = {
        "file": upload.file_name,
        "sha256": upload.sha256,
        "refused": len(found.refused),
        "unchanged": found.unchanged,
        "left_open": found.left_open,
    }
    entry = entries.record(
        kind="decision:bulk",
        subject=f"campaigns.campaign:{upload.campaign_id}",
        by=by,
        at=now,
        data={
            "campaign": str(upload.campaign_id),
            "decision": SHEET_ACT,
            "filter": file,
            "count": len(rows),
            "items_sha256": bulk_acts.digest(numbers),
            "rationale": "",
            "left_out": len(found.refused),
        },
    )
    return BulkAct.objects.create(
        campaign_id=upload.campaign_id,
        reviewer=by,
        decision=SHEET_ACT,
        upload=upload,
        filter=file,
        count=len(rows),
        item_numbers=numbers,
        left_out=len(found.refused),
        at=now,
        entry_uid=entry.uid,
    )

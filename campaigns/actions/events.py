"""Watching for what happens to access between reviews, and asking about it at once: one person, one small review."""

from datetime import timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns import events, permissions, queries
from campaigns.models import AccessEvent, Campaign, CampaignDefinition
from campaigns.scope import counting, documents, reading
from campaigns.states import FINAL_STATES, EventKind, EventState
from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from inventory.models import Snapshot
from ledger.actions import entries
from ledger.actors import SYSTEM

MAX_PER_DAY, DEFAULT_PER_DAY = 500, 20
DAY = timedelta(days=1)


@transaction.atomic
def watch(*, definition_id: int, kinds: list[str], per_day: int = DEFAULT_PER_DAY, by) -> CampaignDefinition:
    """Say which events a definition asks about, and at most how many small reviews it begins in a day; no kinds: none.

    Only what happens from now on is an event.
    """
    if not permissions.can_run_campaigns(by):
        raise NotAllowed(_("Only a control owner may say what a review watches for."))
    definition = CampaignDefinition.objects.select_for_update(of=("self",), no_key=True).get(pk=definition_id)
    if definition.is_archived:
        raise InvalidInput(_("This definition is archived."))
    if unknown := set(kinds) - set(events.WATCHED):
        raise InvalidInput(_("“{unknown}” is no event that can be watched for.").format(unknown=min(unknown)), field="kinds")
    if not 1 <= per_day <= MAX_PER_DAY:
        raise InvalidInput(
            _("Between 1 and {max_per_day} small reviews a day.").format(max_per_day=MAX_PER_DAY), field="per_day"
        )
    old = definition.watched
    new = {"kinds": [kind.value for kind in events.WATCHED if kind in kinds], "per_day": per_day} if kinds else {}
    if new == old:
        return definition
    definition.watched = new
    if not old:
        definition.watched_since = clock.now().date()
        definition.watched_snapshot = _newest_snapshot()
    definition.save(update_fields=["watched", "watched_since", "watched_snapshot", "changed_at"])
    entries.record(
        kind="definition:watched",
        subject=f"campaigns.definition:{definition.pk}",
        by=by,
        data={"definition": str(definition.pk), "old": old, "new": new},
    )
    return definition


def _newest_snapshot() -> int:
    return Snapshot.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


@transaction.atomic
def look(*, definition_id: int, by=SYSTEM) -> None:
    """Find what happened since the definition last looked, and begin the small reviews it may begin today.

    What it kept until a day is found whether it watches for events or not, once the day has passed. Everything found is kept once,
    however often and by however many this is run; what the day has no room for waits.
    """
    definition = CampaignDefinition.objects.select_for_update(of=("self",), no_key=True).get(pk=definition_id)
    _find(definition, by)
    _ask(definition, by)


def _find(definition: CampaignDefinition, by) -> None:
    now, newest = clock.now(), _newest_snapshot()
    today, is_new_day = now.date(), definition.watched_on != now.date()
    watches = bool(definition.watched) and not definition.is_archived
    if not is_new_day and not (watches and newest != definition.watched_snapshot):
        return
    window = events.Window(definition.pk, definition.watched_snapshot, newest, definition.watched_since or today, today)
    kinds = [*(definition.watched["kinds"] if watches else ()), EventKind.KEPT_UNTIL]
    if not is_new_day:
        kinds = [kind for kind in kinds if kind in events.OF_LOADS]
    found = events.find(kinds, documents.read(definition.scope)["sources"], window)
    rows = [AccessEvent(definition=definition, found_at=now, **vars(one)) for one in found]
    before = set(_keys(definition, [one.occasion for one in rows]))
    AccessEvent.objects.bulk_create(rows, ignore_conflicts=True)
    new = [one for one in rows if (one.kind, one.subject, one.occasion) not in before]
    definition.watched_snapshot, definition.watched_on = newest, today
    definition.save(update_fields=["watched_snapshot", "watched_on"])
    facts = [
        {"kind": str(one.kind), "subject": one.subject, "occasion": one.occasion, "words": one.words, "grants": len(one.grants)}
        for one in new
    ]
    subject = f"campaigns.definition:{definition.pk}"
    entries.record_many(kind="event:found", by=by, at=now, rows=[(subject, fact) for fact in facts])


def _keys(definition: CampaignDefinition, occasions: list[str]) -> list[tuple[str, str, str]]:
    known = AccessEvent.objects.filter(definition=definition, occasion__in=occasions)
    return list(known.values_list("kind", "subject", "occasion"))


def _ask(definition: CampaignDefinition, by) -> None:
    waiting: dict[str, list[AccessEvent]] = {}
    for event in definition.access_events.filter(state=EventState.WAITING).order_by("pk"):
        waiting.setdefault(event.subject, []).append(event)
    if not waiting:
        return
    asked = definition.access_events.filter(state=EventState.ASKED)
    running = asked.filter(subject__in=waiting).exclude(campaign__state__in=FINAL_STATES)
    busy = set(running.values_list("subject", flat=True))
    begun = asked.filter(campaign__requested_at__gt=clock.now() - DAY).values("campaign").distinct().count()
    room = definition.watched.get("per_day", DEFAULT_PER_DAY) - begun
    for subject, of_subject in waiting.items():
        if subject in busy:
            continue
        if room <= 0:
            break
        room -= _begin(definition, of_subject, by)


def _begin(definition: CampaignDefinition, of_subject: list[AccessEvent], by) -> bool:
    """Ask about one subject in one small review, if anything of it is left and in the definition's scope."""
    now = clock.now()
    for event in of_subject:
        event.grants = events.open_now(event.grants)[: events.MAX_GRANTS]
    AccessEvent.objects.bulk_update(of_subject, ["grants"])
    terms = reading.event_terms(definition, of_subject, now)
    if not _in_scope(terms):
        for event in of_subject:
            event.state = EventState.OVER
        AccessEvent.objects.bulk_update(of_subject, ["state"])
        return False
    campaign = Campaign.objects.create(
        definition=definition,
        name=queries.free_name(f"{definition.name[:100]}: {of_subject[0].subject_name[:60]}, {now:%Y-%m-%d}"),
        terms=terms,
        owner=definition.owner,
        requested_by=definition.owner,
        requested_at=now,
    )
    for event in of_subject:
        event.state, event.campaign = EventState.ASKED, campaign
    AccessEvent.objects.bulk_update(of_subject, ["state", "campaign"])
    data = {"campaign": str(campaign.pk), "name": campaign.name, "definition": str(definition.pk), "events": terms["events"]}
    entries.record(kind="campaign:requested", subject=f"campaigns.campaign:{campaign.pk}", by=by, at=now, data=data)
    return True


def _in_scope(terms: dict) -> int:
    """How many of the grants that the events are about the definition's scope asks for."""
    document = documents.read(terms["scope"])
    scope = reading.compiled_for(document, document["sources"], clock.now(), terms["standing"])
    found = counting.count(scope, document["sources"], only=reading.grants_of_events(terms))
    return found.items if found else 0

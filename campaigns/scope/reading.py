"""What a scope document needs to be read with: names, the reviews a delta counts from, and what the lists cover."""

import secrets
from collections.abc import Iterable
from datetime import datetime

from campaigns.models import AccessEvent, Campaign, CampaignDefinition, CampaignSource, StandingExclusion
from campaigns.scope import documents
from campaigns.scope.sentences import Names, left_out_words, sentence
from campaigns.scope.sql import Baseline, Compiled, Covered, compiled
from campaigns.states import CampaignState
from inventory.models import Account, Entitlement, Identity, Source


def names(document: dict) -> Names:
    """What the ids and keys of the document are called."""
    ids = {source for one in document["include"] if one["field"] == "source" for source in one["any"]} | set(
        document["sources"]
    )
    ids |= {source for rule in document["exclude"] for one in rule["when"] if one["field"] == "source" for source in one["any"]}
    keys = documents.people_keys(document)
    people = Identity.objects.filter(key__in=keys).values_list("key", "name") if keys else ()
    reviews = {pk for one in document["include"] if one["field"] == "silent_in" for pk in one["any"]}
    campaigns = Campaign.objects.filter(pk__in=reviews).values_list("pk", "name") if reviews else ()
    sources = Source.objects.filter(pk__in=ids).order_by("name").values_list("pk", "name")
    return Names(dict(sources), dict(people), dict(campaigns))


def covers(earlier: dict, document: dict) -> bool:
    """Whether the earlier scope asked for at least what this one asks for: each of its conditions and rules is here as well.

    Its own “changed” narrows nothing: what it passed over had been reviewed, and what had not been it asked for.
    """
    conditions = [one for one in earlier["include"] if one["field"] != "changed"]
    whens = [rule["when"] for rule in document["exclude"]]
    return all(one in document["include"] for one in conditions) and all(rule["when"] in whens for rule in earlier["exclude"])


def baselines(document: dict, sources: Iterable[int]) -> dict[int, Baseline]:
    """Source id → its last closed review that asked for all of this; sources never reviewed so are missing."""
    found: dict[int, Baseline] = {}
    closed = CampaignSource.objects.filter(source_id__in=sources, campaign__state=CampaignState.CLOSED)
    rows = closed.order_by("source_id", "-snapshot_id", "-campaign_id")
    for source, snapshot, campaign, scope in rows.values_list(
        "source_id", "snapshot_id", "campaign_id", "campaign__terms__scope"
    ):
        if source not in found and covers(documents.ordered(documents.read(scope)), document):
            found[source] = Baseline(snapshot, campaign)
    return found


def standing_terms(document: dict, now: datetime) -> list[dict]:
    """The standing exclusions that apply now, as terms freeze them; what they cover is in their rows, which never change."""
    if not document["standing"]:
        return []
    return [
        {
            "code": one.code,
            "id": one.pk,
            "name": one.name,
            "reason": one.reason,
            "owner": one.owner.name,
            "ends_on": one.ends_on.isoformat(),
        }
        for one in StandingExclusion.objects.in_force(now.date()).select_related("owner").order_by("pk")
    ]


def _ids(model: type[Account] | type[Entitlement], texts: list[str], sources: Iterable[int]) -> list[int]:
    wanted = {tuple(text.split("/", 1)) for text in texts}
    found = model.objects.filter(source_id__in=sources, key__in={key for _, key in wanted}).values_list(
        "pk", "source__key", "key"
    )
    return [pk for pk, source, key in found if (source, key) in wanted]


def covered(standing: list[dict], sources: list[int], now: datetime) -> list[Covered]:
    """What the frozen lists cover in these sources. One that was ended or ran out since they were frozen covers nothing."""
    lists = StandingExclusion.objects.in_force(now.date()).filter(pk__in=[one["id"] for one in standing]).order_by("pk")
    return [
        Covered(
            one.code,
            list(Identity.objects.filter(key__in=one.identities).values_list("pk", flat=True)),
            _ids(Account, one.accounts, sources),
            _ids(Entitlement, one.entitlements, sources),
        )
        for one in lists
    ]


def compiled_for(document: dict, sources: list[int], now: datetime, standing: list[dict] | None = None) -> Compiled:
    """The SQL of a document over these sources. `standing` as frozen in terms; those that apply now when there are none frozen."""
    document = documents.ordered(document)
    lists = standing_terms(document, now) if standing is None else standing
    needs_baselines = "changed" in documents.used_fields(document)
    return compiled(
        document,
        now,
        baselines=baselines(document, sources) if needs_baselines else {},
        standing=covered(lists, sources, now) if lists and document["standing"] else [],
    )


def frozen_terms(definition: CampaignDefinition, now: datetime) -> dict:
    """The definition's terms as a campaign keeps them: with the scope in words, with the lists that apply, and with a seed."""
    terms = definition.terms()
    return terms | _frozen(documents.read(terms["scope"]), terms, now)


def follow_up_terms(campaign: Campaign, now: datetime) -> dict:
    """The campaign's terms for asking again, in the same systems, about what nobody answered in it and is still open."""
    earlier = documents.read(campaign.terms["scope"])
    silent = {"field": "silent_in", "any": [campaign.pk]}
    document = documents.ordered(earlier | {"include": [silent], "exclude": []})
    return campaign.terms | {"scope": document} | _frozen(document, campaign.terms, now)


def terms_again(campaign: Campaign, now: datetime) -> dict:
    """What a campaign whose launch failed is tried again with: its definition as it stands now, or, of a follow-up, the same question."""
    if campaign.follows_id:
        return follow_up_terms(campaign.follows, now)
    if events := list(campaign.access_events.order_by("pk")):
        return event_terms(campaign.definition, events, now)
    return frozen_terms(campaign.definition, now)


def event_terms(definition: CampaignDefinition, events: list[AccessEvent], now: datetime) -> dict:
    """The definition's terms for asking about what happened to one person or account."""
    terms = frozen_terms(definition, now)
    told = [{"event": str(one.pk), "kind": one.kind, "subject": one.subject, "words": one.words} for one in events]
    happened = " ".join(one.words for one in events)
    return terms | {
        "events": told,
        "purpose": " ".join(filter(None, [happened, terms["purpose"]])),
        "scope_words": f"{events[0].subject_name}: {happened} Of that: {terms['scope_words']}",
    }


def grants_of_events(terms: dict) -> list[int] | None:
    """The grants that the events in the terms are about; None when the terms are not about events."""
    if "events" not in terms:
        return None
    events = AccessEvent.objects.filter(pk__in=[int(one["event"]) for one in terms["events"]])
    return sorted({grant for grants in events.values_list("grants", flat=True) for grant in grants})


def _frozen(document: dict, terms: dict, now: datetime) -> dict:
    standing = standing_terms(document, now)
    frozen = {
        "standing": standing,
        "scope_words": sentence(document, names(document), [one["name"] for one in standing]),
        "left_out_words": left_out_words(document, standing),
    }
    if look := terms.get("second_look"):
        frozen["second_look"] = look | {"seed": secrets.token_hex(16)}
    return frozen

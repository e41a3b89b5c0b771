"""Saved scopes and standing exclusions. Nothing of them is deleted; every change is in the ledger."""

from dataclasses import dataclass, field
from datetime import date, timedelta

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import permissions
from campaigns.models import SavedScope, StandingExclusion
from campaigns.scope import documents
from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from certify.lib.language import dated
from inventory.models import Account, Entitlement, Identity, Source
from ledger.actions import entries
from people.models import User

#: A list is looked at again at least once a year.
LONGEST_DAYS = 366
MIN_REASON = 10
MAX_KEYS = 1_000


def _require(by) -> None:
    if not permissions.can_run_campaigns(by):
        raise NotAllowed(_("Only a control owner may define what reviews ask about."))


def _scope_subject(saved: SavedScope) -> str:
    return f"campaigns.savedscope:{saved.pk}"


@transaction.atomic
def keep(*, name: str, scope: dict, by) -> SavedScope:
    """Keep a scope under a name. Its owner may replace it by saving under the same name; others are refused."""
    _require(by)
    document, name = documents.check(scope), name.strip()
    if not name:
        raise InvalidInput(_("Give the scope a name."), field="name")
    saved = SavedScope.objects.select_for_update(of=("self",), no_key=True).filter(name=name).first()
    if saved is None:
        return _create(name, document, by)
    if saved.owner_id != by.pk or saved.is_archived:
        whose = "an archived scope" if saved.is_archived else f"a scope of {saved.owner}"
        raise InvalidInput(_("This is the name of {whose}. Choose another.").format(whose=whose), field="name")
    old = saved.scope
    if document != old:
        saved.scope, saved.changed_at = document, clock.now()
        saved.save(update_fields=["scope", "changed_at"])
        data = {"name": name, "old": old, "new": document}
        entries.record(kind="scope:changed", subject=_scope_subject(saved), by=by, data=data)
    return saved


def _create(name: str, document: dict, by) -> SavedScope:
    saved = SavedScope(name=name, owner=by, scope=document, changed_at=clock.now())
    try:
        with transaction.atomic():
            saved.save()
    except IntegrityError:
        raise InvalidInput(_("There is already a scope called “{name}”.").format(name=name), field="name") from None
    entries.record(kind="scope:created", subject=_scope_subject(saved), by=by, data={"name": name, "scope": document})
    return saved


@transaction.atomic
def archive(*, scope_id: int, by) -> SavedScope:
    """Take a saved scope out of use. Definitions that began with it keep their copy."""
    _require(by)
    saved = SavedScope.objects.select_for_update(of=("self",), no_key=True).get(pk=scope_id)
    if not saved.is_archived:
        saved.is_archived, saved.changed_at = True, clock.now()
        saved.save(update_fields=["is_archived", "changed_at"])
        entries.record(kind="scope:archived", subject=_scope_subject(saved), by=by, data={"name": saved.name})
    return saved


@dataclass(frozen=True)
class Exempt:
    """What a standing exclusion says. Accounts and entitlements are written source key, slash, key."""

    name: str
    reason: str
    owner: User
    ends_on: date
    identities: list[str] = field(default_factory=list)
    accounts: list[str] = field(default_factory=list)
    entitlements: list[str] = field(default_factory=list)


def _unknown_identity(keys: list[str]) -> str:
    known = set(Identity.objects.filter(key__in=keys).values_list("key", flat=True))
    return next((key for key in keys if key not in known), "")


def _unknown_in_source(model: type[Account] | type[Entitlement], texts: list[str]) -> str:
    pairs = {text: tuple(text.split("/", 1)) for text in texts}
    sources = dict(Source.objects.filter(key__in={pair[0] for pair in pairs.values()}).values_list("key", "pk"))
    keys = {pair[-1] for pair in pairs.values()}
    known = set(model.objects.filter(source_id__in=sources.values(), key__in=keys).values_list("source__key", "key"))
    return next((text for text, pair in pairs.items() if pair not in known), "")


def _check(exempt: Exempt, today: date) -> None:
    missing = {
        "identities": _unknown_identity(exempt.identities),
        "accounts": _unknown_in_source(Account, exempt.accounts),
        "entitlements": _unknown_in_source(Entitlement, exempt.entitlements),
    }
    count = len(exempt.identities) + len(exempt.accounts) + len(exempt.entitlements)
    problems = {
        "name": not exempt.name.strip() and gettext_lazy("Give the list a name."),
        "reason": len(exempt.reason.strip()) < MIN_REASON
        and gettext_lazy("Say why, in at least {n} characters.").format(n=MIN_REASON),
        "owner": not exempt.owner.is_active and gettext_lazy("The owner is not active."),
        "ends_on": not today <= exempt.ends_on <= today + timedelta(days=LONGEST_DAYS)
        and gettext_lazy("Its last day lies between today and {day}: lists are looked at every year.").format(
            day=dated(today + timedelta(days=LONGEST_DAYS), "d F Y")
        ),
        "identities": (not count and gettext_lazy("Name at least one person, account or right."))
        or (count > MAX_KEYS and gettext_lazy("A list covers at most {n}; split it.").format(n=intcomma(MAX_KEYS))),
    }
    problems |= {name: gettext_lazy("“{key}” is not known.").format(key=key) for name, key in missing.items() if key}
    for name, problem in problems.items():
        if problem:
            raise InvalidInput(problem, field=name)


@transaction.atomic
def exempt(*, terms: Exempt, by) -> StandingExclusion:
    """Leave people, accounts or rights out of every review until a day. Refuses keys nobody knows and more than a year."""
    _require(by)
    now = clock.now()
    _check(terms, now.date())
    keys = {name: sorted(set(getattr(terms, name))) for name in ("identities", "accounts", "entitlements")}
    made = StandingExclusion(
        name=terms.name.strip(),
        reason=terms.reason.strip(),
        owner=terms.owner,
        ends_on=terms.ends_on,
        created_at=now,
        created_by=by,
        **keys,
    )
    try:
        with transaction.atomic():
            made.save()
    except IntegrityError:
        raise InvalidInput(
            _("There is already a list called “{made_name}”; end it first.").format(made_name=made.name), field="name"
        ) from None
    data = {"name": made.name, "reason": made.reason, "owner": str(made.owner_id), "ends_on": made.ends_on.isoformat(), **keys}
    entries.record(kind="standing-exclusion:created", subject=f"campaigns.standingexclusion:{made.pk}", by=by, data=data)
    return made


@transaction.atomic
def end_exemption(*, exclusion_id: int, by) -> StandingExclusion:
    """End a standing exclusion now: the next launch asks about everything it covered. An ended one is left as it is."""
    _require(by)
    found = StandingExclusion.objects.select_for_update(of=("self",), no_key=True).get(pk=exclusion_id)
    if found.ended_at is None:
        found.ended_at, found.ended_by = clock.now(), by
        found.save(update_fields=["ended_at", "ended_by"])
        subject = f"campaigns.standingexclusion:{found.pk}"
        entries.record(kind="standing-exclusion:ended", subject=subject, by=by, data={"name": found.name})
    return found

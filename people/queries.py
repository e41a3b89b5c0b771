"""Reads of people, their history and their mail."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.tokens import default_token_generator
from django.db.models import Count, Q, QuerySet
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ledger import personal
from ledger.models import Entry, PersonRecord
from people import rules
from people.models import Mail, User
from people.states import CodeFailure, ErasureBasis, MailState, Means, Role, SignInFailure


def called(references: Iterable[str]) -> dict[str, str]:
    """Reference, such as people.user:7 → what that person is called now. A text that is no reference stands for itself."""
    wanted = {text: text.removeprefix("people.user:") for text in references}
    numbers = [int(number) for text, number in wanted.items() if number != text and number.isdecimal()]
    names = dict(User.objects.filter(pk__in=numbers).values_list("pk", "name"))
    return {text: names.get(int(number), text) if number.isdecimal() else text for text, number in wanted.items()}


def people_called(name: str) -> QuerySet:
    """Active people with this sign-in name or mail address who have an address, at most ten."""
    text = name.strip()
    called = Q(username__iexact=rules.sign_in_name(text)) | Q(email__iexact=text)
    return User.objects.filter(called, is_active=True).exclude(email="").order_by("pk")[:10]


def people(user, *, search: str = "", role: str = "", state: str = "") -> QuerySet:
    """People the user may see whose name, sign-in name or address contains `search`, by name.

    `role` is a `Role`; `state` is "active" or "deactivated"; empty means all.
    """
    found = User.objects.all().visible_to(user).order_by("name", "id")
    if search:
        found = found.filter(
            Q(name__icontains=search) | Q(username__icontains=rules.sign_in_name(search)) | Q(email__icontains=search)
        )
    if role:
        found = found.filter(roles__contains=[role])
    if state:
        found = found.filter(is_active=state == "active")
    return found


def people_page(found: QuerySet, *, after: int | None, limit: int) -> tuple[list[User], bool]:
    """One keyset page of `people` and whether more follow. `after` is the id of the last person shown."""
    last = User.objects.filter(pk=after).values_list("name", flat=True).first() if after else None
    if last is not None:
        found = found.filter(Q(name__gt=last) | Q(name=last, id__gt=after))
    rows = list(found[: limit + 1])
    return rows[:limit], len(rows) > limit


def role_counts(user) -> dict[str, int]:
    """How many active people the user may see hold each role."""
    counts = {role.value: Count("id", filter=Q(roles__contains=[role.value])) for role in Role}
    return User.objects.all().visible_to(user).filter(is_active=True).aggregate(**counts)


def mails(user, *, state: str = "", search: str = "") -> QuerySet:
    """Mails the user may see, newest first, filtered by state and by the recipient's name or address."""
    found = Mail.objects.visible_to(user).select_related("recipient").order_by("-id")
    if state:
        found = found.filter(state=state)
    if search:
        found = found.filter(
            Q(recipient__name__icontains=search) | Q(recipient__email__icontains=search) | Q(address__icontains=search)
        )
    return found


def mails_page(found: QuerySet, *, before: int | None, limit: int) -> tuple[list[Mail], bool]:
    """One keyset page of `mails` and whether more follow. `before` is the id of the last mail shown."""
    if before:
        found = found.filter(id__lt=before)
    rows = list(found[: limit + 1])
    return rows[:limit], len(rows) > limit


def mail_counts(user) -> dict[str, int]:
    """How many mails the user may see, by state, with `total`."""
    by_state = {state.value: Count("id", filter=Q(state=state)) for state in MailState}
    return Mail.objects.visible_to(user).aggregate(total=Count("id"), **by_state)


def history(person: User, *, limit: int) -> list[dict]:
    """The latest ledger entries about a person, newest first: {at, title, text, by, uid}."""
    entries = Entry.objects.signed().filter(subject=f"people.user:{person.pk}").order_by("-id")[:limit]
    records = PersonRecord.objects.filter(person=f"people.user:{person.pk}").exclude(particulars="")
    called = {one.commitment: json.loads(one.particulars) for one in records}
    return [_event(entry, called) for entry in entries]


@dataclass(frozen=True)
class Named:
    """Where a person is named: what they were ever called, how many rows of how many tables have it, and what cannot be taken out."""

    called: list[str]
    rows: int
    tables: int
    in_the_clear: int


def what_names(person: User) -> Named:
    """What erasing the person would take away, and how many entries of the log name them in the clear, which stay."""
    reference = f"people.user:{person.pk}"
    records = PersonRecord.objects.filter(person=reference).exclude(particulars="").order_by("pk")
    said = [json.loads(one.particulars) for one in records]
    called = sorted({one[part] for one in said for part in ("name", "email", "username") if one[part]})
    counted = personal.count(reference)
    return Named(called, sum(counted.values()), len(counted), _in_entries(reference))


def _in_entries(reference: str) -> int:
    """How many entries of version 1 name a person: as who acted or decided, as whom a mail went to, or by being about them."""
    named = Q(payload__contains=f'"id":"{reference}","name":') | Q(
        payload__contains=f'"recipient":"{reference}","recipient_name":'
    )
    about = Q(subject=reference, kind__in=("user:created", "user:changed"), payload__endswith=',"v":1}')
    return Entry.objects.filter(named | about).count()


TITLES = {
    "session:signed-in": _("Signed in"),
    "session:signed-out": _("Signed out"),
    "session:sign-in-failed": _("Sign-in failed"),
    "session:password-accepted": _("Password accepted, second factor asked for"),
    "session:code-failed": _("Code refused"),
    "factor:set-up": _("Second factor set up"),
    "factor:recovery-code-used": _("Recovery code used"),
    "factor:recovery-codes-made": _("New recovery codes"),
    "factor:ended": _("Second factor given up"),
    "factor:reset": _("Second factor reset"),
    "user:created": _("Created"),
    "user:changed": _("Name or address changed"),
    "user:roles-changed": _("Roles changed"),
    "person:erased": _("Erased"),
    "user:deactivated": _("Deactivated"),
    "user:reactivated": _("Reactivated"),
    "user:password-set": _("Password set"),
    "user:hours-changed": _("Working hours changed"),
    "user:language-changed": _("Language changed"),
    "mail:sent": _("Mail sent"),
    "mail:failed": _("Mail failed"),
    "mail:skipped": _("Mail not needed any more"),
}


def _event(entry: Entry, called: dict[str, dict]) -> dict:
    data = _in_the_clear(entry.kind, entry.payload_json["data"], called)
    return {
        "at": entry.at,
        "title": TITLES.get(entry.kind, entry.kind),
        "text": _words(entry.kind, data),
        "by": entry.signed_as,
        "uid": entry.uid,
    }


def _in_the_clear(kind: str, data: dict, called: dict[str, dict]) -> dict:
    """What an entry says of a person, as entries of version 1 have it: commitments opened, of whom was erased nothing."""

    def opened(reference: dict) -> dict:
        return called.get(reference["person"], dict.fromkeys(("name", "email", "username"), gettext("erased")))

    if kind == "user:created" and "person" in data:
        return data | opened(data["person"])
    if kind == "user:changed" and "changed" in data:
        return data | {when: {part: opened(data[when])[part] for part in data["changed"]} for when in ("old", "new")}
    return data


def _words(kind: str, data: dict) -> str:
    """What an entry says, in a sentence; empty when the title says all."""
    if kind == "user:roles-changed":
        return f"{_roles(data['old'])} → {_roles(data['new'])}"
    if kind == "user:created":
        return gettext("as {username} · {roles}").format(username=data["username"], roles=_roles(data["roles"]))
    if kind == "user:changed":
        changed = [
            f"{data['old'][name] or gettext('none')} → {data['new'][name] or gettext('none')}"
            for name in data["old"]
            if data["old"][name] != data["new"][name] or "changed" in data
        ]
        return ", ".join(changed)
    if kind == "person:erased":
        return f"{ErasureBasis(data['basis']).label}: {data['reason']}"
    if kind == "session:sign-in-failed":
        return SignInFailure(data["reason"]).label
    if kind == "session:code-failed":
        return CodeFailure(data["reason"]).label
    if kind == "session:signed-in" and "means" in data:
        return Means(data["means"]).label
    if kind in ("mail:sent", "mail:failed", "mail:skipped"):
        return " · ".join(filter(None, (data["subject"], gettext(data.get("reason", "")))))
    return ""


def _roles(values: list[str]) -> str:
    return ", ".join(str(Role(value).label) for value in values) or gettext("no role")


def password_path(person: User) -> str:
    """The path of a link with which the person can set a password, once, until `PASSWORD_RESET_TIMEOUT` has passed."""
    uid = urlsafe_base64_encode(force_bytes(person.pk))
    return reverse("people:password-set", args=[uid, default_token_generator.make_token(person)])

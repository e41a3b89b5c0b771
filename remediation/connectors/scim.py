"""SCIM 2.0 (RFC 7644): a member leaves a group, or a user is deactivated or deleted where the right is the account itself."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from certify.lib.errors import InvalidInput
from remediation.connectors.calling import Calls, Ended
from remediation.connectors.mapping import THROUGH, check_template, fill, group_of, words
from remediation.connectors.protocol import Field, Kind, Message, Removal, written
from remediation.outgoing.addresses import Network
from remediation.outgoing.answers import Answer
from remediation.states import Effect

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
FIELDS = (
    Field(
        "user_attribute",
        _("Users are found by"),
        initial="userName",
        choices=(("userName", "userName"), ("externalId", "externalId"), ("id", "id")),
    ),
    Field(
        "user_value",
        _("Value by which a user is found"),
        _("For example {account} or {account}@corp.example."),
        "{account}",
        check=check_template,
    ),
    Field(
        "group_attribute",
        _("Groups are found by"),
        initial="displayName",
        choices=(("displayName", "displayName"), ("externalId", "externalId"), ("id", "id")),
    ),
    Field(
        "group_value",
        _("Value by which a group is found"),
        _("For example {entitlement} or app-{entitlement}."),
        "{entitlement}",
        check=check_template,
    ),
    THROUGH,
    Field(
        "member_removal",
        _("How a member leaves a group"),
        _(
            "Choose the list only when the server’s maker says so: one that follows the standard to the letter would empty the whole group."
        ),
        "filter",
        choices=(
            ("filter", _('members[value eq "…"], as the standard says')),
            ("list", _("a list of values, for servers that want it")),
        ),
    ),
    Field(
        "account_rights",
        _("Rights that stand for the account itself"),
        _("Entitlement ids with commas. Removing one of these ends the whole account; all its access counts for the limits."),
        is_required=False,
    ),
    Field(
        "account_end",
        _("How an account ends"),
        initial="deactivate",
        choices=(("deactivate", _("Deactivate (active: false)")), ("delete", "DELETE")),
    ),
)


@dataclass(frozen=True)
class Scim(Kind):
    """Removes a member, or ends an account."""

    def check(self, url: str, given: dict[str, str]) -> dict[str, str]:
        """The settings. Refuses an address with a query."""
        if "?" in url:
            raise InvalidInput(_("The address of a SCIM server has no query."), field="url")
        return super().check(url, given)

    def takes(self, removal: Removal, settings: dict[str, str]) -> str:
        """The account for a right that stands for it; else the grant, or what comes along its path."""
        if _is_account(removal, settings):
            return "account"
        return "path" if removal.path else "grant"

    def plan(self, removal: Removal, settings: dict[str, str], key: str, at: str) -> str:
        """Whom and what to look up, and the requests that follow. Ids are looked up when it is carried out."""
        user = {"attribute": settings["user_attribute"], "value": fill(settings["user_value"], removal)}
        looked = [_asked("Users", user)]
        if _is_account(removal, settings) and not removal.reduce_to:
            operation = settings["account_end"]
            plan = {"operation": operation, "user": user}
            last = (
                "DELETE /Users/<id of the user>"
                if operation == "delete"
                else f"PATCH /Users/<id of the user> {_said(DEACTIVATE)}"
            )
        else:
            template, removal = group_of(removal, settings["group_value"], settings)
            group = {"attribute": settings["group_attribute"], "value": fill(template, removal)}
            looked.append(_asked("Groups", group))
            plan = {"operation": "remove-member", "user": user, "group": group, "by": settings["member_removal"]}
            last = f"PATCH /Groups/<id of the group> {_said(_member('<id of the user>', settings['member_removal']))}"
        return written({**plan, "removal": removal.task, "requests": [*looked, last]})

    def carry_out(self, message: Message, own: Iterable[Network]) -> Answer:
        """Look the ids up, check that they are meant, and ask for the change."""
        try:
            calls = Calls(message, own, "application/scim+json")
            plan = message.plan
            if plan["operation"] == "remove-member":
                return _remove_member(calls, message, plan)
            return _end_account(calls, message, plan)
        except Ended as ended:
            return ended.answer


def _is_account(removal: Removal, settings: dict[str, str]) -> bool:
    return removal.entitlement.casefold() in words(settings["account_rights"])


DEACTIVATE = {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "active", "value": False}]}


def _said(data: dict) -> str:
    return json.dumps(data, ensure_ascii=False)


def _member(user_id: str, by: str) -> dict:
    """The patch by which a member leaves (RFC 7644, 3.5.2.2), or its form with a list of values."""
    if by == "list":
        operation = {"op": "remove", "path": "members", "value": [{"value": user_id}]}
    else:
        operation = {"op": "remove", "path": f"members[value eq {json.dumps(user_id, ensure_ascii=False)}]"}
    return {"schemas": [PATCH], "Operations": [operation]}


def _filter(wanted: dict) -> str:
    return f"{wanted['attribute']} eq {json.dumps(wanted['value'], ensure_ascii=False)}"


def _asked(resource: str, wanted: dict) -> str:
    if wanted["attribute"] == "id":
        return f"GET /{resource}/{wanted['value']}"
    return f"GET /{resource}?filter={_filter(wanted)}"


def _find(calls: Calls, resource: str, wanted: dict) -> dict | None:
    """The one resource whose attribute is exactly the value; None when there is none. Ends the calls when there are several."""
    if wanted["attribute"] == "id":
        found = [calls.read(f"/{resource}/{_quoted(calls, wanted['value'])}", missing=True)]
    else:
        shown = "id,userName,externalId,active" if resource == "Users" else "id,displayName,externalId"
        answer = calls.read(f"/{resource}", {"filter": _filter(wanted), "attributes": shown, "count": 10})
        found = answer.get("Resources") or []
    # Servers compare without regard to case, and some ignore a filter that they do not know.
    exact = [
        one for one in found if isinstance(one, dict) and one.get(wanted["attribute"]) == wanted["value"] and one.get("id")
    ]
    if len(exact) > 1:
        calls.end(f"{len(exact)} {resource} have the {wanted['attribute']} {wanted['value']}.", is_final=True)
    return exact[0] if exact else None


def _quoted(calls: Calls, ident: object) -> str:
    """An id as a part of an address. Ends the calls for one that would lead elsewhere."""
    text = str(ident)
    if not text or text in (".", "..") or any(letter in "/?#%\\" or ord(letter) <= 32 or ord(letter) > 126 for letter in text):
        calls.end(f"The id {text!r} cannot be a part of an address.", is_final=True)
    return text


def _needed(calls: Calls, resource: str, wanted: dict) -> dict:
    found = _find(calls, resource, wanted)
    if found is None:
        calls.end(
            f"{resource} has none whose {wanted['attribute']} is exactly {wanted['value']}. Check how names are found.",
            is_final=True,
        )
    return found


def _remove_member(calls: Calls, message: Message, plan: dict) -> Answer:
    user, group = _needed(calls, "Users", plan["user"]), _needed(calls, "Groups", plan["group"])
    where, user_id = f"/Groups/{_quoted(calls, group['id'])}", str(user["id"])
    _quoted(calls, user_id)
    patch = _member(user_id, plan["by"])
    if message.is_dry:
        return _rehearsed(calls, f"PATCH {where} {_said(patch)}")
    answer = calls.change("PATCH", where, patch)
    if answer.status == 400 and '"notarget"' in answer.text.replace(" ", "").casefold():
        return calls.sum_up(answer, Effect.ALREADY, gettext_noop("The group did not have this member."))
    if answer.status >= 400:
        calls.fail(answer)
    if answer.status == 200 and answer.text and _still_shows(calls, answer, user_id):
        calls.end(
            gettext_noop("The answer is 200 and shows the member still in the group."), answer, Effect.NONE, is_final=True
        )
    return calls.sum_up(answer, Effect.DONE)


def _still_shows(calls: Calls, answer: Answer, user_id: str) -> bool:
    members = calls.parsed(answer).get("members") or []
    return any(isinstance(one, dict) and one.get("value") == user_id for one in members)


def _end_account(calls: Calls, message: Message, plan: dict) -> Answer:
    is_delete = plan["operation"] == "delete"
    user = _find(calls, "Users", plan["user"]) if is_delete and message.is_repeat else _needed(calls, "Users", plan["user"])
    if user is None:
        # An earlier try may have deleted it, and now it is not there.
        return calls.sum_up(Answer(404), Effect.ALREADY, gettext_noop("The user is not there any more."))
    where = f"/Users/{_quoted(calls, user['id'])}"
    if message.is_dry:
        return _rehearsed(calls, f"DELETE {where}" if is_delete else f"PATCH {where} {_said(DEACTIVATE)}")
    if not is_delete and user.get("active") is False:
        return calls.sum_up(Answer(200), Effect.ALREADY, gettext_noop("The user was not active."))
    answer = calls.change("DELETE", where) if is_delete else calls.change("PATCH", where, DEACTIVATE)
    if is_delete and answer.status == 404:
        return calls.sum_up(answer, Effect.ALREADY, gettext_noop("The user is not there any more."))
    if answer.status >= 400:
        calls.fail(answer)
    if not is_delete and answer.text and calls.parsed(answer).get("active") is True:
        calls.end(gettext_noop("The answer is a success and shows the user still active."), answer, Effect.NONE, is_final=True)
    return calls.sum_up(answer, Effect.DONE)


def _rehearsed(calls: Calls, request: str) -> Answer:
    calls.lines.append(f"{request} → not sent, this is a dry run")
    return calls.sum_up(Answer(None), Effect.NONE, gettext_noop("Found; nothing was changed."))


SCIM = Scim(
    "scim",
    _("SCIM 2.0 server"),
    _("https://… The address below which /Users and /Groups are, such as https://id.example/scim/v2."),
    FIELDS,
    credential=_("Bearer token"),
    is_direct=True,
    rehearses=True,
)

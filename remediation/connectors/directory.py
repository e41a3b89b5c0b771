"""LDAP (RFC 4511): a member leaves a group. The connection goes to an address that was checked, under TLS; referrals are not followed."""

import math
import socket
import ssl
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from django.conf import settings as django_settings
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop
from ldap3 import MODIFY_DELETE, NO_ATTRIBUTES, NONE, SUBTREE, Connection, Server, Tls
from ldap3.core.exceptions import (
    LDAPCertificateError,
    LDAPException,
    LDAPInvalidDnError,
    LDAPInvalidFilterError,
    LDAPSocketOpenError,
    LDAPStartTLSError,
)
from ldap3.utils.conv import escape_filter_chars
from ldap3.utils.dn import parse_dn

from certify.lib.errors import InvalidInput
from remediation.connectors.mapping import BRACES, THROUGH, check_template, fill, group_of
from remediation.connectors.protocol import Field, Kind, Message, Removal, written
from remediation.outgoing import addresses, posting
from remediation.outgoing.addresses import Network
from remediation.outgoing.answers import Answer
from remediation.states import Effect

#: Result codes (RFC 4511, 4.1.9) by what they lead to.
SUCCESS, NO_SUCH_ATTRIBUTE, NO_SUCH_OBJECT = 0, 16, 32
#: How ldap3 fails over bytes that are no message of LDAP.
GARBLED = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)
#: Another try may get further.
AGAIN = {3: "timeLimitExceeded", 51: "busy", 52: "unavailable"}
WORDS = {
    4: "the server’s limit hides entries (sizeLimitExceeded)",
    11: "the server’s limit hides entries (adminLimitExceeded)",
    10: "a referral to another server, which is not followed",
    13: "the server demands TLS (confidentialityRequired)",
    32: "no such entry (noSuchObject)",
    49: "the name or the password was refused (invalidCredentials)",
    50: "the rights of this login do not allow it (insufficientAccessRights)",
    53: "the server is unwilling (unwillingToPerform)",
    65: "the group would have no member left, which its class does not allow (objectClassViolation)",
}


def _check_dn(value: str, field: str) -> None:
    try:
        if not parse_dn(value):
            raise LDAPInvalidDnError("empty")
    except LDAPInvalidDnError:
        raise InvalidInput(_("This is no distinguished name, such as ou=groups,dc=corp,dc=example."), field=field) from None


def _check_search(value: str, field: str) -> None:
    """A template of a filter in parentheses."""
    check_template(value, field)
    if not (value.startswith("(") and value.endswith(")") and value.count("(") == value.count(")")):
        raise InvalidInput(_("A filter stands in parentheses, such as (uid={account})."), field=field)


FIELDS = (
    Field(
        "start_tls",
        _("Under ldap://"),
        _("ldaps:// is always under TLS."),
        "yes",
        choices=(("yes", _("StartTLS before anything is said")), ("no", _("No TLS; only where CERTIFY_LDAP_PLAIN allows it"))),
    ),
    Field(
        "bind_dn",
        _("Name that signs in"),
        _("Its rights: to read users and groups, and to write the member attribute."),
        check=_check_dn,
    ),
    Field("user_base", _("Users are below"), _("For example ou=people,dc=corp,dc=example."), check=_check_dn),
    Field("user_filter", _("A user is found by"), _("For example (uid={account})."), "(uid={account})", check=_check_search),
    Field("group_base", _("Groups are below"), _("For example ou=groups,dc=corp,dc=example."), check=_check_dn),
    Field(
        "group_filter",
        _("A group is found by"),
        _("For example (cn={entitlement})."),
        "(cn={entitlement})",
        check=_check_search,
    ),
    Field(
        "member_attribute",
        _("Members stand in"),
        initial="member",
        choices=(
            ("member", _("member: names of entries")),
            ("uniqueMember", _("uniqueMember: names of entries")),
            ("memberUid", _("memberUid: the user’s uid")),
        ),
    ),
    THROUGH,
)


@dataclass(frozen=True)
class Directory(Kind):
    """Removes a member from a group."""

    def check(self, url: str, given: dict[str, str]) -> dict[str, str]:
        """The settings. Refuses to go without TLS unless that is allowed, and an address with more than a host."""
        found, parts = super().check(url, given), urlsplit(url)
        if parts.path.strip("/") or parts.query:
            raise InvalidInput(
                _("The address is ldaps:// or ldap:// and a host, with a port where it is not the usual one."), field="url"
            )
        if parts.scheme == "ldap" and found["start_tls"] == "no" and not django_settings.CERTIFY_LDAP_PLAIN:
            raise InvalidInput(_("Use ldaps:// or StartTLS: the password would be sent in the clear."), field="start_tls")
        return found

    def takes(self, removal: Removal, settings: dict[str, str]) -> str:
        """The grant, or what comes along its path."""
        return "path" if removal.path else "grant"

    def plan(self, removal: Removal, settings: dict[str, str], key: str, at: str) -> str:
        """Whom and what to look up, and the change that follows. Keys are escaped (RFC 4515); names of entries come from the server."""
        template, removal = group_of(removal, settings["group_filter"], settings)
        if template == "{path}":
            template = BRACES.sub("{path}", settings["group_filter"])
        user = {"base": settings["user_base"], "filter": fill(settings["user_filter"], removal, escape_filter_chars)}
        group = {"base": settings["group_base"], "filter": fill(template, removal, escape_filter_chars)}
        attribute = settings["member_attribute"]
        value = "<uid of the user>" if attribute == "memberUid" else "<name of the user’s entry>"
        requests = [
            f"search {user['base']} {user['filter']}",
            f"search {group['base']} {group['filter']}",
            f"modify <name of the group’s entry>: delete {attribute}: {value}",
        ]
        return written({"user": user, "group": group, "attribute": attribute, "removal": removal.task, "requests": requests})

    def carry_out(self, message: Message, own: Iterable[Network]) -> Answer:
        """Look both entries up and take the value away."""
        work, began = _Work(message, own), time.monotonic()
        try:
            answer = work.run()
        except _Over as over:
            answer = over.answer
        except addresses.Refused as refusal:
            answer = Answer(None, error=str(refusal), is_refused=True, is_final=True, effect=Effect.NONE)
        except (LDAPCertificateError, LDAPStartTLSError, ssl.SSLError) as error:
            answer = Answer(None, error=f"No connection under TLS: {_plain(error)}", effect=Effect.NONE)
        except (LDAPException, OSError) as error:
            is_unknown = work.is_modifying and not isinstance(error, LDAPSocketOpenError)
            answer = Answer(None, error=f"No answer: {_plain(error)}", effect=Effect.UNKNOWN if is_unknown else Effect.NONE)
        except GARBLED as error:
            said = f"The answer cannot be read ({type(error).__name__}): is this an LDAP server?"
            answer = Answer(None, error=said, effect=Effect.UNKNOWN if work.is_modifying else Effect.NONE)
        finally:
            work.close()
        took = int((time.monotonic() - began) * 1000)
        return replace(answer, requests="\n".join(work.lines), took_ms=took)


def _plain(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


class _Over(Exception):
    """The work is over; `answer` says what came of it."""

    def __init__(self, answer: Answer):
        super().__init__(answer.error)
        self.answer = answer


class _Pinned(Server):
    """A server whose addresses were looked up and checked; ldap3 looks up nothing by itself."""

    def __init__(self, host: str, port: int, found: list[addresses.Address], **more):
        super().__init__(host, port, get_info=NONE, **more)
        tried = found[: posting.ADDRESSES]
        kinds = [(socket.AF_INET6 if one.version == 6 else socket.AF_INET, str(one)) for one in tried]
        self.checked = [[kind, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (text, port), None, None] for kind, text in kinds]

    @property
    def address_info(self):
        """What was checked."""
        return self.checked

    def candidate_addresses(self):
        """All of it, in order."""
        return self.checked


class _Verified(Tls):
    """TLS as the standard library does it for a host by name; ldap3 would compare the name with code of its own."""

    def wrap_socket(self, connection, do_handshake=False):
        """Shake hands and check the certificate and its name."""
        context = ssl.create_default_context()
        connection.socket = context.wrap_socket(connection.socket, server_hostname=connection.server.host)


class _Work:
    """One removal on one connection."""

    def __init__(self, message: Message, own: Iterable[Network]):
        self.message, self.own, self.settings, self.plan = message, list(own), message.settings, message.plan
        self.lines: list[str] = []
        self.is_modifying = False
        self.connection: Connection | None = None
        self.watch = threading.Timer(posting.DEADLINE, self._hang_up)
        self.watch.daemon = True

    def run(self) -> Answer:
        """Sign in, look up, change."""
        self._connect()
        user = self._find(self.plan["user"], "user")
        group = self._find(self.plan["group"], "group")
        attribute, value = self.plan["attribute"], user["dn"]
        if attribute == "memberUid":
            uids = user["attributes"].get("uid") or []
            if len(uids) != 1:
                self._end(f"The user has {len(uids)} values of uid; one is needed.", is_final=True)
            value = uids[0]
        said = f"modify {group['dn']}: delete {attribute}: {value}"
        if self.message.is_dry:
            self.lines.append(f"{said} → not sent, this is a dry run")
            self._end(gettext_noop("Found; nothing was changed."), is_final=False)
        self.is_modifying = True
        self.connection.modify(group["dn"], {attribute: [(MODIFY_DELETE, [value])]})
        code = self._code(said)
        if code == NO_SUCH_ATTRIBUTE:
            return Answer(code, error=gettext_noop("The group did not have this member."), effect=Effect.ALREADY)
        if code != SUCCESS:
            self._end(self._words(code), is_final=code not in AGAIN, code=code)
        return Answer(code, text=self._shown(), effect=Effect.DONE)

    def _connect(self) -> None:
        if not self.message.secret:
            self._end(gettext_noop("The password cannot be read any more: enter it again."), is_final=True)
        parts = urlsplit(addresses.check_url(self.message.url, ("ldaps", "ldap")))
        is_tls = parts.scheme == "ldaps"
        port = parts.port or (636 if is_tls else 389)
        starts = not is_tls and self.settings.get("start_tls") != "no"
        found = addresses.look_up(parts.hostname, port, self.own)
        if not (is_tls or starts):
            is_inside = addresses.is_inside(found, self.own)
            if not (django_settings.CERTIFY_LDAP_PLAIN and is_inside):
                raise addresses.Refused(
                    "Without TLS only networks of your own are reached, and only where CERTIFY_LDAP_PLAIN allows it."
                )
        patience = max(1, math.ceil(posting.PATIENCE))
        server = _Pinned(parts.hostname, port, found, use_ssl=is_tls, tls=_Verified(), connect_timeout=patience)
        self.connection = Connection(
            server,
            user=self.settings["bind_dn"],
            password=self.message.secret,
            receive_timeout=patience,
            auto_referrals=False,
            return_empty_attributes=False,
            check_names=False,
        )
        self.watch.start()
        self.connection.open()
        if starts:
            self.connection.start_tls()
        self.connection.bind()
        code = self._code(f"bind {self.settings['bind_dn']}")
        if code != SUCCESS:
            self._end(self._words(code), is_final=code not in AGAIN, code=code)

    def _find(self, wanted: dict, what: str) -> dict:
        """The one entry that the filter finds. Ends the work when there is none, when there are several, or when a limit hides some."""
        said = f"search {wanted['base']} {wanted['filter']}"
        try:
            self.connection.search(
                wanted["base"], wanted["filter"], SUBTREE, attributes=["uid"] if what == "user" else NO_ATTRIBUTES, size_limit=5
            )
        except LDAPInvalidFilterError:
            self._end(f"{wanted['filter']} is no filter.", is_final=True)
        code = self._code(said)
        found = [one for one in self.connection.response or [] if one["type"] == "searchResEntry"]
        if len(found) > 1:
            self._end(f"{said}: {len(found)} entries or more; one is needed.", is_final=True, code=code)
        if code != SUCCESS:
            self._end(f"{said}: {self._words(code)}", is_final=code not in AGAIN, code=code)
        if not found:
            self._end(f"{said}: no entry. Check how the {what} is found.", is_final=True, code=code)
        return found[0]

    def _code(self, said: str) -> int:
        code = int(self.connection.result["result"])
        self.lines.append(f"{said} → {code} {self.connection.result['description']}")
        return code

    def _shown(self) -> str:
        result = self.connection.result
        return " ".join(filter(None, (str(result["result"]), result["description"], result.get("message", ""))))

    def _words(self, code: int) -> str:
        said = WORDS.get(code) or AGAIN.get(code) or str(self.connection.result["description"])
        return f"Result {code}: {said}"

    def _end(self, said: str, *, is_final: bool, code: int | None = None) -> None:
        raise _Over(Answer(code, error=said, effect=Effect.NONE, is_final=is_final))

    def _hang_up(self) -> None:
        if self.connection is not None and self.connection.socket is not None:
            try:
                socket.socket.shutdown(self.connection.socket, socket.SHUT_RDWR)
            except OSError:
                return

    def close(self) -> None:
        """Say goodbye, if anybody is still there."""
        self.watch.cancel()
        if self.connection is not None:
            try:
                self.connection.unbind()
            except (LDAPException, OSError, *GARBLED):
                return


DIRECTORY = Directory(
    "ldap",
    _("LDAP directory"),
    _("ldaps://host or ldap://host, with :port where it is not the usual one."),
    FIELDS,
    schemes=("ldaps", "ldap"),
    credential=_("Password"),
    is_direct=True,
    rehearses=True,
)

"""Who may not even try to sign in: a name after five failures at an address, an address from which many names are being tried, and a
name that is being tried from many addresses.

Everybody in an office may have one address, and everybody in the world may try a name. A name is therefore forgotten as soon as its
person gets in, and a browser in which somebody signed in before is asked for their password whatever is tried elsewhere.
"""

from datetime import datetime
from ipaddress import IPv6Address, ip_address

from axes.attempts import get_cool_off_threshold
from axes.handlers.database import AxesDatabaseHandler
from axes.helpers import get_client_username, get_cool_off
from axes.models import AccessAttempt
from django.conf import settings
from django.core import signing
from django.db.models import Max
from django.http import HttpRequest, HttpResponse

from certify.lib.addresses import client_address
from people.models import User
from people.states import SignInFailure

#: So many names may fail at one address within the time for which failures are remembered.
MOST_NAMES = 20
#: So many times one name may fail within that time, whatever the addresses.
MOST_FAILURES = 20
COOKIE, SALT, DAYS = "certify_known", "people.lockout", 180
#: A household or an office has at least this much of IPv6: whoever is there can take any address of it.
IPV6_PREFIX = 64


def origin(request: HttpRequest) -> str | None:
    """The address that attempts are counted under: of IPv6 the network, since within it addresses cost nothing."""
    found = client_address(request)
    address = ip_address(found) if found else None
    if not isinstance(address, IPv6Address):
        return found
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    bits = 128 - IPV6_PREFIX
    return str(IPv6Address(int(address) >> bits << bits))


def address_free_at(request: HttpRequest) -> datetime | None:
    """When the address may try names again; None while it may, since fewer than `MOST_NAMES` have failed there."""
    recent = AccessAttempt.objects.filter(ip_address=request.axes_ip_address, attempt_time__gte=get_cool_off_threshold(request))
    names = recent.values("username").annotate(latest=Max("attempt_time")).order_by("-latest")
    moments = names.values_list("latest", flat=True)[MOST_NAMES - 1 : MOST_NAMES]
    return moments[0] + get_cool_off(request) if moments else None


def name_free_at(request: HttpRequest, username: str | None) -> datetime | None:
    """When browsers that are not known may try the name again; None while they may: it has failed fewer than `MOST_FAILURES` times."""
    recent = AccessAttempt.objects.filter(username=username, attempt_time__gte=get_cool_off_threshold(request))
    counted = recent.order_by("-attempt_time").values_list("attempt_time", "failures_since_start")
    total = 0
    for moment, failures in counted[:MOST_FAILURES]:
        total += failures
        if total >= MOST_FAILURES:
            return moment + get_cool_off(request)
    return None


def shut(request: HttpRequest, username: str | None) -> dict[SignInFailure, datetime]:
    """What keeps browsers that are not known from trying this name here, and until when each does."""
    found = {
        SignInFailure.ADDRESS_LOCKED_OUT: address_free_at(request),
        SignInFailure.NAME_LOCKED_OUT: name_free_at(request, username),
    }
    return {reason: moment for reason, moment in found.items() if moment}


def remember(response: HttpResponse, person: User) -> HttpResponse:
    """Let the browser say next time that this person was let in here."""
    response.set_cookie(
        COOKIE,
        signing.dumps(person.pk, salt=SALT),
        max_age=DAYS * 24 * 3600,
        path="/sign-in/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )
    return response


def is_known(request: HttpRequest, username: str | None) -> bool:
    """Whether the person with this name signed in with this browser before."""
    try:
        pk = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=DAYS * 24 * 3600)
    except signing.BadSignature:
        return False
    return User.objects.filter(pk=pk, username=username).exists()


class Handler(AxesDatabaseHandler):
    """What django-axes counts, with a limit on names at one address and one on failures of one name at all of them."""

    def is_locked(self, request: HttpRequest, credentials: dict | None = None) -> bool:
        """Whether this name has to wait at this address, or whoever is unknown has to."""
        if super().is_locked(request, credentials):
            return True
        username = get_client_username(request, credentials)
        return not is_known(request, username) and bool(shut(request, username))

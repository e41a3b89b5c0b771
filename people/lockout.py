"""Who may not even try to sign in: a name after five failures at an address, and an address from which many names are being tried.

Everybody in an office may have one address. A name is therefore forgotten as soon as its person gets in, and a browser in which
somebody signed in before is asked for their password whatever else is tried beside it.
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

#: So many names may fail at one address within the time for which failures are remembered.
MOST_NAMES = 20
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


def free_at(request: HttpRequest) -> datetime | None:
    """When the address may try names again; None while it may, since fewer than `MOST_NAMES` have failed there."""
    recent = AccessAttempt.objects.filter(ip_address=request.axes_ip_address, attempt_time__gte=get_cool_off_threshold(request))
    names = recent.values("username").annotate(latest=Max("attempt_time")).order_by("-latest")
    moments = names.values_list("latest", flat=True)[MOST_NAMES - 1 : MOST_NAMES]
    return moments[0] + get_cool_off(request) if moments else None


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
    """What django-axes counts, with a limit on names at one address."""

    def is_locked(self, request: HttpRequest, credentials: dict | None = None) -> bool:
        """Whether this name, or everybody unknown at this address, has to wait."""
        if super().is_locked(request, credentials):
            return True
        return bool(free_at(request)) and not is_known(request, get_client_username(request, credentials))

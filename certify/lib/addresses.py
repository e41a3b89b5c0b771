"""Where a request comes from."""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str | None:
    """The IP address of the browser; None when it cannot be known.

    `CERTIFY_PROXY_COUNT` says how many of our own proxies stand in front. Each appends the address it saw to
    `X-Forwarded-For`, so that many entries from the right can be believed and no others: whatever a client writes there
    itself stands further left. Without proxies the header is not read at all.
    """
    seen = [request.META.get("REMOTE_ADDR", "")]
    if settings.CERTIFY_PROXY_COUNT:
        forwarded = request.headers.get("X-Forwarded-For", "").split(",")
        seen = [*filter(None, map(str.strip, forwarded)), *seen]
    address = seen[-1 - settings.CERTIFY_PROXY_COUNT] if len(seen) > settings.CERTIFY_PROXY_COUNT else seen[-1]
    try:
        return str(ip_address(address))
    except ValueError:
        return None

"""Which addresses a webhook may reach: a guard against server-side request forgery (CWE-918).

Whoever may enter an address could otherwise have this server call its own network. Names are looked up at the moment of the
connection, every answer is checked, and the connection goes to the address that was checked: a name that points elsewhere a
moment later gains nothing.
"""

import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from django.utils.translation import gettext_noop

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: IPv4 addresses in IPv6 clothes that Python calls global (RFC 6052, RFC 8215).
TRANSLATED = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))


class Refused(Exception):
    """An address that may not be reached; the text says why, in English, because a try keeps it. Pages look `text` up."""

    def __init__(self, text: str, **values: str):
        super().__init__(text.format(**values))
        self.text, self.values = text, values


def networks(texts: Iterable[str]) -> list[Network]:
    """Networks from texts such as "10.1.0.0/16". Raises ValueError for anything else."""
    return [ipaddress.ip_network(text.strip()) for text in texts if text.strip()]


def is_public(address: Address) -> bool:
    """Whether an address belongs to nobody's own network, whichever way it is written."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return is_public(address.ipv4_mapped)
        if address.sixtofour or address.teredo or any(address in network for network in TRANSLATED):
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def is_allowed(address: Address, own: Iterable[Network]) -> bool:
    """Whether an address may be reached: it is public, or in one of the networks of our own that the setting names."""
    mapped = getattr(address, "ipv4_mapped", None)
    known = mapped or address
    return is_public(address) or any(known in network for network in own if network.version == known.version)


def check_url(url: str, schemes: tuple[str, ...] = ("https", "http")) -> str:
    """The address without blanks. Refuses what is no plain address of a host in one of the schemes: names in it, fragments, odd ports."""
    url = url.strip()
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Refused(gettext_noop("This is no address of a server.")) from None
    if parts.scheme not in schemes or not parts.hostname:
        raise Refused(gettext_noop("The address begins with {scheme}:// and names a host."), scheme=schemes[0])
    if parts.username or parts.password or parts.fragment:
        raise Refused(gettext_noop("The address holds no name, no password and no #."))
    if any(ord(letter) <= 32 or ord(letter) == 127 for letter in url) or port == 0:
        raise Refused(gettext_noop("The address holds no blanks and a port from 1 on."))
    return url


def look_up(host: str, port: int, own: Iterable[Network]) -> list[Address]:
    """The addresses of a host. Raises `Refused` when any of them may not be reached, OSError when the name is unknown."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise Refused("{host} is no name of a host.", host=host) from None
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    own = list(own)
    if not addresses or not all(is_allowed(address, own) for address in addresses):
        raise Refused("{host} is in a network that Certify may not reach. CERTIFY_WEBHOOK_NETWORKS can allow it.", host=host)
    return list(dict.fromkeys(addresses))


def is_inside(addresses: Iterable[Address], own: Iterable[Network]) -> bool:
    """Whether all of these are in networks of our own."""
    own = list(own)
    return all(any(address in network for network in own if network.version == address.version) for address in addresses)

"""Guard against server-side request forgery: which machines a link may lead to.

Lives here: separating addresses of the internet from those of this machine and this network, and resolving names. Not
here: checking a link's text (`address`), following it (`file_download`).

Links come from outside. A link to a machine that only we can reach would make us read it for the author of the link. A
platform that is such a machine itself, as the sandbox is, may point at others.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable

from mews_assets.api.errors import DownloadError

Resolve = Callable[[str], list[str]]

_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
"""All assigned unicast addresses of IPv6 (IANA, Internet Protocol Version 6 Address Space). IPv4-compatible,
IPv4-translated and site-local addresses, and translation inside one network (64:ff9b:1::/48), lie outside it."""
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""RFC 6052: an IPv4 address in the last 32 bits."""
_DOCUMENTATION = ipaddress.IPv6Network("3fff::/20")
"""RFC 9637, which Python's own table has from 3.13 on."""
_ISATAP = (0x00005EFE, 0x02005EFE)
"""RFC 5214: the first half of an interface's id before an IPv4 address."""


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the internet, and not to this machine, network or link.

    An IPv6 address that contains an IPv4 address is public if the IPv4 address is.
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv4Address):
        return found.is_global and not found.is_multicast
    if found.ipv4_mapped:
        return is_public(str(found.ipv4_mapped))
    if found in _NAT64:
        return is_public(str(_last_32_bits(found)))
    if found not in _GLOBAL_UNICAST or not found.is_global or found in _DOCUMENTATION:
        return False
    inner = found.sixtofour or (found.teredo[1] if found.teredo else None)
    if (int(found) >> 32) & 0xFFFFFFFF in _ISATAP:
        inner = _last_32_bits(found)
    return inner is None or is_public(str(inner))


def _last_32_bits(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)


def resolve(host: str) -> list[str]:
    """The addresses of a host; none if it cannot be resolved here, as behind a proxy."""
    try:
        return sorted({str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)})
    except (OSError, UnicodeError):
        return []


class PrivateAddressError(DownloadError):
    """The connection to a host led to a machine of this network. Nothing was sent there."""


def refuse_private(host: str, address: str) -> None:
    """Raise PrivateAddressError if a connection for a link leads to a machine that only we can reach."""
    if not_public([address]):
        raise PrivateAddressError(
            f"its link leads to {host} at {address}, a private address, and is not followed"
        )


def not_public(addresses: Iterable[str]) -> str:
    """The first private address; empty if all are public."""
    return next((address for address in addresses if not is_public(address)), "")

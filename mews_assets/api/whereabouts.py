"""Whereabouts: which machines a link may lead to.

Lives here: telling addresses of the internet from those of this machine and this network, and looking names up. Not
here: what a link looks like (`address`), following it (`download`).

Links come from outside. One that leads to a machine that only we can reach would make us read it for whoever wrote
the link. A platform that is such a machine itself, as the sandbox is, may point at others.
"""

from __future__ import annotations

import ipaddress
import socket
import urllib.request
from collections.abc import Callable, Iterable

import httpx

Resolve = Callable[[str], list[str]]

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet, and not of this machine, this network or this link."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is None and found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return found.is_global and not found.is_multicast


def resolve(host: str) -> list[str]:
    """The addresses of a host; none where nobody here can tell, as behind a proxy."""
    try:
        return sorted({str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)})
    except (OSError, UnicodeError):
        return []


def not_public(addresses: Iterable[str]) -> str:
    """The first address that is not of the internet; empty if all are."""
    return next((one for one in addresses if not is_public(one)), "")


def peer(response: httpx.Response) -> str:
    """The address that was connected to; empty where it is a proxy's, or where there was no connection.

    A name can lead elsewhere between looking it up and connecting.
    """
    stream = response.extensions.get("network_stream")
    if stream is None or urllib.request.getproxies():
        return ""
    found = stream.get_extra_info("server_addr")
    return str(found[0]) if found else ""

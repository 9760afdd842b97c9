"""Addresses: where tokens and signed links may travel.

Lives here: checking the platform address, operation names, ids and download links, all pure. Not here: requests.
"""

from __future__ import annotations

import ipaddress
import re

import httpx

from mews_assets.api.redaction import drop_queries

API_PATH = "/api/connector/v1"

_OPERATION = re.compile(r"[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)+")


_PLAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def is_plain_id(text: str) -> bool:
    """Whether an id can be used in paths, keys and addresses without escaping; Mews' are UUIDs."""
    return bool(_PLAIN_ID.fullmatch(text))


def is_loopback(host: str) -> bool:
    """Whether the host is this machine."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


MAX_LABEL, MAX_HOST, MAX_PORT = 63, 253, 65_535
"""Characters of a label of a host and of the whole host (RFC 1035, 2.3.4), and the highest port."""


_HOST = re.compile(r"[A-Za-z0-9._-]*", re.ASCII)


def read_url(text: str) -> httpx.URL:
    """An absolute address with a valid host and port. Raises ValueError.

    The HTTP library finds some of these errors only when it connects, and raises errors of other libraries for them.
    """
    try:
        url = httpx.URL(text)
        labels = url.host.removesuffix(".").split(".")  # of a host in punycode, which is decoded here
        labels += url.raw_host.decode("ascii").removesuffix(".").split(".")
    except (httpx.InvalidURL, ValueError, IndexError):
        raise ValueError("it cannot be read as an address") from None
    if not url.host:
        raise ValueError("it names no host")
    if ":" not in url.host and not _HOST.fullmatch(url.raw_host.decode("ascii")):
        raise ValueError("its host holds characters that no host's name has")
    if ":" not in url.host and not all(0 < len(label) <= MAX_LABEL for label in labels):
        raise ValueError(f"a part of its host is empty or longer than {MAX_LABEL} characters")
    if len(url.raw_host) > MAX_HOST:
        raise ValueError(f"its host is longer than {MAX_HOST} characters")
    if url.port is not None and not 0 < url.port <= MAX_PORT:
        raise ValueError(f"its port is not one from 1 to {MAX_PORT}")
    return url


def read_platform_address(text: str) -> httpx.URL:
    """The platform address without a trailing slash. Raises ValueError if tokens must not be sent there."""
    accepted = "write it like https://api.mews.com, and the demo as https://api.mews-demo.com"
    try:
        url = read_url(text.strip().rstrip("/"))
    except ValueError as error:
        shown = "" if re.search("[@?#]", text) else f" {text!r}"  # it may contain a password
        raise ValueError(f"the platform address{shown} cannot be used: {error}; {accepted}") from None
    if url.userinfo or url.query or url.fragment:
        raise ValueError(f"the platform address has a user, query or fragment; {accepted}")
    if not url.host or url.scheme not in ("https", "http"):
        raise ValueError(f"the platform address {str(url)!r} is no web address; {accepted}")
    if url.scheme == "http" and not is_loopback(url.host):
        raise ValueError(f"the platform address {str(url)!r} would send tokens unencrypted; {accepted}")
    if API_PATH in url.path:
        raise ValueError(f"the platform address {str(url)!r} must not contain {API_PATH}; {accepted}")
    return url


def operation_url(platform: httpx.URL, operation: str) -> httpx.URL:
    """The address of an operation such as `reservations/getAll/2023-06-06`."""
    if not _OPERATION.fullmatch(operation):
        raise ValueError(
            f"{operation!r} is no operation; write it like outletItems/getAll, without outer slashes"
        )
    return httpx.URL(f"{platform}{API_PATH}/{operation}")


def read_link(text: str, platform: httpx.URL, before: httpx.URL | None = None) -> httpx.URL:
    """A link that may be followed: https, or the platform's own host where that is loopback http.

    `before` is the address that redirected to it. Raises ValueError saying why it is not followed, without signatures.
    """
    try:
        link = read_url(text if before is None else str(before.join(text)))
    except (httpx.InvalidURL, ValueError) as error:
        raise ValueError(f"its {'link' if before is None else 'redirect'} cannot be read: {error}") from None
    is_platforms = link.scheme == platform.scheme == "http" and link.host == platform.host
    if link.scheme != "https" and not is_platforms:
        raise ValueError(f"its link is not https but {drop_queries(text)}, which is not followed")
    if before is not None and link.scheme != before.scheme:
        raise ValueError(f"redirected from {before.scheme} to {link.scheme}, which is not followed")
    return link

"""Addresses: where tokens and signed links may travel.

Lives here: checking the platform address, operation names, ids and download links, all pure. Not here: requests.
"""

from __future__ import annotations

import ipaddress
import re

import httpx

API_PATH = "/api/connector/v1"

_OPERATION = re.compile(r"[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)+")


_PLAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def is_plain_id(text: str) -> bool:
    """Whether an id can stand in a path, a key and an address as it is; Mews' are UUIDs."""
    return bool(_PLAIN_ID.fullmatch(text))


def is_loopback(host: str) -> bool:
    """Whether the host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_platform_address(text: str) -> httpx.URL:
    """The platform address without a trailing slash. Raises ValueError unless tokens may be sent there."""
    accepted = "write it like https://api.mews.com, and the demo as https://api.mews-demo.com"
    try:
        url = httpx.URL(text.strip().rstrip("/"))
    except httpx.InvalidURL:
        raise ValueError(f"the platform address cannot be read; {accepted}") from None
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


def may_download_from(link: httpx.URL, platform: httpx.URL) -> bool:
    """Whether a link may be followed: https, or the platform's own host where that is loopback http."""
    if link.scheme == "https":
        return bool(link.host)
    return link.scheme == platform.scheme == "http" and link.host == platform.host

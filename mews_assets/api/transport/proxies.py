"""Proxies and certificates: the environment variables that decide how a host is reached.

Lives here: reading HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE, SSL_CERT_DIR and SSLKEYLOGFILE, and
a one-sentence error for each that cannot be used. Not here: connecting (`send`).

The HTTP library reads the same variables, but raises unclear errors if one is wrong: a network in NO_PROXY, an unknown
scheme, a missing file. Nor does it tell which proxy a request will take.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import re
import ssl
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import httpx

from mews_assets.api.errors import ConnectionSettingError
from mews_assets.api.transport.address import is_loopback, read_url

SCHEMES = ("http", "https", "socks5", "socks5h")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Proxy:
    """A proxy, and the variable that names it."""

    variable: str
    url: httpx.URL

    def __repr__(self) -> str:  # without user and password
        return f"Proxy({self.variable}, {self.url.scheme}://{self.url.host}:{self.url.port})"


@dataclass(frozen=True)
class _Direct:
    """One entry of NO_PROXY: a host with its subdomains, or a network; optionally only for a port or a scheme."""

    host: str = ""
    network: Network | None = None
    port: int | None = None
    scheme: str = ""

    def matches(self, url: httpx.URL) -> bool:
        if self.scheme and self.scheme != url.scheme:
            return False
        if self.port is not None and self.port != (url.port or {"http": 80, "https": 443}.get(url.scheme)):
            return False
        if self.host == "*":
            return True
        if self.network is not None:
            try:
                return ipaddress.ip_address(url.host) in self.network
            except ValueError:
                return False
        return url.host == self.host or url.host.endswith(f".{self.host}")


class Proxies:
    """The proxies that an environment names."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._named = {scheme: _variable(environment, scheme) for scheme in ("http", "https", "all")}
        _, no_proxy = _variable(environment, "no")
        self._direct = tuple(filter(None, map(_direct, no_proxy.split(","))))

    def to(self, url: httpx.URL) -> Proxy | None:
        """The proxy of a host; None if it is reached directly, as this machine is.

        Raises ConnectionSettingError if the variable that names the proxy cannot be used.
        """
        if is_loopback(url.host) or any(entry.matches(url) for entry in self._direct):
            return None
        for scheme in (url.scheme, "all"):
            name, value = self._named.get(scheme, ("", ""))
            if value:
                return _proxy(name, value)
        return None


def _variable(environment: Mapping[str, str], scheme: str) -> tuple[str, str]:
    """The name and the value of a variable. By convention the name in lower case comes first."""
    for name in (f"{scheme}_proxy", f"{scheme.upper()}_PROXY"):
        # In a CGI process, the header `Proxy` of a request would set HTTP_PROXY.
        is_a_header = name == "HTTP_PROXY" and "REQUEST_METHOD" in environment
        if name in environment and not is_a_header:
            return name, environment[name].strip()
    if environment is os.environ:  # the system settings of macOS and Windows; Linux has none
        return f"the system's {scheme} proxy", urllib.request.getproxies().get(scheme, "")
    return "", ""


@cache
def _proxy(name: str, value: str) -> Proxy:
    try:
        url = read_url(value if "://" in value else f"http://{value}")
    except ValueError:
        raise ConnectionSettingError(
            f"{name} is no address of a proxy; accepted is one such as http://proxy.example.com:3128"
        ) from None
    if url.scheme not in SCHEMES:
        raise ConnectionSettingError(
            f"{name} names a proxy of the scheme {url.scheme!r}; accepted are {', '.join(SCHEMES)}"
        )
    if url.scheme.startswith("socks") and importlib.util.find_spec("socksio") is None:
        raise ConnectionSettingError(
            f"{name} names a {url.scheme} proxy, which needs a package that is not installed: pip install socksio"
        )
    return Proxy(name, url)


_WITH_PORT = re.compile(r"(?P<host>\[[^\]]*\]|[^:]*)(?::(?P<port>\d{1,5}))?", re.ASCII)


def _direct(text: str) -> _Direct | None:
    """The hosts of an entry of NO_PROXY; an unreadable entry is ignored, as other programs do."""
    text = text.strip().lower()
    scheme, is_url, rest = text.rpartition("://")
    network = _network(rest)
    if network is not None:
        return _Direct(network=network, scheme=scheme)
    found = _WITH_PORT.fullmatch(rest)
    if not found or not found["host"].strip("[]*."):
        return _Direct(host="*") if text == "*" else None
    port = int(found["port"]) if found["port"] else None
    host = found["host"].removeprefix("*").lstrip(".")
    return _Direct(host=host, network=_network(host), port=port, scheme=scheme if is_url else "")


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return None


def certificates() -> ssl.SSLContext:
    """The trusted certificates. Raises ConnectionSettingError if a variable names no usable file or folder."""
    names = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
    return _certificates(*(os.environ.get(name, "") for name in names))


@cache
def _certificates(file: str, folder: str, key_log: str) -> ssl.SSLContext:
    """Read once: otherwise each client takes 0.1 s, and a process may make one for each of a hundred hotels."""
    if file and not Path(file).is_file():
        raise ConnectionSettingError(f"SSL_CERT_FILE is {file!r}, and there is no such file of certificates")
    if folder and not file and not any(Path(part).is_dir() for part in folder.split(os.pathsep)):
        raise ConnectionSettingError(
            f"SSL_CERT_DIR is {folder!r}, and there is no such folder of certificates"
        )
    if key_log and not Path(key_log).parent.is_dir():
        raise ConnectionSettingError(f"SSLKEYLOGFILE is {key_log!r}, and there is no such folder")
    try:
        return httpx.create_ssl_context()
    except OSError as error:  # ssl.SSLError too: the content is no certificate
        given = {"SSL_CERT_FILE": file, "SSL_CERT_DIR": folder, "SSLKEYLOGFILE": key_log}
        name = next((name for name, value in given.items() if value), "SSL_CERT_FILE")
        raise ConnectionSettingError(
            f"{name} is {given[name]!r}, and no certificate can be read there: {type(error).__name__}"
        ) from None

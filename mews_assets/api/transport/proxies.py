"""Proxies and certificates: what the environment's variables say about the way to a host.

Lives here: reading HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE, SSL_CERT_DIR and SSLKEYLOGFILE, and
one sentence for each that cannot be used. Not here: connecting (`transport`).

The HTTP library reads the same variables, but ends in a traceback where one is wrong: for a network in NO_PROXY, a
scheme it does not know, a file that is missing. Nor can it be asked which way a request will take.
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

    def __repr__(self) -> str:  # its user and password are nobody's business
        return f"Proxy({self.variable}, {self.url.scheme}://{self.url.host}:{self.url.port})"


@dataclass(frozen=True)
class _Direct:
    """One entry of NO_PROXY: a host with all below it, or a network; perhaps on one port, perhaps of one scheme."""

    host: str = ""
    network: Network | None = None
    port: int | None = None
    scheme: str = ""

    def holds(self, url: httpx.URL) -> bool:
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
        """The proxy through which a host is reached; None for this machine, and where it is reached directly.

        Raises ConnectionSettingError where the variable that names the proxy cannot be used.
        """
        if is_loopback(url.host) or any(one.holds(url) for one in self._direct):
            return None
        for scheme in (url.scheme, "all"):
            name, value = self._named.get(scheme, ("", ""))
            if value:
                return _proxy(name, value)
        return None


def _variable(environment: Mapping[str, str], scheme: str) -> tuple[str, str]:
    """The name and the value of a variable. Programs agree that the one in small letters comes first."""
    for name in (f"{scheme}_proxy", f"{scheme.upper()}_PROXY"):
        # Behind a web server, a request's own header `Proxy` would stand in HTTP_PROXY.
        is_a_header = name == "HTTP_PROXY" and "REQUEST_METHOD" in environment
        if name in environment and not is_a_header:
            return name, environment[name].strip()
    if environment is os.environ:  # what macOS and Windows are set to; on Linux there is no other place
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
    """What an entry of NO_PROXY excepts; what nobody can read excepts nothing, as everywhere."""
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
    """Whom encrypted connections trust. Raises ConnectionSettingError where a variable leads nowhere."""
    names = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
    return _certificates(*(os.environ.get(name, "") for name in names))


@cache
def _certificates(file: str, folder: str, key_log: str) -> ssl.SSLContext:
    """Read once: a client costs 0.1 s otherwise, and a process may make one for each of a hundred hotels."""
    if file and not Path(file).is_file():
        raise ConnectionSettingError(f"SSL_CERT_FILE is {file!r}, and there is no such file of certificates")
    if folder and not file and not any(Path(one).is_dir() for one in folder.split(os.pathsep)):
        raise ConnectionSettingError(
            f"SSL_CERT_DIR is {folder!r}, and there is no such folder of certificates"
        )
    if key_log and not Path(key_log).parent.is_dir():
        raise ConnectionSettingError(f"SSLKEYLOGFILE is {key_log!r}, and there is no such folder")
    try:
        return httpx.create_ssl_context()
    except OSError as error:  # ssl.SSLError is one as well: what is there is no certificate
        given = {"SSL_CERT_FILE": file, "SSL_CERT_DIR": folder, "SSLKEYLOGFILE": key_log}
        name = next((name for name, value in given.items() if value), "SSL_CERT_FILE")
        raise ConnectionSettingError(
            f"{name} is {given[name]!r}, and no certificate can be read there: {type(error).__name__}"
        ) from None

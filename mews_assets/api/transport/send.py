"""Transport: one request, and its answer, within a bounded time.

Lives here: `Http`, which sends a request directly or through the environment's proxy and returns the answer, and the
time limit on the whole of it. Not here: choosing the proxy (`proxies`), reading a body (`bodies`), retries (`client`).

The HTTP library's own client is not used: it reads redirects and cookies of answers and fails on malformed ones, and it
limits the time of each read but not their sum. Only its errors and ours leave this module.
"""

from __future__ import annotations

import os
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Any

import httpcore
import httpx

from mews_assets.api.errors import MewsError
from mews_assets.api.transport.proxies import Proxies, Proxy, certificates

MAX_CONNECTIONS = 100
KEPT_OPEN = 20
KEPT_OPEN_SECONDS = 5.0
"""The HTTP library's own defaults."""

Refuse = Callable[[str, str], object]
"""Gets a host and the address of the connection to it; raises to prevent sending."""

_UNTIL: ContextVar[float] = ContextVar("until", default=float("inf"))
"""The deadline of the answer that this thread waits for, by the monotonic clock."""


class Http:
    """Sends requests without cookies or credentials of its own, and follows no redirect. Threads may share it."""

    def __init__(
        self,
        platform: httpx.URL,
        timeouts: httpx.Timeout,
        transport: httpx.BaseTransport | None = None,
        refuse: Refuse | None = None,
    ) -> None:
        self._timeouts = timeouts
        self._proxies = Proxies(os.environ)
        if transport is None:  # a wrong environment variable is an error now, not with the first request
            self._proxies.to(platform)
            if platform.scheme == "https":
                certificates()
        self._transport = transport or _Transport(self._proxies, refuse)

    def __enter__(self) -> Http:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    def way(self, url: httpx.URL) -> str:
        """The proxy of a host, for error messages; empty if there is none."""
        proxy = self._proxies.to(url)
        return f"through the proxy that {proxy.variable} names" if proxy else ""

    def request(
        self, method: str, url: httpx.URL, headers: Mapping[str, str], content: bytes | None = None
    ) -> httpx.Request:
        return httpx.Request(
            method,
            url,
            headers={"User-Agent": "mews-assets", "Accept": "*/*", **headers},
            content=content,
            extensions={"timeout": self._timeouts.as_dict()},
        )

    @contextmanager
    def answer(self, request: httpx.Request, seconds: float) -> Iterator[httpx.Response]:
        """The answer, whose body is read within the block. `seconds` limit all of it, body included.

        Raises httpx.TransportError for every error of the connection.
        """
        until = time.monotonic() + seconds
        before = _UNTIL.set(min(until, _UNTIL.get()))
        try:
            with _translated():
                response = self._transport.handle_request(request)
            try:
                response.stream = _Body(response.stream, _UNTIL.get(), seconds)
                yield response
            finally:
                with _translated():
                    response.close()
        finally:
            _UNTIL.reset(before)


class _Body(httpx.SyncByteStream):
    """A body in pieces, as they arrive, until the deadline of the whole answer."""

    def __init__(self, pieces: Any, until: float, seconds: float) -> None:
        self._pieces, self._until, self._seconds = pieces, until, seconds

    def __iter__(self) -> Iterator[bytes]:
        with _translated():
            for piece in self._pieces:
                if time.monotonic() > self._until:
                    raise httpx.ReadTimeout(f"the answer was not complete within {self._seconds:.0f} s")
                yield piece

    def close(self) -> None:
        if hasattr(self._pieces, "close"):
            self._pieces.close()


@contextmanager
def _translated() -> Iterator[None]:
    """Translate errors of httpcore into those of httpx."""
    try:
        yield
    except (httpx.RequestError, MewsError):
        raise
    except Exception as error:
        # Any other error of the libraries below means that the answer is not valid HTTP.
        kind = getattr(httpx, type(error).__name__, None) if isinstance(error, _OF_HTTPCORE) else None
        translated = kind if isinstance(kind, type) else httpx.RemoteProtocolError
        raise translated(f"{'' if kind else f'{type(error).__name__}: '}{error}") from error


_OF_HTTPCORE = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)


class _Transport(httpx.BaseTransport):
    """Connections that are kept open for a while, one pool for each proxy and scheme."""

    def __init__(self, proxies: Proxies, refuse: Refuse | None) -> None:
        self._proxies = proxies
        self._refuse = refuse
        self._pools: dict[tuple[Proxy | None, str], httpcore.ConnectionPool] = {}
        self._lock = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        answer = self._pool(url).handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        assert isinstance(answer.stream, Iterable)
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=_Body(answer.stream, float("inf"), 0.0),
            extensions=answer.extensions,
        )

    def close(self) -> None:
        with self._lock:
            for pool in self._pools.values():
                pool.close()
            self._pools.clear()

    def _pool(self, url: httpx.URL) -> httpcore.ConnectionPool:
        proxy = self._proxies.to(url)
        with self._lock:
            key = (proxy, url.scheme)
            if key not in self._pools:
                self._pools[key] = _pool_to(proxy, url.scheme, None if proxy else self._refuse)
            return self._pools[key]


def _pool_to(proxy: Proxy | None, scheme: str, refuse: Refuse | None) -> httpcore.ConnectionPool:
    is_encrypted = "https" in (scheme, proxy.url.scheme if proxy else "")
    more: dict[str, Any] = {
        "ssl_context": certificates() if is_encrypted else None,
        "max_connections": MAX_CONNECTIONS,
        "max_keepalive_connections": KEPT_OPEN,
        "keepalive_expiry": KEPT_OPEN_SECONDS,
        "network_backend": _Network(refuse),
    }
    if proxy is None:
        return httpcore.ConnectionPool(**more)
    parsed = httpx.Proxy(proxy.url)  # takes user and password out of the address
    address = httpcore.URL(
        scheme=parsed.url.raw_scheme, host=parsed.url.raw_host, port=parsed.url.port, target=b"/"
    )
    if proxy.url.scheme.startswith("socks"):
        return httpcore.SOCKSProxy(proxy_url=address, proxy_auth=parsed.raw_auth, **more)
    if proxy.url.scheme == "https":
        more["proxy_ssl_context"] = more["ssl_context"]
    return httpcore.HTTPProxy(proxy_url=address, proxy_auth=parsed.raw_auth, **more)


class _Network(httpcore.NetworkBackend):
    """httpcore's network backend, with the deadline of the answer and a check of the address connected to."""

    def __init__(self, refuse: Refuse | None) -> None:
        self._inner = httpcore.SyncBackend()
        self._refuse = refuse

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        try:
            stream = self._inner.connect_tcp(host, port, _remaining(timeout), local_address, socket_options)
        except (OverflowError, UnicodeError) as error:  # an impossible port or host
            raise httpcore.UnsupportedProtocol(str(error)) from error
        found = stream.get_extra_info("server_addr")
        if self._refuse and found:
            try:
                self._refuse(host, str(found[0]))
            except BaseException:
                stream.close()
                raise
        return _Connection(stream)

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class _Connection(httpcore.NetworkStream):
    """A connection whose reads and writes end at the deadline of the whole answer."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _remaining(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _remaining(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Connection(self._inner.start_tls(ssl_context, server_hostname, _remaining(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _remaining(timeout: float | None) -> float | None:
    """The seconds that one step may take. Raises ReadTimeout after the deadline."""
    remaining = _UNTIL.get() - time.monotonic()
    if remaining <= 0:
        raise httpcore.ReadTimeout("the time for the whole answer is over")
    if remaining == float("inf"):
        return timeout
    return remaining if timeout is None else min(timeout, remaining)

"""Which token asks, which scopes it sees, and how often it may ask.

Lives here: tokens and the request limit. Not here: the rules of a body. Token values stay in this module and
in the output of the command; everything else names a token by its name.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mews_assets.sandbox.records.entities import CHAIN_ENTITIES, GLOBAL_ENTITIES
from mews_assets.sandbox.server.request_rules import Refusal, invalid, string

CLIENT_TOKEN = "sandbox-client"  # noqa: S105 - open nothing but a sandbox
PORTFOLIO_TOKEN = "sandbox-portfolio"  # noqa: S105
NO_EXPORTS_TOKEN = "sandbox-no-exports"  # noqa: S105
HOTEL_TOKEN = "sandbox-hotel-{}"  # noqa: S105

LIMIT_REQUESTS = 200
LIMIT_SECONDS = 30.0
"""200 requests per access token in a sliding window of 30 s (API reference, request limits)."""


@dataclass(frozen=True)
class Access:
    """One access token and the scopes that it sees."""

    name: str
    enterprises: frozenset[str]
    chains: frozenset[str]
    sees_everything: bool = False
    may_export: bool = True

    def scopes(self, entity: str, asked: Iterable[str] | None) -> frozenset[str] | None:
        """The scopes that a request asks for; None means all. Raises Refusal for scopes the token does not see."""
        if entity in GLOBAL_ENTITIES:
            return None
        is_chain = entity in CHAIN_ENTITIES
        seen = self.chains if is_chain else self.enterprises
        if asked is None:
            return None if self.sees_everything else seen
        wanted = frozenset(one.lower() for one in asked)
        if hidden := wanted - seen:
            name = "ChainIds" if is_chain else "EnterpriseIds"
            raise invalid(name, f"{len(hidden)} of them are not in the scope of this access token")
        return wanted


@dataclass
class Authenticator:
    """Checks the tokens in a request's body."""

    accesses: Mapping[str, Access] = field(repr=False)
    client_token: str = field(default=CLIENT_TOKEN, repr=False)

    def name_of(self, body: Mapping[str, Any]) -> str | None:
        token = body.get("AccessToken")
        access = self.accesses.get(token) if isinstance(token, str) else None
        return access.name if access else None

    def authenticate(self, body: Mapping[str, Any]) -> Access:
        client, token = string(body, "ClientToken"), string(body, "AccessToken")
        string(body, "Client")
        if client != self.client_token:
            raise Refusal(401, "Invalid ClientToken.", "The client token is not known here.")
        if token not in self.accesses:
            raise Refusal(401, "Invalid AccessToken.", "The access token is not known here.")
        return self.accesses[token]


def token_table(
    enterprises: Iterable[tuple[str, str]], *, no_export_token: bool = False
) -> dict[str, Access]:
    """The tokens of a sandbox with these (enterprise id, chain id): a portfolio token, and one per hotel."""
    hotels = list(enterprises)
    ids, chains = frozenset(one for one, _ in hotels), frozenset(chain for _, chain in hotels)
    accesses = {PORTFOLIO_TOKEN: Access("portfolio", ids, chains, sees_everything=True)}
    for number, (one, chain) in enumerate(hotels, 1):
        name = f"hotel-{number}"
        accesses[HOTEL_TOKEN.format(number)] = Access(name, frozenset({one}), frozenset({chain}))
    if no_export_token:
        access = Access("no-exports", ids, chains, sees_everything=True, may_export=False)
        accesses[NO_EXPORTS_TOKEN] = access
    return accesses


class RequestLimit:
    """At most so many requests per access token in a sliding window of real time."""

    def __init__(
        self,
        limit: int = LIMIT_REQUESTS,
        seconds: float = LIMIT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit, self._seconds, self._clock = limit, seconds, clock
        self._starts: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def take(self, name: str) -> None:
        """Count one request, or refuse it and say after how many seconds to come back."""
        with self._lock:
            now = self._clock()
            starts = self._starts.setdefault(name, deque())
            while starts and now - starts[0] >= self._seconds:
                starts.popleft()
            if len(starts) >= self._limit:
                wait = max(1, math.ceil(starts[0] + self._seconds - now))
                raise Refusal(429, "Too many requests.", f"The limit is {self._limit}.", retry_after=wait)
            starts.append(now)

    def reset(self) -> None:
        with self._lock:
            self._starts.clear()

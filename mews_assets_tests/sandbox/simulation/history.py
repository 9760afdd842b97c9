"""A small history shared by the tests: 3 hotels, 24 rooms each, 20 days and the 30 after them."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from mews_assets.sandbox.records.versions import Version
from mews_assets.sandbox.simulation import simulate

NOW = datetime(2026, 4, 10, 9, 30, tzinfo=UTC)
DAYS = 20


@dataclass
class History:
    versions: list[Version]

    @cached_property
    def states(self) -> dict[tuple[str, str], list[tuple[Version, dict[str, Any]]]]:
        """All versions of each (entity, id) with their records, as they came."""
        found: dict[tuple[str, str], list[tuple[Version, dict[str, Any]]]] = defaultdict(list)
        for version in self.versions:
            record = json.loads(version.record, parse_float=Decimal)
            found[version.entity, version.id].append((version, record))
        return dict(found)

    def all(self, entity: str) -> list[tuple[Version, dict[str, Any]]]:
        """Every version of every record of the entity."""
        return [pair for (kind, _), pairs in self.states.items() if kind == entity for pair in pairs]

    def last(self, entity: str) -> dict[str, dict[str, Any]]:
        """The last state of every record of the entity, by id."""
        return {id: pairs[-1][1] for (kind, id), pairs in self.states.items() if kind == entity}


def make_history() -> History:
    return History(list(simulate(hotels=3, days=DAYS, seed=7, now=NOW, rooms=24)))

"""The names of all that Dagster sees: assets, groups, jobs, sensors, schedules, ops, pools, resources, partition sets.

Lives here: each name with the prefix of MEWS_KEY_PREFIX, and reading a name back. With a prefix, two portfolios, or a
host's own assets, live in one code location and one instance without a clash; without one, names are as they stand in
the code. Not here: the keys of partitions (`base.partitions`) and names in the lake, which have no prefix.
"""

from __future__ import annotations

from dataclasses import dataclass

import dagster as dg

from mews_assets.catalog.model import RecordType, ScopeKind, Table
from mews_assets.lake.storage import layout
from mews_assets.settings import Settings

DELTA = "delta"
"""The layer of the Delta tables, which are outside the lake."""
SQL = "sql"
START_HERE = "start_here"
REPORT = "report"
_JOINT = "__"
"""Between the parts of a name, as Dagster joins the parts of an asset's key; no part of a prefix contains it."""
_LAYERS = frozenset(
    (
        *(layout.LANDING, layout.CHANGES, layout.SNAPSHOT, layout.CURRENT, layout.REFERENCE, layout.MARTS),
        *(layout.SERIES, DELTA, SQL, START_HERE, REPORT),
    )
)
_SCOPE_SETS = {ScopeKind.ENTERPRISE: "enterprises", ScopeKind.CHAIN: "chains"}


@dataclass(frozen=True)
class Namespace:
    """The names of one set of definitions. `key_prefix` begins every name, `group_prefix` the names of groups."""

    key_prefix: tuple[str, ...] = ()
    group_prefix: str = ""

    @classmethod
    def of(cls, settings: Settings) -> Namespace:
        return cls(settings.key_prefix, settings.group_prefix)

    def asset(self, layer: str, name: str) -> dg.AssetKey:
        """The key of an asset, by its layer and its name in it."""
        return dg.AssetKey([*self.key_prefix, layer, name])

    def landing(self, table: Table) -> dg.AssetKey:
        return self.asset(layout.LANDING, table.name)

    def changes(self, table: Table) -> dg.AssetKey:
        return self.asset(layout.CHANGES, table.name)

    def snapshot(self, table: Table) -> dg.AssetKey:
        return self.asset(layout.SNAPSHOT, table.name)

    def current(self, table: Table) -> dg.AssetKey:
        return self.asset(layout.CURRENT, table.name)

    def reference(self, reference: RecordType | str) -> dg.AssetKey:
        name = reference if isinstance(reference, str) else reference.name
        return self.asset(layout.REFERENCE, name)

    def series(self, name: str) -> dg.AssetKey:
        return self.asset(layout.SERIES, name)

    def mart(self, name: str) -> dg.AssetKey:
        return self.asset(layout.MARTS, name)

    def delta(self, name: str) -> dg.AssetKey:
        return self.asset(DELTA, name)

    @property
    def enterprises(self) -> dg.AssetKey:
        """The asset where the scopes of all partitions come from."""
        return self.reference("enterprises")

    @property
    def sql_catalog(self) -> dg.AssetKey:
        return self.asset(SQL, "catalog")

    @property
    def start_here(self) -> dg.AssetKey:
        return dg.AssetKey([*self.key_prefix, START_HERE])

    @property
    def report(self) -> dg.AssetKey:
        return dg.AssetKey([*self.key_prefix, REPORT])

    def group(self, layer: str) -> str:
        """The name of the group of a layer."""
        return f"{self.group_prefix}{_JOINT}{layer}" if self.group_prefix else layer

    def name(self, name: str) -> str:
        """The name of a job, sensor, schedule, op, pool, or of anything else that is not an asset."""
        return _JOINT.join([*self.key_prefix, name])

    def scope_set(self, kind: ScopeKind) -> str:
        """The name of a dynamic partition set, filled from enterprises/getAll."""
        return self.name(_SCOPE_SETS[kind])

    @property
    def mews_resource(self) -> str:
        return self.name("mews")

    @property
    def lake_resource(self) -> str:
        return self.name("lake")

    def own_name(self, name: str) -> str | None:
        """A name without the prefix; None where it is of something outside this namespace."""
        begin = self.name("")
        own = name.removeprefix(begin)
        layer, joint, _ = own.partition(_JOINT)
        is_own = name.startswith(begin) and (not begin or not joint or layer in _LAYERS)
        return own if is_own else None

    def own_asset(self, key: dg.AssetKey) -> str | None:
        """`<layer>/<name>` of an asset, as messages name it; None where it is outside this namespace."""
        length = len(self.key_prefix)
        begin, own = tuple(key.path[:length]), key.path[length:]
        # A longer prefix may begin with this one.
        is_own = begin == self.key_prefix and (not length or bool(_LAYERS.intersection(own[:1])))
        return "/".join(own) if is_own else None

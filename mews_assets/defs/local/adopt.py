"""Adopting a lake that stands into the Dagster instance of this machine, for the command `mews-assets adopt`.

Lives here: opening lake and instance. Not here: which partitions are reported and how (`base.adoption`).
"""

from __future__ import annotations

import os

import dagster as dg

from mews_assets.defs.assets.delta import published
from mews_assets.defs.assets.marts import wanted_marts
from mews_assets.defs.base.adoption import Adopted, adopt
from mews_assets.lake.errors import LakeError
from mews_assets.lake.storage.lake import find_lake
from mews_assets.settings import read_settings


def adopt_lake() -> Adopted:
    """Report all that stands in the lake to the instance of DAGSTER_HOME. Raises LakeError where there is no lake."""
    settings = read_settings(os.environ)
    lake = find_lake(settings.lake, settings.grain)
    if lake is None:
        raise LakeError(f"there is no lake at {settings.lake}: set MEWS_LAKE to where it is")
    with dg.DagsterInstance.get() as instance:
        marts = [mart.name for mart in wanted_marts(settings)]
        outside = {one.key: one.source for one in published(settings) if one.scopes}
        return adopt(instance, lake, settings, marts, outside)

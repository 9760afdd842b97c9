"""Giving up: the event that says that nobody asks Mews any more for some partitions, and the one that takes it back.

Lives here: observations of the landing assets, made by the sensors that ask. The asset's page shows them, and
the alerts read them.
"""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg

from mews_assets.catalog.model import Table
from mews_assets.defs.base.asset_specs import landing_key
from mews_assets.defs.base.metadata_keys import GIVEN_UP, QUESTION, REASON
from mews_assets.ingest.pending_exports import ExportFailure, newly_given_up
from mews_assets.ingest.sensor_state import request_json
from mews_assets.windows import to_api


def observations(
    table: Table, before: Iterable[ExportFailure], after: Iterable[ExportFailure]
) -> list[dg.AssetObservation]:
    """What has been given up between two ticks of a sensor, and what has been brought since by somebody."""
    earlier, now = list(before), list(after)
    return [
        *(_observation(table, one, given_up=True) for one in newly_given_up(earlier, now)),
        *(_observation(table, one, given_up=False) for one in newly_given_up(now, earlier)),
    ]


def _observation(table: Table, trouble: ExportFailure, *, given_up: bool) -> dg.AssetObservation:
    question = trouble.request
    asked = f"{len(question.scopes)} scopes, {to_api(question.window.start)} to {to_api(question.window.end)}"
    said = f"given up: {trouble.reason}" if given_up else "no longer given up"
    return dg.AssetObservation(
        landing_key(table),
        description=f"{asked}: {said}",
        metadata={
            GIVEN_UP: given_up,
            REASON: trouble.reason,
            "failures": trouble.failures,
            QUESTION: dg.MetadataValue.json(request_json(question)),
        },
    )

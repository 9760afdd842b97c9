"""Abandoned exports: the event that a sensor asks Mews no more for some partitions, and the one that revokes it.

Lives here: observations of the landing assets, returned by the sensors. The asset's page shows them, and the alerts
read them. Not here: when a sensor gives up (`ingest.pending_exports`).
"""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg

from mews_assets.defs.base.metadata_keys import GIVEN_UP, QUESTION, REASON
from mews_assets.ingest.pending_exports import ExportFailure, newly_given_up
from mews_assets.ingest.sensor_state import request_json
from mews_assets.windows import to_api


def observations(
    landing: dg.AssetKey, before: Iterable[ExportFailure], after: Iterable[ExportFailure]
) -> list[dg.AssetObservation]:
    """An observation of each request given up between two ticks of a sensor, and of each that has landed since.

    They are of the landing asset.
    """
    earlier, now = list(before), list(after)
    return [
        *(_observation(landing, failure, given_up=True) for failure in newly_given_up(earlier, now)),
        *(_observation(landing, failure, given_up=False) for failure in newly_given_up(now, earlier)),
    ]


def _observation(landing: dg.AssetKey, failure: ExportFailure, *, given_up: bool) -> dg.AssetObservation:
    request = failure.request
    asked = f"{len(request.scopes)} scopes, {to_api(request.window.start)} to {to_api(request.window.end)}"
    state = f"given up: {failure.reason}" if given_up else "no longer given up"
    return dg.AssetObservation(
        landing,
        description=f"{asked}: {state}",
        metadata={
            GIVEN_UP: given_up,
            REASON: failure.reason,
            "failures": failure.failures,
            QUESTION: dg.MetadataValue.json(request_json(request)),
        },
    )

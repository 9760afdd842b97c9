"""The check `captures_merged`: whether every capture of a table is in changes, and why those that are not, are not.

Lives here: the check's spec and its verdict on the table as a whole, from the lake's state: a capture that one run did
not merge fails the check in every run of the table until it is merged. Not here: merging (`lake.changes`).
"""

from __future__ import annotations

import dagster as dg

from mews_assets.catalog.model import Table
from mews_assets.defs.checks import markdown
from mews_assets.defs.namespace import Namespace
from mews_assets.lake.landing.unmerged_captures import unmerged_of
from mews_assets.lake.storage.lake import Lake

CAPTURES_MERGED = "captures_merged"
_SHOWN = 10


def captures_merged_spec(table: Table, namespace: Namespace) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        CAPTURES_MERGED,
        asset=namespace.changes(table),
        description="Every capture that landed is in the table, or waits for its turn. ERROR: what Mews sent is in the "
        f"landing and not in the table. One that waits is tried with every run; one set aside is not: mend the cause, "
        f"then run `mews-assets retry {table.name}`.",
    )


def captures_merged(table: Table, lake: Lake, namespace: Namespace) -> dg.AssetCheckEvaluation:
    """The verdict on the table as it stands."""
    waiting = unmerged_of(lake, table.name)
    set_aside = sum(capture.is_set_aside for capture in waiting)
    return dg.AssetCheckEvaluation(
        asset_key=namespace.changes(table),
        check_name=CAPTURES_MERGED,
        passed=not waiting,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={
            "captures_set_aside": set_aside,
            "captures_waiting": len(waiting) - set_aside,
            **(
                {
                    "worst": markdown(
                        {
                            "capture": capture.capture,
                            "landed as": capture.table,
                            "hotels or chains": ", ".join(capture.scopes[:3]),
                            "window": capture.window,
                            "state": "set aside" if capture.is_set_aside else "waits",
                            "tries": capture.tries,
                            "cause": capture.cause,
                        }
                        for capture in waiting[:_SHOWN]
                    ),
                    "causes": dg.MetadataValue.json([capture.cause for capture in waiting[:_SHOWN]]),
                }
                if waiting
                else {}
            ),
        },
    )

"""A record that Mews changed without a new stamp, through real runs: the last content stands, and people are told."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq
import pytest

from mews_assets import catalog
from mews_assets.lake.storage import layout
from mews_assets.sandbox.running import running_sandbox
from mews_assets_tests.defs.keys import PLAIN
from mews_assets_tests.defs.stage import evaluations, materialisations
from mews_assets_tests.defs.watch import watching
from mews_assets_tests.ingest.made import NOW as MADE_NOW
from mews_assets_tests.ingest.made import made_records

ID, STAMP, DAY = "5b0e4c53-3f3c-4b8f-8ad5-000000000001", "2024-06-05T10:00:00Z", "2024-06-05"
PAYMENTS = PLAIN.changes(catalog.table("payments"))


@pytest.mark.slow
def test_a_record_changed_under_its_old_stamp_is_shown_as_it_is_now_counted_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        running_sandbox(made_records(), now=MADE_NOW) as mews,
        watching(dg.DagsterInstance.ephemeral(), mews, tmp_path, monkeypatch) as watch,
    ):
        stage = watch.stage
        scope = stage.enterprises[0]
        (key,) = stage.keys([scope], [DAY])
        assert stage.run("enterprises").success
        counted, passed = [], []
        for notes in ("before", "after", "after"):
            mews.put_record(
                "Payment", {"Id": ID, "EnterpriseId": scope, "Notes": notes}, scope=scope, stamp_utc=STAMP
            )
            mews.advance(1)
            result = stage.run("payments", [key])
            assert result.success
            counted.append(materialisations(result, PAYMENTS)[key]["numbers"]["restated"])
            passed.append(evaluations(result, PAYMENTS)["versions_stable", None])
            watch.tick()
        assert (counted, passed) == ([0, 1, 0], [True, False, True])
        with stage.lake.open_input_file(layout.changes_file("payments", scope, DAY)) as source:
            rows = pq.read_table(source)
        assert rows.column("notes").to_pylist() == ["after"]
        told = [one for one in watch.titles() if "versions_stable" in one]
        assert told == [
            "WARNING payments: versions_stable fails on 1 partition of 1 hotel",
            "RESOLVED payments: versions_stable passes again",
        ]

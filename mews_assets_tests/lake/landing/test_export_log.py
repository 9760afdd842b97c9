"""The export log: an id is on disk before anything else, and is found by whoever asks next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mews_assets.lake.errors import LakeError
from mews_assets.lake.landing import export_log
from mews_assets.lake.landing.export_log import LoggedExport
from mews_assets_tests.lake.made import NORTH, SOUTH, at, days

ASKED = LoggedExport("export-1", "portfolio", "order_items", (NORTH, SOUTH), days(2, 4), at(9, 0.123))


def test_a_saved_export_is_found_as_it_was_asked(lake):
    export_log.save(lake, ASKED)
    assert export_log.logged_exports(lake, "portfolio", "order_items") == [ASKED]


def test_exports_are_told_apart_by_connection_and_table_and_come_oldest_first(lake):
    younger = replace(ASKED, id="export-0", asked_at=at(10))
    for one in (
        younger,
        ASKED,
        replace(ASKED, id="x", table="payments"),
        replace(ASKED, connection="hotel-1"),
    ):
        export_log.save(lake, one)
    assert export_log.logged_exports(lake, "portfolio", "order_items") == [ASKED, younger]
    assert export_log.logged_exports(lake, "hotel-2", "order_items") == []


def test_a_forgotten_export_is_gone_and_may_be_forgotten_twice(lake):
    export_log.save(lake, ASKED)
    export_log.remove(lake, ASKED)
    export_log.remove(lake, ASKED)
    assert export_log.logged_exports(lake, "portfolio", "order_items") == []


def test_an_export_that_lands_while_the_log_is_read_is_owed_no_more(lake, monkeypatch):
    export_log.save(lake, ASKED)
    export_log.save(lake, replace(ASKED, id="export-2"))
    real = type(lake).files

    def files_before_one_lands(self, folder, **more):
        found = real(self, folder, **more)
        export_log.remove(self, ASKED)
        return found

    monkeypatch.setattr(type(lake), "files", files_before_one_lands)
    assert [one.id for one in export_log.logged_exports(lake, "portfolio", "order_items")] == ["export-2"]


def test_an_export_that_cannot_be_read_is_an_error_and_not_no_export(lake):
    lake.write("state/exports/portfolio/export-1.json", b"{")
    with pytest.raises(LakeError, match="restore it or move it away"):
        export_log.logged_exports(lake, "portfolio", "order_items")


@pytest.mark.parametrize("field", ["id", "table", "scopes", "start_utc", "end_utc", "asked_at"])
def test_an_export_that_lacks_a_field_is_an_error_that_names_file_and_field(lake, field):
    export_log.save(lake, ASKED)
    name = "state/exports/portfolio/export-1.json"
    stored = lake.read_json(name)
    del stored[field]
    lake.write_json(name, stored)
    with pytest.raises(LakeError, match=f"export-1.json cannot be read .*`{field}`.*restore it"):
        export_log.logged_exports(lake, "portfolio", "order_items")


def test_an_export_saved_by_an_earlier_version_is_read(lake):
    text = (
        '{"id": "export-1", "table": "order_items", "scopes": ["%s", "%s"], "start_utc": "2026-03-02T00:00:00Z", '
        '"end_utc": "2026-03-04T00:00:00Z", "asked_at": "2026-03-09T00:07:22.800000Z"}'
    )
    lake.write("state/exports/portfolio/export-1.json", (text % (NORTH, SOUTH)).encode())
    assert export_log.logged_exports(lake, "portfolio", "order_items") == [ASKED]

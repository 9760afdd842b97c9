"""Settings: every variable when it is left out, right and wrong, and that no message ever holds a token."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mews_assets import catalog
from mews_assets.catalog.privacy import Pii, Privacy
from mews_assets.cli import home
from mews_assets.settings import (
    DEFAULT_CLIENT,
    VARIABLES,
    Connection,
    SettingError,
    Settings,
    read_privacy,
    read_secret,
    read_settings,
)
from mews_assets.windows import Grain, Lookback
from mews_assets_tests import ROOT

TOKEN = "C66EF7B239D24632943D115EDE9CB810-EA00F8FD8294692C940F6B5A8F9453D"


def read(**variables: str) -> Settings:
    return read_settings({"MEWS_START_DATE": "2026-01-01", **variables})


def connections(folder: Path, text: str) -> tuple[Connection, ...]:
    file = folder / "connections.toml"
    file.write_text(text)
    return read(MEWS_CONNECTIONS=str(file)).connections


def test_only_the_first_day_has_no_default() -> None:
    settings = read()
    assert settings == Settings(
        platform_address="https://api.mews-demo.com",
        client=DEFAULT_CLIENT,
        lake="data/lake",
        start=datetime(2026, 1, 1, tzinfo=UTC),
        grain=Grain.DAILY,
        tables=catalog.tables(),
        connections=(Connection("default", "MEWS_ACCESS_TOKEN"),),
        client_token_variable="MEWS_CLIENT_TOKEN",
    )
    with pytest.raises(SettingError, match="MEWS_START_DATE"):
        read_settings({})


def test_an_empty_variable_is_one_left_out() -> None:
    names = ("PLATFORM_ADDRESS", "CLIENT", "LAKE", "WINDOW", "TABLES", "FETCH", "CONNECTIONS")
    assert read(**{f"MEWS_{name}": "" for name in names}) == read()


@pytest.mark.parametrize(
    ("variable", "given", "field", "read_as"),
    [
        ("MEWS_PLATFORM_ADDRESS", "https://api.mews.com/", "platform_address", "https://api.mews.com"),
        ("MEWS_PLATFORM_ADDRESS", "http://127.0.0.1:8080", "platform_address", "http://127.0.0.1:8080"),
        ("MEWS_CLIENT", " Our Hotels 2.1 ", "client", "Our Hotels 2.1"),
        ("MEWS_LAKE", "/srv/lake", "lake", "/srv/lake"),
        ("MEWS_LAKE", "s3://bucket/lake", "lake", "s3://bucket/lake"),
        ("MEWS_LAKE", "abfss://box@account.dfs.core.windows.net/lake", "lake", None),
        ("MEWS_START_DATE", " 2024-02-29 ", "start", datetime(2024, 2, 29, tzinfo=UTC)),
        ("MEWS_WINDOW", "hourly", "grain", Grain.HOURLY),
        ("MEWS_WINDOW", "weekly", "grain", Grain.WEEKLY),
        ("MEWS_WINDOW", "monthly", "grain", Grain.MONTHLY),
        ("MEWS_ALLOWED_LAG_HOURS", "168", "allowed_lag", timedelta(days=7)),
        ("MEWS_LOOKBACK", "", "lookback", Lookback(windows=2)),
        ("MEWS_LOOKBACK", "3", "lookback", Lookback(windows=3)),
        ("MEWS_LOOKBACK", "36h", "lookback", Lookback(length=timedelta(hours=36))),
        ("MEWS_MEMORY", "", "memory", 1 << 30),
        ("MEWS_MEMORY", " 512 mib ", "memory", 512 << 20),
        ("MEWS_MEMORY", "4GiB", "memory", 4 << 30),
    ],
)
def test_a_right_value_is_taken(variable: str, given: str, field: str, read_as: object) -> None:
    assert getattr(read(**{variable: given}), field) == (given if read_as is None else read_as)


@pytest.mark.parametrize(
    ("variable", "given", "accepted"),
    [
        ("MEWS_MEMORY", "255MiB", "from 256MiB to 1024GiB"),
        ("MEWS_MEMORY", "1025GiB", "from 256MiB to 1024GiB"),
        ("MEWS_MEMORY", "1GB", "from 256MiB to 1024GiB"),
        ("MEWS_MEMORY", "-1GiB", "from 256MiB to 1024GiB"),
        ("MEWS_MEMORY", "1073741824", "from 256MiB to 1024GiB"),
        ("MEWS_ALLOWED_LAG_HOURS", "0", "whole hours from 1 to 168"),
        ("MEWS_LOOKBACK", "0", "whole windows from 1 to 31, such as 2, and hours from 1h to 744h"),
        ("MEWS_LOOKBACK", "0h", "whole windows from 1 to 31"),
        ("MEWS_LOOKBACK", "2 days", "whole windows from 1 to 31"),
        ("MEWS_LOOKBACK", "32", "whole windows from 1 to 31"),
        ("MEWS_ALLOWED_LAG_HOURS", "2.5", "whole hours from 1 to 168"),
        ("MEWS_ALLOWED_LAG_HOURS", "-6", "whole hours from 1 to 168"),
        ("MEWS_PLATFORM_ADDRESS", "api.mews.com", "https://api.mews.com"),
        ("MEWS_PLATFORM_ADDRESS", "ftp://api.mews.com", "https://api.mews.com"),
        ("MEWS_PLATFORM_ADDRESS", "http://api.mews.com", "https://api.mews.com"),
        ("MEWS_PLATFORM_ADDRESS", "https://api.mews.com/app", "https://api.mews-demo.com"),
        ("MEWS_START_DATE", "", "2026-01-01"),
        ("MEWS_START_DATE", "2026-02-30", "2026-01-01"),
        ("MEWS_START_DATE", "1 January", "2026-01-01"),
        ("MEWS_WINDOW", "yearly", "hourly, daily, weekly, monthly"),
        ("MEWS_WINDOW", "Daily", "hourly, daily, weekly, monthly"),
        ("MEWS_TABLES", "order_itens", "order_items, payments"),
        ("MEWS_FETCH", "page", "export or pages for all tables"),
        ("MEWS_FETCH", "reservations", "export or pages for all tables"),
        ("MEWS_FETCH", "reservations=paged", "reservations, customers, companies"),
        ("MEWS_FETCH", "reservation=pages", "there is no table reservation;"),
        (
            "MEWS_FETCH",
            "ledger_entries=paged",
            "or ledger_entries=pages, an operation that Mews does not document",
        ),
        ("MEWS_FETCH", "outlet_items=export", "outlet_items comes by pages only;"),
        ("MEWS_FETCH", "bills=pages,bills=export", "bills is given two methods;"),
        ("MEWS_FETCH", "pages,export", "every table is given two methods;"),
        ("MEWS_LAKE", "ftp://host/lake", "s3://"),
        ("MEWS_LAKE", "s3://", "s3://"),
        ("MEWS_CONNECTIONS", "no/such/file.toml", "TOML file"),
    ],
)
def test_a_wrong_value_is_told_with_its_variable_and_what_is_accepted(
    variable: str, given: str, accepted: str
) -> None:
    with pytest.raises(SettingError) as caught:
        read(**{variable: given})
    message = str(caught.value)
    assert variable in message
    assert f"'{given}'" in message
    assert accepted in message
    assert "\n" not in message


@pytest.mark.parametrize("address", ["https://api.mews.com:port", "https://a\nb"])
def test_an_address_that_cannot_be_parsed_is_a_wrong_setting_too(address: str) -> None:
    with pytest.raises(SettingError, match="MEWS_PLATFORM_ADDRESS"):
        read(MEWS_PLATFORM_ADDRESS=address)


def test_some_tables_come_in_the_catalogs_order_and_each_once() -> None:
    settings = read(MEWS_TABLES="payments, order_items,, payments")
    assert [table.name for table in settings.tables] == ["order_items", "payments"]


def test_who_asks_for_outlet_items_gets_their_bills_as_well() -> None:
    """One request brings both."""
    settings = read(MEWS_TABLES="outlet_bills")
    assert [table.name for table in settings.tables] == ["outlet_items", "outlet_bills"]


def ways(given: str) -> dict[str, str]:
    return {table.name: table.fetch.way.value for table in read(MEWS_FETCH=given).tables}


ONLY_BY_PAGES = {"product_service_orders", "outlet_items", "outlet_bills", "source_assignments"}


def test_exports_are_preferred_where_nothing_is_said() -> None:
    by_pages = {name for name, way in ways("").items() if way == "pages"}
    assert by_pages == ONLY_BY_PAGES
    assert ways("export") == ways("") == ways(" , ")


def test_pages_for_all_leave_only_what_has_no_pages_to_exports() -> None:
    assert {name for name, way in ways("pages").items() if way == "export"} == {"ledger_entries"}


def test_undocumented_pages_are_used_only_where_the_table_is_named() -> None:
    for given in ("ledger_entries=pages", "pages,ledger_entries=pages", "export,ledger_entries=pages"):
        assert ways(given)["ledger_entries"] == "pages"


def test_a_table_is_fetched_as_its_own_word_says_whatever_is_said_for_all() -> None:
    chosen = {name for name, way in ways(" reservations = pages , bills=pages").items() if way == "pages"}
    assert chosen == {"reservations", "bills", *ONLY_BY_PAGES}
    for given in ("pages,order_items=export", "order_items=export,pages"):
        assert {name for name, way in ways(given).items() if way == "export"} == {
            "order_items",
            "ledger_entries",
        }


def test_a_way_for_a_table_that_is_not_wanted_is_no_mistake() -> None:
    settings = read(MEWS_TABLES="payments", MEWS_FETCH="reservations=pages")
    assert [(table.name, table.fetch.way) for table in settings.tables] == [("payments", "export")]


def test_every_connection_names_the_variable_of_its_token(tmp_path: Path) -> None:
    text = """
        [[connections]]
        name = "prague"
        access_token_variable = "MEWS_ACCESS_TOKEN_PRAGUE"
        enterprises = ["a", "b"]
        [[connections]]
        name = "berlin-2"
        access_token_variable = "BERLIN"
    """
    assert connections(tmp_path, text) == (
        Connection("prague", "MEWS_ACCESS_TOKEN_PRAGUE", ("a", "b")),
        Connection("berlin-2", "BERLIN"),
    )


def connection_row(**changes: str) -> str:
    given = {"name": '"prague"', "access_token_variable": '"PRAGUE"'} | changes
    return "[[connections]]\n" + "\n".join(f"{name} = {value}" for name, value in given.items())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", r"no \[\[connections\]\]"),
        ("connections = []", r"no \[\[connections\]\]"),
        ("connections = 5", r"no \[\[connections\]\]"),
        ("connections = [5]", "accepted are name"),
        ("[[connections]", "cannot be read"),
        (f'client_token = "{TOKEN}"\n{connection_row()}', "client_token"),
        (connection_row(access_token=f'"{TOKEN}"'), "access_token;"),
        (connection_row(access_token_variable=f'"{TOKEN}"'), "not the token itself"),
        (connection_row(access_token_variable=f'"{TOKEN.replace("-", "")}"'), "not the token itself"),
        (connection_row(access_token_variable="5"), "not the token itself"),
        ('[[connections]]\nname = "prague"', "not the token itself"),
        (connection_row(name='"../prague"'), "letters, digits"),
        (connection_row(name='"_prague"'), "letters, digits"),
        (connection_row(name='"prähg"'), "letters, digits"),
        (connection_row(name='""'), "letters, digits"),
        ('[[connections]]\naccess_token_variable = "PRAGUE"', "letters, digits"),
        (connection_row(enterprises='"a"'), "list of ids"),
        (connection_row(enterprises="[1]"), "list of ids"),
        (connection_row() + "\n" + connection_row(), "a name twice"),
    ],
)
def test_wrong_connections_are_told_with_the_file_and_without_any_token(
    tmp_path: Path, text: str, told: str
) -> None:
    with pytest.raises(SettingError, match=told) as caught:
        connections(tmp_path, text)
    message = str(caught.value)
    assert message.startswith("MEWS_CONNECTIONS")
    assert "connections.toml" in message
    assert TOKEN[:20] not in message


def test_connections_that_are_no_text_are_told(tmp_path: Path) -> None:
    (tmp_path / "connections.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingError, match=r"MEWS_CONNECTIONS.*cannot be read"):
        read(MEWS_CONNECTIONS=str(tmp_path / "connections.toml"))


@pytest.mark.parametrize(
    "lake", [f"s3://key:{TOKEN}@bucket/lake", f"s3://{TOKEN}@bucket", f"ftp://u:{TOKEN}@h"]
)
def test_a_key_in_the_lakes_uri_is_refused_and_not_repeated(lake: str) -> None:
    with pytest.raises(SettingError, match="MEWS_LAKE") as caught:
        read(MEWS_LAKE=lake)
    assert TOKEN not in str(caught.value)


def test_a_user_in_the_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(SettingError, match="MEWS_PLATFORM_ADDRESS") as caught:
        read(MEWS_PLATFORM_ADDRESS=f"https://user:{TOKEN}@api.mews.com")
    assert TOKEN not in str(caught.value)


def test_settings_hold_no_token() -> None:
    settings = read(MEWS_CLIENT_TOKEN=TOKEN, MEWS_ACCESS_TOKEN=TOKEN)
    assert TOKEN not in repr(settings)


def test_a_secret_is_read_without_its_blanks() -> None:
    assert read_secret({"MEWS_CLIENT_TOKEN": f" {TOKEN}\n"}, "MEWS_CLIENT_TOKEN") == TOKEN


@pytest.mark.parametrize("environment", [{}, {"MEWS_CLIENT_TOKEN": ""}, {"MEWS_CLIENT_TOKEN": " "}])
def test_a_missing_secret_is_told_by_the_name_of_its_variable(environment: dict[str, str]) -> None:
    with pytest.raises(SettingError, match=r"MEWS_CLIENT_TOKEN is not set.*\.env"):
        read_secret(environment, "MEWS_CLIENT_TOKEN")


def test_dotenv_does_not_override_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("MEWS_WINDOW=weekly\nMEWS_CLIENT=from the file 1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEWS_WINDOW", "monthly")
    monkeypatch.setenv("MEWS_CLIENT", "")  # so that what is loaded is undone after the test
    monkeypatch.delenv("MEWS_CLIENT")
    home.load_dotenv()
    assert os.environ["MEWS_WINDOW"] == "monthly"
    assert os.environ["MEWS_CLIENT"] == "from the file 1"


def test_the_example_names_every_variable_and_reads_as_it_stands() -> None:
    example = ROOT / ".env.example"
    given = dict(re.findall(r"^([A-Z_]+)=(.*)$", example.read_text(), re.MULTILINE))
    assert read_settings(given).start == datetime(2026, 1, 1, tzinfo=UTC)
    package = ROOT / "mews_assets"
    code = "".join(path.read_text() for path in [package / "settings.py", *package.glob("defs/*.py")])
    assert set(re.findall(r'"(MEWS_[A-Z_]+)"', code)) == set(given) == set(VARIABLES)


def test_hourly_windows_leave_out_what_mews_filters_by_whole_days() -> None:
    found = read_settings({"MEWS_START_DATE": "2026-01-01", "MEWS_WINDOW": "hourly"})
    assert "ledger_entries" not in {table.name for table in found.tables}
    assert "order_items" in {table.name for table in found.tables}


def test_hourly_windows_refuse_a_table_by_days_that_was_named() -> None:
    with pytest.raises(SettingError, match="ledger_entries by whole days"):
        read_settings(
            {"MEWS_START_DATE": "2026-01-01", "MEWS_WINDOW": "hourly", "MEWS_TABLES": "ledger_entries"}
        )


PII_KEY = "zq7-a-key-that-nobody-may-see"


def test_personal_data_is_kept_unless_told_otherwise_and_landings_for_good() -> None:
    assert (read().pii, read().landing_days) == (Pii.KEEP, None)
    assert (read(MEWS_PII="DROP").pii, read(MEWS_LANDING_DAYS=" 400 ").landing_days) == (Pii.DROP, 400)


@pytest.mark.parametrize("days", ["0", "-1", "3651", "1.5", "soon"])
def test_landing_days_that_are_no_days_are_refused(days: str) -> None:
    with pytest.raises(SettingError, match=r"MEWS_LANDING_DAYS.*accepted are whole days from 1 to 3650"):
        read(MEWS_LANDING_DAYS=days)


def test_a_policy_nobody_knows_is_refused() -> None:
    with pytest.raises(SettingError, match="MEWS_PII is 'blur'; accepted are keep, hash, drop"):
        read(MEWS_PII="blur")


def test_hashing_needs_a_key_and_the_settings_never_hold_it() -> None:
    assert PII_KEY not in repr(read(MEWS_PII="hash", MEWS_PII_KEY=PII_KEY))
    privacy = read_privacy({"MEWS_PII": "hash", "MEWS_PII_KEY": PII_KEY})
    assert privacy == Privacy(Pii.HASH, PII_KEY.encode())
    assert PII_KEY not in repr(privacy)
    assert read_privacy({"MEWS_PII": "drop", "MEWS_PII_KEY": PII_KEY}) == Privacy(Pii.DROP)


@pytest.mark.parametrize(("key", "problem"), [("", "is not set"), ("short", "is too short")])
def test_a_key_that_is_missing_or_can_be_guessed_is_refused_and_not_told(key: str, problem: str) -> None:
    with pytest.raises(SettingError, match=f"MEWS_PII_KEY {problem}: .*at least 16 characters") as caught:
        read_privacy({"MEWS_PII": "hash", "MEWS_PII_KEY": key})
    assert not key or key not in str(caught.value).replace("too short", "")


def test_standard_stands_for_every_table_that_is_fetched_anyway() -> None:
    assert read(MEWS_TABLES="standard").tables == read().tables
    assert read(MEWS_TABLES="payments,standard").tables == read().tables


def test_reference_tables_that_are_named_are_read_besides_the_usual_ones_with_those_they_need() -> None:
    usual = {one.name for one in read().references}
    assert {"enterprises", "resources", "rates", "exchange_rates"} <= usual
    assert not {"vouchers", "voucher_codes", "devices"} & usual
    named = read(MEWS_TABLES="payments,voucher_codes")
    assert [one.name for one in named.tables] == ["payments"]
    assert {one.name for one in named.references} == usual | {"vouchers", "voucher_codes"}


def test_a_key_prefix_has_parts_and_names_groups_unless_they_have_a_prefix_of_their_own() -> None:
    assert (read().key_prefix, read().group_prefix) == ((), "")
    settings = read(MEWS_KEY_PREFIX="hotels/east_london")
    assert (settings.key_prefix, settings.group_prefix) == (("hotels", "east_london"), "hotels__east_london")
    assert read(MEWS_KEY_PREFIX="hotels", MEWS_GROUP_PREFIX="mews").group_prefix == "mews"


@pytest.mark.parametrize("prefix", ["London", "a//b", "a/", "a__b", "_a", "a_", "1a", "a b", "a-b", "ä"])
@pytest.mark.parametrize("variable", ["MEWS_KEY_PREFIX", "MEWS_GROUP_PREFIX"])
def test_a_prefix_that_could_not_be_read_back_from_a_name_is_refused(variable: str, prefix: str) -> None:
    with pytest.raises(SettingError, match=f"{variable} is '{prefix}'; accepted is a name of lower-case"):
        read(**{variable: prefix})

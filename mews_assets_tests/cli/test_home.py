"""The home: one trial sandbox for as long as it lives, and a Dagster instance made once."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mews_assets.cli import home
from mews_assets.cli.sandbox_process import point_at, sandbox_process
from mews_assets_tests import ROOT

NOW = datetime(2025, 3, 10, 12, 0, 0, 5, tzinfo=UTC)


def test_the_trial_is_the_same_from_one_start_to_the_next(tmp_path: Path) -> None:
    first = home.trial(NOW, tmp_path / "data")
    assert first.began == NOW.replace(microsecond=0)
    assert home.trial(NOW + timedelta(days=10), tmp_path / "data") == first


def test_a_trial_whose_hotels_live_no_longer_is_refused_with_what_to_do(tmp_path: Path) -> None:
    home.trial(NOW, tmp_path)
    with pytest.raises(home.HomeError, match="Remove the folder"):
        home.trial(NOW + timedelta(days=26), tmp_path)


@pytest.mark.parametrize("content", ["", "{}", '{"began": 5}', '{"began": "yesterday"}', "[]"])
def test_a_trial_that_cannot_be_read_is_refused_with_what_to_do(tmp_path: Path, content: str) -> None:
    (tmp_path / "sandbox.json").write_text(content)
    with pytest.raises(home.HomeError, match="Remove the folder"):
        home.trial(NOW, tmp_path)


def test_the_demonstration_fetches_31_days(tmp_path: Path) -> None:
    trial = home.trial(NOW, tmp_path)
    assert trial.start_date == "2025-02-07"
    assert trial.days >= 31


def test_preparing_makes_the_instance_with_this_projects_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dagster as dg

    (tmp_path / "dagster.yaml").write_bytes((ROOT / "dagster.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", "")
    made = home.prepare(tmp_path / "data")
    assert made == tmp_path / "data" / "dagster"
    assert os.environ["DAGSTER_HOME"] == str(made)
    with dg.DagsterInstance.get() as instance:
        assert instance.get_settings("concurrency")["pools"] == {"granularity": "op", "default_limit": 4}
        assert not instance.telemetry_enabled
    (made / "dagster.yaml").unlink()
    (made / "dagster.yaml").symlink_to(tmp_path / "where-the-project-was" / "dagster.yaml")
    assert home.prepare(tmp_path / "data") == made
    assert (made / "dagster.yaml").exists()


@pytest.mark.parametrize(("token", "expected"), [("abc", True), ("", False), (" ", False)])
def test_tokens_that_are_blank_are_none(token: str, expected: bool) -> None:
    assert home.has_tokens({"MEWS_CLIENT_TOKEN": token}) is expected
    assert not home.has_tokens({})


@pytest.mark.slow
def test_a_sandbox_process_serves_until_its_block_ends_and_tells_the_real_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import httpx

    for name in ("MEWS_PLATFORM_ADDRESS", "MEWS_CLIENT_TOKEN", "MEWS_ACCESS_TOKEN", "MEWS_START_DATE"):
        monkeypatch.setenv(name, "before")
    monkeypatch.setenv("MEWS_CONNECTIONS", "of-a-real-house.toml")
    now = home.utc_now()
    trial = home.Trial(now - timedelta(days=2), hotels=1, days=1)
    with sandbox_process(trial, export_seconds=0) as settings:
        point_at(settings, trial)
        assert os.environ["MEWS_PLATFORM_ADDRESS"] == settings["MEWS_PLATFORM_ADDRESS"]
        assert "MEWS_CONNECTIONS" not in os.environ
        clock = httpx.get(f"{settings['MEWS_PLATFORM_ADDRESS']}/control/clock").json()["Now"]
        assert abs(datetime.fromisoformat(clock) - now) < timedelta(minutes=1)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{settings['MEWS_PLATFORM_ADDRESS']}/control/clock")


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    ("settings", "real_lake", "is_demo"),
    [
        ("", False, True),
        ("", True, False),
        ("MEWS_CLIENT_TOKEN=ours", False, False),
        ("MEWS_LAKE=somewhere", False, False),
    ],
)
def test_without_tokens_and_a_lake_of_ones_own_the_lake_is_the_demonstrations(
    settings: str, real_lake: bool, is_demo: bool
) -> None:
    """So that `sql` and `status` find what `make demo` has made, and nobody's real lake is mistaken for it."""
    (home.DEMO / "lake").mkdir(parents=True)
    (home.DEMO / "dagster").mkdir()
    (home.DATA / "dagster").mkdir()
    if real_lake:
        (home.DATA / "lake").mkdir()
    Path(".env").write_text(settings)
    home.load_dotenv()
    assert home.is_demo(os.environ) == is_demo
    beside = home.DEMO if is_demo else home.DATA
    assert home.dagster_home() == str((beside / "dagster").absolute())


def test_cleaning_up_takes_the_demonstration_and_nothing_else() -> None:
    """Mews gives an old window only once: a lake of real hotels cannot be fetched again."""
    makefile = (ROOT / "Makefile").read_text()
    recipe = makefile.partition("\nclean:")[2].splitlines()[1]
    assert recipe.split() == ["rm", "-rf", home.DEMO.as_posix()]

"""A partition that no connection sees: a clear sentence at launch, before anything is asked of Mews."""

from __future__ import annotations

import dagster as dg
import pytest

from mews_assets import catalog
from mews_assets_tests.defs.keys import PLAIN
from mews_assets_tests.defs.runs import add_scopes, fold_run, snapshot_run
from mews_assets_tests.defs.stage import DAYS, RANGE_END, RANGE_START, Stage, failure_of, materialisations

PAYMENTS = catalog.table("payments")
PARTITION = "dagster/partition"
TYPED = "London"


@pytest.fixture
def typed(stage: Stage) -> Stage:
    """Somebody typed a place into the picker of the UI, and it became a partition."""
    add_scopes(stage)
    stage.instance.add_dynamic_partitions("enterprises", [TYPED])
    return stage


def run_of(stage: Stage, what: str) -> dg.ExecuteInProcessResult:
    if what == "windows":
        return stage.run("payments", tags={PARTITION: stage.key(TYPED, DAYS[0])})
    if what == "several windows":
        keys = stage.keys([TYPED])
        return stage.run("payments", tags={RANGE_START: keys[0], RANGE_END: keys[-1]})
    if what == "run config":
        return stage.run("payments", stage.keys([TYPED]))
    if what == "current":
        return fold_run(stage, PAYMENTS, **{PARTITION: TYPED})
    return snapshot_run(stage, PAYMENTS, tags={PARTITION: TYPED})


@pytest.mark.parametrize("what", ["windows", "several windows", "run config", "current", "snapshot"])
def test_it_ends_in_a_sentence_with_similar_hotels_and_how_to_delete_it(typed: Stage, what: str) -> None:
    result = run_of(typed, what)
    assert not result.success
    failure = failure_of(result).user_failure_data
    assert (
        "no connection sees the enterprise London. Similar are: The Gilded Heron London (the-"
        in failure.description
    )
    assert (
        "delete the partition London on the page of an asset that has it: the arrow beside"
        in failure.description
    )
    assert {str(key).partition("|")[0] for key in failure.metadata["failed_partitions"].value} == {TYPED}
    assert typed.mews.requests()["Requests"] == []


def test_it_stops_no_other_hotel_of_the_run(typed: Stage) -> None:
    others = typed.keys(days=DAYS[:1])
    result = typed.run("payments", [*others, typed.key(TYPED, DAYS[0])])
    assert not result.success
    assert set(materialisations(result, PLAIN.changes(PAYMENTS))) == set(others)
    assert failure_of(result).user_failure_data.metadata["failed_partitions"].value == [
        typed.key(TYPED, DAYS[0])
    ]


@pytest.mark.parametrize("name", ["key", "id", "part of the name"])
def test_run_config_takes_a_key_an_id_or_a_unique_part_of_the_name(stage: Stage, name: str) -> None:
    add_scopes(stage)
    (hotel,) = [one for one in stage.enterprises if "London" in stage.directory.enterprises[one].name]
    text = {"key": stage.key(hotel), "id": hotel, "part of the name": "london"}[name]
    result = stage.run("payments", [f"{text}|{DAYS[0]}"])
    assert set(materialisations(result, PLAIN.changes(PAYMENTS))) == {stage.key(hotel, DAYS[0])}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("the", "'the' names 2 scopes: The "),
        ("Lantren", "sees the enterprise Lantren. Similar are: The Lantern"),
    ],
)
def test_a_name_in_run_config_that_names_none_or_several_is_refused_before_any_request(
    stage: Stage, text: str, sentence: str
) -> None:
    add_scopes(stage)
    result = stage.run("payments", [f"{text}|{DAYS[0]}", stage.keys()[0]])
    assert not result.success
    assert sentence in failure_of(result).user_failure_data.description
    assert stage.mews.requests()["Requests"] == []

"""Reference tables: what a row of the catalog may say, and the order in which they are read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mews_assets.catalog.columns import integer, string
from mews_assets.catalog.entities.reference import REFERENCES
from mews_assets.catalog.reference_model import (
    Owner,
    ParentIds,
    Reference,
    Whole,
    in_order,
    request_of,
    with_parents,
)

BASKETS = Reference(
    "baskets",
    "Basket",
    "One row per basket.",
    (string("Id", "Id.", required=True), string("EnterpriseId", "Whose it is."), integer("Size", "Size.")),
    Whole("baskets/getAll", ("Baskets",)),
)
TOWELS = replace(
    BASKETS,
    name="towels",
    entity="Towel",
    columns=(string("Id", "Id.", required=True), string("BasketId", "Its basket.")),
    fetch=Whole("towels/getAll", ("Towels",), parents=(ParentIds("BasketIds", "baskets"),)),
    owner=Owner("BasketId", through="baskets"),
)
RIBBONS = replace(
    TOWELS, name="ribbons", entity="Ribbon", fetch=replace(TOWELS.fetch, records_keys=("Ribbons",))
)


def names(groups: Any) -> list[list[str]]:
    return [[one.name for one in group] for group in groups]


def test_parents_are_read_before_their_children_and_tables_of_one_request_at_once() -> None:
    assert names(in_order([RIBBONS, TOWELS, BASKETS])) == [["baskets"], ["ribbons", "towels"]]
    assert names(in_order([TOWELS])) == [["towels"]], "the parent stands in the lake already"


def test_tables_that_need_one_another_are_refused() -> None:
    baskets = replace(BASKETS, fetch=replace(BASKETS.fetch, parents=(ParentIds("TowelIds", "towels"),)))
    with pytest.raises(ValueError, match="baskets, towels"):
        list(in_order([baskets, TOWELS]))


def test_a_chosen_table_brings_those_that_it_needs() -> None:
    assert with_parents([TOWELS], [BASKETS, TOWELS, RIBBONS]) == (BASKETS, TOWELS)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"owner": Owner("ChainId")}, "no column ChainId"),
        ({"keyed_by": ("Code",)}, "no column Code"),
        ({"keyed_by": ("EnterpriseId",)}, "the first column must be EnterpriseId"),
        ({"keyed_by": ("Size",)}, "must be a text"),
        ({"for_everyone": True}, "has no owner"),
        ({"daily": True, "vanishes": True}, "the days without one"),
        ({"name": "Baskets"}, "snake_case"),
    ],
)
def test_a_reference_table_that_makes_no_sense_is_refused(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=f"table .*{complaint}"):
        replace(BASKETS, **change)


def test_the_catalog_lists_each_table_after_those_it_needs() -> None:
    seen = set[str]()
    for reference in REFERENCES:
        assert set(reference.parents) <= seen, reference.name
        seen.add(reference.name)


def test_what_is_standard_needs_nothing_that_is_not() -> None:
    standard = [one for one in REFERENCES if one.is_standard]
    assert list(with_parents(standard, REFERENCES)) == standard


def test_the_tables_of_one_operation_share_a_request() -> None:
    requests = {request_of(one) for one in REFERENCES}
    assert len(requests) == len({one.fetch.operation for one in REFERENCES})

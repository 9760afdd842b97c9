"""Paging: where it ends, what stops it, and how it asks for less."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from mews_assets.api import Pages, PermanentError, RepeatedCursorError, TooLargeError
from mews_assets_tests.api.stage import ScriptedMews, client_of, ok, outlet_page, refusal

OPERATION = "outletItems/getAll"
KEYS = ("OutletItems", "OutletBills")


def pages_of(mews: ScriptedMews, count: int = 2, body: dict[str, Any] | None = None) -> Pages:
    return Pages(client_of(mews), OPERATION, KEYS, body or {}, count)


def ids_of(pages: Pages) -> list[bytes]:
    return [record for page in pages for record in page.records["OutletItems"]]


def limitations(mews: ScriptedMews) -> list[dict[str, Any]]:
    return [body["Limitation"] for body in mews.bodies]


def test_pages_follow_the_cursor_until_an_empty_page() -> None:
    mews = ScriptedMews(
        outlet_page("ab", "b"), outlet_page("cd", "d"), outlet_page("e", "e"), outlet_page("", None)
    )
    assert ids_of(pages_of(mews, body={"Currency": "EUR"})) == [b'{"Id": "%c"}' % c for c in b"abcde"]
    assert limitations(mews) == [
        {"Count": 2},
        {"Count": 2, "Cursor": "b"},
        {"Count": 2, "Cursor": "d"},
        {"Count": 2, "Cursor": "e"},
    ]
    assert {body["Currency"] for body in mews.bodies} == {"EUR"}


def test_a_short_page_with_a_cursor_is_not_the_last() -> None:
    """Nobody says that a server sends as many as it is asked for: some send at most 500."""
    mews = ScriptedMews(
        outlet_page("a", "a"), outlet_page("bcd", "d"), outlet_page("e", "e"), httpx.Response(204)
    )
    assert len(ids_of(pages_of(mews, count=1000))) == 5
    assert [one.get("Cursor") for one in limitations(mews)] == [None, "a", "d", "e"]


def test_a_null_cursor_ends_a_short_page() -> None:
    mews = ScriptedMews(outlet_page("ab", "b"), outlet_page("c", None), outlet_page("xx", "x"))
    assert len(ids_of(pages_of(mews))) == 3
    assert len(mews.requests) == 2


def test_an_empty_page_is_the_last_whatever_its_cursor() -> None:
    mews = ScriptedMews(outlet_page("ab", "b"), outlet_page("", "b"), outlet_page("xx", "x"))
    assert len(ids_of(pages_of(mews))) == 2
    assert len(mews.requests) == 2


def test_a_short_page_whose_cursor_came_before_stops_the_pull() -> None:
    mews = ScriptedMews(outlet_page("a", "a"), outlet_page("b", "a"))
    with pytest.raises(RepeatedCursorError, match="cursor a"):
        ids_of(pages_of(mews, count=1000))
    assert len(mews.requests) == 2


def test_a_null_cursor_ends_a_full_page() -> None:
    mews = ScriptedMews(outlet_page("ab", None))
    assert len(ids_of(pages_of(mews))) == 2
    assert len(mews.requests) == 1


def test_a_full_last_page_costs_one_more_empty_page() -> None:
    mews = ScriptedMews(outlet_page("ab", "b"), outlet_page("", None))
    assert [len(page.records["OutletItems"]) for page in pages_of(mews)] == [2, 0]


def test_only_the_first_list_decides_whether_a_page_is_empty() -> None:
    one = ok({"OutletItems": [{}, {}], "OutletBills": [], "Cursor": "b"})
    none = ok({"OutletItems": [], "OutletBills": [{}, {}, {}], "Cursor": "c"})
    assert len(list(pages_of(ScriptedMews(one, none)))) == 2


def test_a_204_is_an_empty_page_with_its_request_id() -> None:
    mews = ScriptedMews(outlet_page("ab", "b"), httpx.Response(204, headers={"Request-Id": "req-9"}))
    last = list(pages_of(mews))[-1]
    assert last.records == {"OutletItems": [], "OutletBills": []}
    assert last.request_id == "req-9"
    assert mews.requests[0].headers["Prefer"] == "return=minimal"


def test_a_repeated_cursor_stops_the_pull() -> None:
    mews = ScriptedMews(outlet_page("ab", "b"), outlet_page("cd", "d"), outlet_page("ab", "b"))
    got = []
    with pytest.raises(RepeatedCursorError, match="cursor b") as caught:
        for page in pages_of(mews):
            got.append(page)
    assert len(got) == 2
    assert caught.value.request_id == "req-ok"


def test_a_page_too_heavy_is_halved_and_goes_on_from_the_same_cursor() -> None:
    forty = [str(n) for n in range(40)]
    mews = ScriptedMews(
        outlet_page(forty, "39"),
        refusal(408),
        refusal(408),
        outlet_page(forty[:10], "9"),
        outlet_page("a", None),
    )
    assert len(ids_of(pages_of(mews, count=40))) == 51
    assert limitations(mews) == [
        {"Count": 40},
        {"Count": 40, "Cursor": "39"},
        {"Count": 20, "Cursor": "39"},
        {"Count": 10, "Cursor": "39"},
        {"Count": 10, "Cursor": "9"},
    ]


def test_at_the_smallest_page_the_caller_must_shrink_the_window() -> None:
    mews = ScriptedMews(refusal(408))
    with pytest.raises(TooLargeError):
        list(pages_of(mews, count=1000))
    assert [one["Count"] for one in limitations(mews)] == [1000, 500, 250, 125, 62, 31, 15, 10]


def test_a_body_too_large_is_not_cured_by_smaller_pages() -> None:
    mews = ScriptedMews(refusal(413))
    with pytest.raises(TooLargeError, match="fewer ids"):
        list(pages_of(mews, count=1000))
    assert len(mews.requests) == 1


def test_a_small_page_asked_for_is_not_made_bigger() -> None:
    mews = ScriptedMews(refusal(408))
    with pytest.raises(TooLargeError):
        list(pages_of(mews, count=3))
    assert [one["Count"] for one in limitations(mews)] == [3]


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        ({"OutletItems": []}, "no OutletBills"),
        ({"Message": "hello"}, "no OutletItems, only Message"),
        ({"OutletItems": None, "OutletBills": []}, "OutletItems is no list"),
        ({"OutletItems": {}, "OutletBills": []}, "OutletItems is no list"),
        ({"OutletItems": [1], "OutletBills": []}, "OutletItems.0. is no object"),
        ({"OutletItems": [{}, {}], "OutletBills": []}, "no Cursor"),
        ({"OutletItems": [{}, {}], "OutletBills": [], "Cursor": 7}, "neither null nor an id"),
        ({"OutletItems": [{}, {}], "OutletBills": [], "Cursor": ""}, "neither null nor an id"),
        ({"OutletItems": [{}], "OutletBills": [], "Cursor": 7}, "neither null nor an id"),
    ],
)
def test_an_answer_without_its_records_is_an_error_and_no_empty_page(answer: object, complaint: str) -> None:
    with pytest.raises(PermanentError, match=complaint) as caught:
        list(pages_of(ScriptedMews(ok(answer))))
    assert caught.value.request_id == "req-ok" and caught.value.operation == OPERATION


def test_every_record_keeps_its_bytes_but_for_line_breaks_between_tokens() -> None:
    body = (
        b'{"OutletItems": [ {"Id":"a",\r\n  "Net": 1.10, "Gross":1e2, "Text": "2\\nlines \\u00e9 \xc3\xa9"} ,'
        b'{"Id":"b","Big":123456789012345678901234567890.10}], "OutletBills":[], "Cursor":null}'
    )
    page = next(iter(pages_of(ScriptedMews(ok(body)))))
    assert page.records["OutletItems"] == [
        b'{"Id":"a",    "Net": 1.10, "Gross":1e2, "Text": "2\\nlines \\u00e9 \xc3\xa9"}',
        b'{"Id":"b","Big":123456789012345678901234567890.10}',
    ]


def test_the_same_pages_can_be_read_again_from_the_start() -> None:
    pages = pages_of(ScriptedMews(outlet_page("a", None)))
    assert ids_of(pages) == ids_of(pages)


@pytest.mark.parametrize("count", [0, -1, 1001])
def test_a_count_that_mews_would_refuse_is_not_asked_for(count: int) -> None:
    with pytest.raises(ValueError, match="1 to 1000"):
        pages_of(ScriptedMews(ok({})), count)


def test_the_pages_own_the_limitation() -> None:
    with pytest.raises(ValueError, match="Limitation"):
        pages_of(ScriptedMews(ok({})), body={"Limitation": {"Count": 5}})

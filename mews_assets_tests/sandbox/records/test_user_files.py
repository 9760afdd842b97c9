"""The user's own records served from files."""

import gzip
from datetime import datetime

import msgspec
import pytest

from mews_assets.sandbox.records.user_files import DataError, read_data
from mews_assets.sandbox.running import running_sandbox
from mews_assets_tests.sandbox.made import NORTH, NORTH_CHAIN, NORTH_STAY, NOW, SOUTH, Client, made_id

STAMP = "2024-06-01T00:00:00Z"


def write(folder, entity, *records, packed=False):
    lines = b"".join(one if isinstance(one, bytes) else msgspec.json.encode(one) + b"\n" for one in records)
    if packed:
        (folder / f"{entity}.jsonl.gz").write_bytes(gzip.compress(lines))
    else:
        (folder / f"{entity}.jsonl").write_bytes(lines)


def record(name, **more):
    return {"Id": made_id(name), "UpdatedUtc": STAMP, **more}


def serving(folder):
    return running_sandbox(folder, now=datetime.fromisoformat(NOW))


def test_records_are_served_byte_for_byte(tmp_path):
    odd = b'{ "Id":"%s", "UpdatedUtc":"%s","Value":1.10,"Text":"\\u00e9" , "EnterpriseId":"%s"}'
    odd = odd % (made_id("odd").encode(), STAMP.encode(), NORTH.encode())
    write(tmp_path, "OrderItem", odd + b"\r\n", record("plain", EnterpriseId=SOUTH))
    with serving(tmp_path) as sandbox:
        client = Client(sandbox)
        assert odd in client.lines()
        assert odd in client.post("orderItems/getAll", Limitation={"Count": 10}).content


def test_a_packed_file_is_read_like_any_other(tmp_path):
    write(tmp_path, "Bill", record("a", EnterpriseId=NORTH), record("b", EnterpriseId=NORTH), packed=True)
    assert [version.entity for version in read_data(tmp_path)] == ["Bill", "Bill", "Enterprise"]


def test_enterprises_are_made_up_from_the_ids_seen(tmp_path):
    write(tmp_path, "Bill", record("a", EnterpriseId=NORTH), record("b", EnterpriseId=SOUTH))
    write(tmp_path, "Customer", record("ann", ChainId=NORTH_CHAIN, IsActive=True))
    with serving(tmp_path) as sandbox:
        client = Client(sandbox)
        found = client.page("enterprises/getAll")["Enterprises"]
        assert {one["Id"] for one in found} == {NORTH, SOUTH}
        assert {one["ChainId"] for one in found} == {NORTH_CHAIN}
        assert len(sandbox.hotel_tokens) == 2
        assert len(Client(sandbox, sandbox.hotel_tokens[0]).lines("Bill")) == 1


def test_enterprises_of_the_folder_are_served_as_they_are(tmp_path):
    write(tmp_path, "Enterprise", record("north", ChainId=NORTH_CHAIN, Name="Mine"))
    write(tmp_path, "Bill", record("b", EnterpriseId=NORTH))
    with serving(tmp_path) as sandbox:
        assert Client(sandbox).names("enterprises/getAll", "Enterprises") == ["Mine"]


def test_a_reservation_finds_its_hotel_through_its_service(tmp_path):
    write(tmp_path, "Service", record("north stay", EnterpriseId=NORTH))
    write(tmp_path, "Reservation", record("r", ServiceId=NORTH_STAY), record("lost", ServiceId=made_id("?")))
    write(tmp_path, "AvailabilityBlock", record("wedding", EnterpriseId=SOUTH))
    write(
        tmp_path,
        "AvailabilityAdjustment",
        record("adjusted", AvailabilityBlockId=made_id("wedding")),
        record("x"),
    )
    scopes = {version.id: version.scope for version in read_data(tmp_path)}
    assert scopes[made_id("r")] == NORTH
    assert scopes[made_id("adjusted")] == SOUTH
    assert scopes[made_id("lost")] == scopes[made_id("x")] == ""


def test_a_record_of_no_known_hotel_is_seen_by_the_portfolio_under_every_hotel(tmp_path):
    write(tmp_path, "Bill", record("a", EnterpriseId=NORTH), record("b", EnterpriseId=SOUTH))
    write(tmp_path, "AvailabilityAdjustment", record("x", IsActive=True))
    with serving(tmp_path) as sandbox:
        client = Client(sandbox)
        for enterprise in (NORTH, SOUTH):
            assert len(client.lines("AvailabilityAdjustment", Scope={"EnterpriseIds": [enterprise]})) == 1
        assert Client(sandbox, sandbox.hotel_tokens[0]).lines("AvailabilityAdjustment") == []


def test_a_record_without_updated_utc_stands_at_its_creation(tmp_path):
    write(tmp_path, "LedgerEntry", {"Id": made_id("e"), "EnterpriseId": NORTH, "PostingDate": "2024-06-01"})
    with pytest.raises(DataError, match="line 1: the record has neither UpdatedUtc nor CreatedUtc"):
        list(read_data(tmp_path))
    entry = {"Id": made_id("e"), "EnterpriseId": NORTH, "PostingDate": "2024-06-01", "CreatedUtc": STAMP}
    write(tmp_path, "LedgerEntry", entry)
    posting = {"LedgerEntryFilters": {"Posting": {"Start": "2024-06-01", "End": "2024-06-01"}}}
    with serving(tmp_path) as sandbox:
        assert Client(sandbox).lines("LedgerEntry", Filters=posting) == [msgspec.json.encode(entry)]


@pytest.mark.parametrize(
    "bad",
    [
        b"{\n",
        b"\n",
        b"[]\n",
        b'{"Id": 7, "UpdatedUtc": "2024-06-01T00:00:00Z"}\n',
        b'{"Id": "\xff"}\n',
        b'{"Id": "a",}\n',
    ],
)
def test_a_malformed_line_stops_the_start_with_file_and_line(tmp_path, bad):
    write(tmp_path, "Payment", record("a", EnterpriseId=NORTH), bad, record("b", EnterpriseId=NORTH))
    with pytest.raises(DataError, match=r"Payment\.jsonl, line 2: "), serving(tmp_path):
        pass


def test_a_packed_file_that_was_cut_stops_the_start(tmp_path):
    write(tmp_path, "Bill", *(record(f"b{n}", EnterpriseId=NORTH) for n in range(100)), packed=True)
    path = tmp_path / "Bill.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"Bill\.jsonl\.gz, after line"):
        list(read_data(tmp_path))


@pytest.mark.parametrize(
    ("names", "why"),
    [
        ((), "holds no"),
        (("Dragon.jsonl",), "Dragon.jsonl has no entity type"),
        (("Bill.jsonl", "Bill.jsonl.gz"), "both there"),
    ],
)
def test_a_folder_that_cannot_be_served_says_why(tmp_path, names, why):
    for name in names:
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(DataError, match=why):
        list(read_data(tmp_path))
    with pytest.raises(DataError, match="is not a folder"):
        list(read_data(tmp_path / "nowhere"))

"""The user's own records as versions: `<EntityType>.jsonl`, or `.jsonl.gz`, in one folder.

Lives here: reading the files, and finding the scope of each record. Not here: storing and serving them.

Every line becomes one version at its UpdatedUtc (CreatedUtc where there is none), and is served byte for
byte. A reservation's and a product service order's hotel is found through its service, an availability
adjustment's through its availability block; a record whose hotel cannot be found this way has the
scope "", and the portfolio token sees it under every enterprise. Without Enterprise.jsonl enterprises are made up from
the EnterpriseIds found, and the chains found are assigned to them in turn.
"""

from __future__ import annotations

import gzip
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from mews_assets.sandbox.clock import read_micros
from mews_assets.sandbox.records.entities import (
    CHAIN_ENTITIES,
    ENTITIES,
    REFERENCE_ENTITIES,
    STAMPS,
    key_of,
    owner_path,
    owners_by_way,
    value_at,
)
from mews_assets.sandbox.records.versions import Version

READ_BYTES = 1 << 20
FIRST = ("Enterprise", "Service", "AvailabilityBlock", *REFERENCE_ENTITIES)
"""Read first, in this order: the other records find their hotel through them."""
UNSTAMPED = "2020-01-01T00:00:00Z"
"""The stamp of records that carry none."""
MADE_UP_CHAIN = str(uuid.uuid5(uuid.NAMESPACE_URL, "mews-assets-sandbox-chain"))


class DataError(Exception):
    """A folder or file that cannot be served. The message names the file and line, and what to do."""


class _Line(msgspec.Struct):
    """The properties that are read of a record: key, stamp and scope. The rest is only checked to be JSON."""

    Id: str = ""
    EnterpriseId: str | None = None
    ChainId: str | None = None
    ServiceId: str | None = None
    AvailabilityBlockId: str | None = None
    BillId: str | None = None
    PostingDate: str | None = None
    IsActive: bool | None = None
    UpdatedUtc: str | None = None
    CreatedUtc: str | None = None


def read_data(folder: Path) -> Iterator[Version]:
    """Every record of the folder as a version, file by file, streamed. Raises DataError."""
    files = _files(folder)
    owners: dict[str, dict[str, str]] = {name: {} for name in FIRST}
    enterprises: dict[str, None] = {}
    chains: dict[str, None] = {}
    for entity in sorted(files, key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST)):
        for line, stamp_us, raw in _lines(entity, files[entity]):
            record_id, scope = line.Id.lower(), _scope(entity, line, raw, owners)
            if entity in owners:
                owners[entity][record_id] = scope
            if scope:
                (chains if entity in CHAIN_ENTITIES else enterprises)[scope] = None
            yield Version(entity, record_id, scope, stamp_us, raw)
    if "Enterprise" not in files:
        yield from _made_up(sorted(enterprises), sorted(chains))


def _files(folder: Path) -> dict[str, Path]:
    """The file of each entity, where there is one."""
    if not folder.is_dir():
        raise DataError(f"--data {folder} is not a folder; give one that holds <EntityType>.jsonl files")
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        entity, _, ending = path.name.partition(".")
        if ending not in ("jsonl", "jsonl.gz"):
            continue
        if entity not in ENTITIES:
            raise DataError(f"{path} has no entity type for a name; accepted: {', '.join(ENTITIES)}")
        if entity in files:
            raise DataError(f"{path} and {files[entity].name} are both there; keep one of them")
        files[entity] = path
    if not files:
        raise DataError(f"--data {folder} holds no <EntityType>.jsonl file; accepted: {', '.join(ENTITIES)}")
    return files


def _lines(entity: str, path: Path) -> Iterator[tuple[_Line, int, bytes]]:
    """Each line decoded, its stamp, and its own bytes."""
    decoder, number = msgspec.json.Decoder(_Line), 0
    try:
        with closing(_open(path)) as file:
            for number, text in enumerate(file, 1):  # noqa: B007 - the error names it
                raw = text.rstrip(b"\r\n")
                str(raw, "utf-8")  # raises on bytes that are not UTF-8, which the decoder accepts
                line = decoder.decode(raw)
                if entity in REFERENCE_ENTITIES:
                    line.Id = key_of(entity, msgspec.json.decode(raw))
                if not line.Id:
                    raise ValueError("the record has no Id, or else no key of its own")
                yield line, _stamp(entity, line), raw
    except (msgspec.DecodeError, ValueError) as error:
        raise DataError(f"{path}, line {number}: {error}; correct or remove this line") from error
    except (OSError, EOFError) as error:
        raise DataError(f"{path}, after line {number}: {error}; the file cannot be read") from error


def _open(path: Path) -> BinaryIO:
    if path.suffix == ".gz":
        return cast(BinaryIO, gzip.open(path, "rb"))
    return path.open("rb", buffering=READ_BYTES)


def _stamp(entity: str, line: _Line) -> int:
    text = line.UpdatedUtc or line.CreatedUtc or (UNSTAMPED if STAMPS.get(entity) == "" else None)
    if text is None:
        raise ValueError("the record has neither UpdatedUtc nor CreatedUtc")
    return read_micros(text)


def _scope(entity: str, line: _Line, raw: bytes, owners: dict[str, dict[str, str]]) -> str:
    if entity in REFERENCE_ENTITIES:
        record = msgspec.json.decode(raw)
        if own := value_at(record, owner_path(entity)):
            return str(own).lower()
        through = ((owners[of], record.get(name)) for of, name in owners_by_way(entity))
        return next((known[id.lower()] for known, id in through if id and id.lower() in known), "")
    if entity in CHAIN_ENTITIES:
        return (line.ChainId or "").lower()
    if line.EnterpriseId:
        return line.EnterpriseId.lower()
    if line.ServiceId:
        return owners["Service"].get(line.ServiceId.lower(), "")
    if line.AvailabilityBlockId:
        return owners["AvailabilityBlock"].get(line.AvailabilityBlockId.lower(), "")
    return ""


def _made_up(enterprises: list[str], chains: list[str]) -> Iterator[Version]:
    """Enterprises for records without Enterprise.jsonl, with the required properties only."""
    stamp = UNSTAMPED
    chains = chains or [MADE_UP_CHAIN]
    for number, enterprise in enumerate(enterprises, 1):
        chain = chains[(number - 1) % len(chains)]
        record = {
            "Id": enterprise,
            "ChainId": chain,
            "ChainName": f"Chain {chain[:8]}",
            "CreatedUtc": stamp,
            "UpdatedUtc": stamp,
            "LinkedUtc": stamp,
            "Name": f"Hotel {number} ({enterprise[:8]})",
            "TimeZoneIdentifier": "Etc/UTC",
            "LegalEnvironmentCode": "UK",
            "AccommodationEnvironmentCode": "UK",
            "AccountingEnvironmentCode": "UK",
            "TaxEnvironmentCode": "UK",
            "DefaultLanguageCode": "en-GB",
            "AccountingEditableHistoryInterval": "P0M7DT0H0M0S",
            "OperationalEditableHistoryInterval": "P0M7DT0H0M0S",
            "EditableHistoryInterval": "P0M7DT0H0M0S",
            "Pricing": "Gross",
            "TaxPrecision": 2,
            "AddressId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"address of {enterprise}")),
            "Address": {"Line1": None, "City": None, "PostalCode": None, "CountryCode": None},
            "GroupNames": [],
            "Subscription": {"TaxIdentifier": None},
        }
        yield Version("Enterprise", enterprise, enterprise, read_micros(stamp), msgspec.json.encode(record))

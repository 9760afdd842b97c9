"""Bodies: the bytes of an answer, decompressed piece by piece and never beyond a limit.

Lives here: reading a body to its end or to a number of bytes, and the one accepted encoding. Not here: decoding it
(`answers`, `client`), files (`file_download`: they are not encoded).

The HTTP library decompresses each piece with whatever encoding the answer names: 65 kB of zstd became 4 GB, and 980
bytes compressed twice 1 GB, before they could be counted.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

import httpx

ACCEPTED = "gzip"
"""The Accept-Encoding of requests. Mews needs no other, and each further encoding is a risk."""

_PIECE_BYTES = 1 << 16


class TooLongError(Exception):
    """The body is longer than the limit."""


class PackedOtherwiseError(Exception):
    """The body has an encoding that was not requested. Holds the header's value."""


def read_whole(answer: httpx.Response, limit: int) -> bytes:
    """The body, decompressed. Raises TooLongError, PackedOtherwiseError, or httpx.DecodingError if it is damaged."""
    body = bytearray()
    for piece in _unpacked(answer, limit):
        body += piece
        if len(body) > limit:
            raise TooLongError
    return bytes(body)


def read_beginning(answer: httpx.Response, limit: int) -> bytes:
    """As much of the body as can be read up to the limit; the rest is not read."""
    body = bytearray()
    try:
        for piece in _unpacked(answer, limit):
            body += piece
            if len(body) >= limit:
                break
    except (TooLongError, PackedOtherwiseError, httpx.TransportError, httpx.DecodingError):
        pass  # the status is enough
    return bytes(body[:limit])


def _unpacked(answer: httpx.Response, limit: int) -> Iterator[bytes]:
    encoding = answer.headers.get("Content-Encoding", "").strip().lower()
    assert isinstance(answer.stream, httpx.SyncByteStream)
    pieces = _bounded(answer.stream, limit)
    if encoding in ("", "identity"):
        return pieces
    if encoding in ("gzip", "x-gzip"):
        return _gunzipped(pieces)
    raise PackedOtherwiseError(encoding)


def _bounded(pieces: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """The pieces as they arrive, limited too: compressed bytes may decompress to nothing."""
    arrived = 0
    for piece in pieces:
        arrived += len(piece)
        yield piece
        if arrived > limit:
            raise TooLongError


def _gunzipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    unpacking, is_empty = zlib.decompressobj(wbits=31), True
    try:
        for piece in pieces:
            is_empty = is_empty and not piece
            if unpacking.eof and piece:
                raise httpx.DecodingError("more bytes follow its end")
            while piece:
                yield unpacking.decompress(piece, _PIECE_BYTES)
                piece = unpacking.unconsumed_tail
            if unpacking.unused_data:
                raise httpx.DecodingError("more bytes follow its end")
        yield unpacking.flush()
    except zlib.error as error:
        raise httpx.DecodingError(str(error)) from error
    if not unpacking.eof and not is_empty:
        raise httpx.DecodingError("it ends before its own end")

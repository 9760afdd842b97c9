"""Which errors are the machine's, so that a later try may succeed, and the cause of an error in words.

Lives here: separating errors of the machine (a full disk, a lost network, too little memory) from errors of the data.
Only a record that was read and is wrong is Mews' fault. Not here: what follows (`landing.unmerged_captures`,
`changes.merge`).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from mews_assets.lake.errors import LakeError, PassingError

_OF_ALL_WORK = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS),
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM),
}
"""A disk that is full or read-only, too many open files, no memory: any other work would fail the same way."""


def is_of_memory(error: BaseException) -> bool:
    """Whether DuckDB or the machine ran out of memory."""
    return isinstance(error, (MemoryError, duckdb.OutOfMemoryException)) or str(error).startswith(
        "Out of Memory"
    )


def is_of_machine(error: BaseException) -> bool:
    """Whether reading or writing failed whatever the bytes were: a later try may succeed."""
    if isinstance(error, OSError):
        # DuckDB's own errors come through Arrow as an OSError without a number.
        return error.errno is not None or not str(error).startswith(("Invalid Input", "Conversion", "Parser"))
    return isinstance(error, duckdb.IOException) or str(error).startswith("IO Error")


def is_of_all_work(error: BaseException) -> bool:
    """Whether any other work would fail by it as well."""
    return isinstance(error, OSError) and error.errno in _OF_ALL_WORK


def is_known(error: BaseException) -> bool:
    """Whether its cause is clear without a traceback."""
    return isinstance(error, LakeError) or is_of_memory(error) or is_of_machine(error)


@contextmanager
def as_passing_error(what: str, then: str) -> Iterator[None]:
    """Raise errors of the machine as PassingError: what was tried, the cause, and what comes next."""
    try:
        yield
    except LakeError:
        raise
    except Exception as error:
        if is_of_machine(error) or is_of_memory(error):
            raise PassingError(f"{what}: {cause_of(error)}. {then}") from error
        raise


def cause_of(error: BaseException) -> str:
    """The cause in words. Never the text of a parser's error, which holds values."""
    if isinstance(error, LakeError):
        return str(error)
    if is_of_memory(error):
        return "not enough memory: set MEWS_MEMORY higher, or give the machine more"
    if isinstance(error, OSError) and error.errno is not None:
        where = f": {error.filename}" if error.filename else ""
        return f"{os.strerror(error.errno)}{where}"
    if is_of_machine(error):
        return str(error).strip().split("\n")[0][:300]
    return f"an error of mews_assets, {type(error).__name__}: please report it with the run's log"

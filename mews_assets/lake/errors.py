"""Errors of records and of the lake. Each text names what to do next."""

from __future__ import annotations

from pathlib import PurePath


class LakeError(Exception):
    """Something in the lake is missing, damaged or of another format."""


class DamagedError(LakeError):
    """A landed file was changed or cut on disk after it landed. Mews is not at fault."""


class PassingError(LakeError):
    """The machine could not do the work (disk, network, memory): a later try may succeed."""

    retryable = True


class PolicyChangedError(LakeError):
    """The lake was brought under another privacy policy since it was opened, or is on its way to one."""


class LostRaceError(PassingError):
    """A file that another writer replaced since it was read. Nothing was overwritten; the same work on top of what
    stands goes well."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"{name} was replaced by another run since it was read. Nothing was overwritten; the same again goes on "
            "with what stands now"
        )


class RecordError(LakeError):
    """A record cannot become a row: its file, line and field, and what is wrong with it."""

    def __init__(self, table: str, file: PurePath | str, line: int, field: str | None, problem: str) -> None:
        self.table, self.file, self.line, self.field, self.problem = table, str(file), line, field, problem
        self.place = f"{PurePath(file).name}, line {line}" + (f", field {field}" if field else "")
        super().__init__(
            f"{table}: {self.place}: {problem}. Nothing was written. The landed file keeps the record as it came; "
            "fetch the window again, and report it to Mews if it comes back the same."
        )

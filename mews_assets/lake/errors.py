"""What can be wrong with records and with the lake, said so that somebody can act on it."""

from __future__ import annotations

from pathlib import PurePath


class LakeError(Exception):
    """Something in the lake is not as it must be."""


class DamagedError(LakeError):
    """A landed file that is not what landed: it was changed or cut on disk. Mews has no part in it."""


class PassingError(LakeError):
    """Work that the machine did not let be done: the same may go well later."""

    retryable = True


class RecordError(LakeError):
    """A record that cannot become a row: where it stands, which field, and what is wrong with it."""

    def __init__(self, table: str, file: PurePath | str, line: int, field: str | None, problem: str) -> None:
        self.table, self.file, self.line, self.field, self.problem = table, str(file), line, field, problem
        self.place = f"{PurePath(file).name}, line {line}" + (f", field {field}" if field else "")
        super().__init__(
            f"{table}: {self.place}: {problem}. Nothing was written. The landed file keeps the record as it came; "
            "fetch the window again, and report it to Mews if it comes back the same."
        )

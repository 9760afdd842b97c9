"""What can be wrong with records and with the lake, said so that somebody can act on it."""

from __future__ import annotations

from pathlib import PurePath


class LakeError(Exception):
    """Something in the lake is not as it must be."""


class RecordError(LakeError):
    """A record that cannot become a row: where it stands, which field, and what is wrong with it."""

    def __init__(self, table: str, file: PurePath | str, line: int, field: str | None, problem: str) -> None:
        self.table, self.file, self.line, self.field, self.problem = table, str(file), line, field, problem
        self.place = f"{PurePath(file).name}, line {line}" + (f", field {field}" if field else "")
        super().__init__(
            f"{table}: {self.place}: {problem}. Nothing was written. The landed file keeps the record as it came; "
            "fetch the window again, and report it to Mews if it comes back the same."
        )

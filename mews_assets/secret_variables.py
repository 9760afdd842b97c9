"""Secrets of the environment: in a variable, or in a file that another variable names.

Lives here: reading `NAME`, or the file in `NAME_FILE`, as Docker and Kubernetes mount secrets. Not here: which
variables hold secrets (`settings`, `connections`).

No message contains the content of a variable or of a file.
"""

from __future__ import annotations

from collections.abc import Mapping

from mews_assets.lake_location import SettingError, below_home, refuse_no_text

FILE = "_FILE"
"""Ends the name of a variable that names a file in place of holding the secret."""
_MAX_BYTES = 64 << 10


def read_secret_text(environment: Mapping[str, str], variable: str, *, may_have_lines: bool = False) -> str:
    """The secret, without blanks around it; empty if neither variable is set. Raises SettingError."""
    refuse_no_text(environment, variable)
    refuse_no_text(environment, variable + FILE)
    value, file = environment.get(variable, "").strip(), environment.get(variable + FILE, "").strip()
    if value and file:
        raise SettingError(f"{variable} and {variable}{FILE} are both set; set one of them")
    return _read_file(variable + FILE, file, may_have_lines) if file else value


def is_secret_set(environment: Mapping[str, str], variable: str) -> bool:
    """Whether there is a secret, or a file said to hold it. The file is not opened."""
    return any(environment.get(name, "").strip() for name in (variable, variable + FILE))


def _read_file(variable: str, given: str, may_have_lines: bool) -> str:
    try:
        with below_home(variable, given).open("rb") as source:
            content = source.read(_MAX_BYTES + 1)
    except OSError as error:
        raise SettingError(f"{variable} is {given!r}, which cannot be read: {error.strerror}") from None
    if len(content) > _MAX_BYTES:
        raise SettingError(f"{variable} is {given!r}, which is longer than {_MAX_BYTES >> 10} KiB: no secret")
    try:
        text = content.decode().strip()
    except UnicodeDecodeError:
        raise SettingError(f"{variable} is {given!r}, which is not text in UTF-8") from None
    if not text:
        raise SettingError(
            f"{variable} is {given!r}, which is empty; it is to hold the secret and nothing else"
        )
    if not may_have_lines and len(text.splitlines()) > 1:
        raise SettingError(
            f"{variable} is {given!r}, which has {len(text.splitlines())} lines; it is to hold the secret in one line"
        )
    return text

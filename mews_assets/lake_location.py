"""The location of the lake, and reading paths and texts from variables.

Lives here: MEWS_LAKE, MEWS_PUBLISH and MEWS_DELTA, `~`, URIs that would be read differently than they are written, and
bytes that are not UTF-8. Not here: all other settings (`settings`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

LAKE_SCHEMES = ("file", "s3", "gs", "gcs", "abfs", "abfss")
"""A folder of this machine, and the clouds that `lake.storage.object_store` reaches."""

_NO_URI_CHARACTER = re.compile(r"%(?![0-9A-Fa-f]{2})|[^A-Za-z0-9._~:/?@!$&'()*+,;=%-]", re.ASCII)
"""RFC 3986, 2, without # : a fragment is no part of a location."""


class SettingError(ValueError):
    """A setting cannot be used. The message names the variable, its value and the accepted values."""


def refuse_no_text(environment: Mapping[str, str], variable: str) -> None:
    """Raise SettingError if a variable contains bytes that are not UTF-8."""
    try:
        environment.get(variable, "").encode()
    except UnicodeEncodeError:  # its value is not shown: some are secrets
        raise SettingError(f"{variable} holds bytes that are no UTF-8; accepted is text in UTF-8") from None


def read_lake(environment: Mapping[str, str]) -> str:
    """The folder or URI of the lake. Raises SettingError."""
    return _read_location(environment, "MEWS_LAKE", "data/lake")


def read_delta(environment: Mapping[str, str], lake: str) -> str:
    """The folder or URI of the Delta tables, by default beside the lake; empty if none are published."""
    given = environment.get("MEWS_PUBLISH", "").strip().lower()
    if given not in ("", "delta"):
        raise SettingError(f"MEWS_PUBLISH is {given[:40]!r}; accepted is delta, or nothing")
    if given and find_spec("deltalake") is None:
        raise SettingError("MEWS_PUBLISH is delta, which needs a package: pip install 'mews_assets[delta]'")
    location = _read_location(environment, "MEWS_DELTA", f"{lake.rstrip('/')}-delta")
    if given and location.rstrip("/") == lake.rstrip("/"):
        raise SettingError(f"MEWS_DELTA is {location!r}, the lake itself; accepted is another folder or URI")
    return location if given else ""


def _read_location(environment: Mapping[str, str], variable: str, default: str) -> str:
    refuse_no_text(environment, variable)
    given = environment.get(variable, "").strip() or default
    if "://" not in given:
        return str(below_home(variable, given))
    scheme, _, place = given.partition("://")
    if scheme not in LAKE_SCHEMES or not place.strip("/"):
        raise SettingError(
            f"{variable} is {given.rpartition('@')[2]!r}; accepted are a folder, and the URI of a folder in a bucket "
            f"that starts with one of {', '.join(f'{name}://' for name in LAKE_SCHEMES)}"
        )
    user, at, _ = place.partition("/")[0].rpartition("@")
    # abfs has its container before the @, which is no secret; a text after a colon is.
    if at and (":" in user or not scheme.startswith("abfs")):
        raise SettingError(
            f"{variable} holds a key before its @, and would be shown in the UI; accepted is a URI without keys, such "
            "as s3://bucket/lake, with the keys in the variables of the cloud's own tools, such as AWS_ACCESS_KEY_ID"
        )
    _refuse_no_uri(variable, given, scheme, place)
    return given


def _refuse_no_uri(variable: str, given: str, scheme: str, place: str) -> None:
    """Refuse characters with another meaning in a URI: they would lead to another location, or to none."""
    is_local = scheme == "file"
    instead = f", or the folder itself: {'/' + place.lstrip('/')}" if is_local else ""
    if odd := _NO_URI_CHARACTER.search(given) or (is_local and re.search(r"[?]", given)) or None:
        raise SettingError(
            f"{variable} is {given!r}, and {odd[0]!r} cannot stand in a URI; accepted is {quote(odd[0])} in its "
            f"place{instead}"
        )
    if is_local and not place.startswith("/"):
        raise SettingError(
            f"{variable} is {given!r}, which names the host {place.partition('/')[0]!r}; accepted is a folder of this "
            "machine, such as file:///srv/lake"
        )


def below_home(variable: str, given: str) -> Path:
    """The path with `~` expanded, as a shell does; `.env` is read without a shell."""
    try:
        return Path(given).expanduser()
    except RuntimeError:
        raise SettingError(
            f"{variable} is {given!r}, and there is no home of that name; accepted is a path"
        ) from None

"""One short constructor per kind of column, so that a declaration reads like a row of a table.

Lives here: shorthands for `Column`. Not here: properties of Mews (`catalog.entities`).
"""

from __future__ import annotations

from typing import TypedDict, Unpack

from mews_assets.catalog.model import Column, Kind


class Flags(TypedDict, total=False):
    """Optional attributes of any column, besides its name, kind and description."""

    required: bool
    is_list: bool
    deprecated: bool
    pii: bool
    person: bool
    refers_to: str


def string(name: str, description: str, **flags: Unpack[Flags]) -> Column:
    return Column(name, Kind.STRING, description, **flags)


def integer(name: str, description: str, **flags: Unpack[Flags]) -> Column:
    return Column(name, Kind.INTEGER, description, **flags)


def number(name: str, description: str, **flags: Unpack[Flags]) -> Column:
    return Column(name, Kind.NUMBER, description, **flags)


def decimal(name: str, description: str, **flags: Unpack[Flags]) -> Column:
    return Column(name, Kind.DECIMAL, description, **flags)


def boolean(name: str, description: str, **flags: Unpack[Flags]) -> Column:
    return Column(name, Kind.BOOLEAN, description, **flags)


def utc(name: str, description: str, **flags: Unpack[Flags]) -> Column:
    return Column(name, Kind.UTC, description, **flags)


def date(name: str, description: str, **flags: Unpack[Flags]) -> Column:
    return Column(name, Kind.DATE, description, **flags)


def json(name: str, description: str, **flags: Unpack[Flags]) -> Column:
    return Column(name, Kind.JSON, description, **flags)


def enum(name: str, values: tuple[str, ...], description: str, **flags: Unpack[Flags]) -> Column:
    """The known values. More may come: Mews adds values without a version change."""
    return Column(name, Kind.ENUM, description, values=values, **flags)


def record(name: str, columns: tuple[Column, ...], description: str, **flags: Unpack[Flags]) -> Column:
    """An object with columns of its own, or with `is_list` a list of them."""
    return Column(name, Kind.OBJECT, description, columns=columns, **flags)

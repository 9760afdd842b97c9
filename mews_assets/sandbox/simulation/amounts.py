"""Amounts of money with taxes that add up exactly.

Lives here: `Amount` in whole minor units (10^-precision of the currency), how it is computed from a price
under Gross or Net pricing, and its JSON. No floats, so all digits are exact.

In every amount Gross = Net + all taxes, TaxValues sum up the Breakdown by code, and an amount of several
units is the unit's amount times the count, part by part.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

ENCODER = msgspec.json.Encoder(decimal_format="number")

RATE_SCALE = 100_000
"""Tax rates are whole numbers of 1/1000 per cent: 21 % is 21_000. This is fine enough for New York's 8.875 %."""


@dataclass(frozen=True, slots=True)
class TaxRate:
    """A tax rate with Mews' code; `code` None means untaxed."""

    code: str | None
    rate: int = 0


UNTAXED = TaxRate(None)


@dataclass(frozen=True, slots=True)
class Amount:
    """`parts` are (tax rate code, net, tax), one per tax rate, in minor units."""

    currency: str
    precision: int
    parts: tuple[tuple[str | None, int, int], ...]

    @property
    def net(self) -> int:
        return sum(net for _, net, _ in self.parts)

    @property
    def gross(self) -> int:
        return sum(net + tax for _, net, tax in self.parts)

    def times(self, count: int) -> Amount:
        parts = tuple((code, net * count, tax * count) for code, net, tax in self.parts)
        return Amount(self.currency, self.precision, parts)


@dataclass(frozen=True, slots=True)
class Till:
    """A hotel's currency, its decimals, and whether its prices include tax."""

    currency: str
    precision: int
    gross_pricing: bool

    def price(self, *shares: tuple[int, TaxRate]) -> Amount:
        """The amount of a price: one share of it, in minor units, for each tax rate it falls under."""
        return Amount(self.currency, self.precision, tuple(self._part(value, rate) for value, rate in shares))

    def plain(self, value: int) -> Amount:
        """An amount without tax: payments, city tax, deposits."""
        return Amount(self.currency, self.precision, ((None, value, 0),))

    def whole(self, units: int) -> int:
        """Minor units of so many whole units of the currency."""
        scale: int = 10**self.precision
        return units * scale

    def _part(self, value: int, rate: TaxRate) -> tuple[str | None, int, int]:
        if self.gross_pricing:
            net = _rounded(value * RATE_SCALE, RATE_SCALE + rate.rate)
            return rate.code, net, value - net
        return rate.code, value, _rounded(value * rate.rate, RATE_SCALE)


def _rounded(numerator: int, denominator: int) -> int:
    """The quotient, rounded half away from zero."""
    quotient = (2 * abs(numerator) + denominator) // (2 * denominator)
    return quotient if numerator >= 0 else -quotient


def number(minor: int, precision: int) -> Decimal:
    """Minor units as the decimal number sent."""
    return Decimal(minor).scaleb(-precision)


@lru_cache(maxsize=2048)
def raw(amount: Amount, *, breakdown: bool = True) -> msgspec.Raw:
    """The amount's JSON. Prices repeat, so a bounded cache saves most of the encoding."""
    by_code: dict[str, int] = {}
    for code, _, tax in amount.parts:
        if code is not None:
            by_code[code] = by_code.get(code, 0) + tax
    precision = amount.precision
    fields: dict[str, Any] = {
        "Currency": amount.currency,
        "NetValue": number(amount.net, precision),
        "GrossValue": number(amount.gross, precision),
        "TaxValues": [{"Code": code, "Value": number(tax, precision)} for code, tax in by_code.items()],
    }
    if breakdown:
        items = [
            {"TaxRateCode": code, "NetValue": number(net, precision), "TaxValue": number(tax, precision)}
            for code, net, tax in amount.parts
        ]
        fields["Breakdown"] = {"Items": items}
    return msgspec.Raw(ENCODER.encode(fields))

from __future__ import annotations

import json

from mews_assets.sandbox.simulation.amounts import TaxRate, Till, raw

VAT = TaxRate("XX-S", 21_000)


def test_a_gross_price_contains_its_tax() -> None:
    amount = Till("EUR", 2, gross_pricing=True).price((10_000, VAT))
    assert (amount.gross, amount.net, amount.parts) == (10_000, 8_264, (("XX-S", 8_264, 1_736),))


def test_a_net_price_has_its_tax_added() -> None:
    amount = Till("USD", 2, gross_pricing=False).price((10_000, VAT))
    assert (amount.gross, amount.net) == (12_100, 10_000)


def test_a_negative_price_is_the_mirror_of_the_positive_one() -> None:
    for gross_pricing in (True, False):
        till = Till("EUR", 2, gross_pricing)
        for value in range(1, 500):
            there, back = till.price((value, VAT)), till.price((-value, VAT))
            assert (back.net, back.gross) == (-there.net, -there.gross)


def test_two_rates_add_up_under_their_own_codes() -> None:
    amount = Till("EUR", 2, gross_pricing=True).price(
        (700, TaxRate("DE-R", 7_000)), (300, TaxRate("DE-S", 19_000))
    )
    sent = json.loads(bytes(raw(amount)))
    assert sent["GrossValue"] == 10
    assert [tax["Code"] for tax in sent["TaxValues"]] == ["DE-R", "DE-S"]
    assert len(sent["Breakdown"]["Items"]) == 2


def test_numbers_are_sent_with_their_decimals_and_no_more() -> None:
    assert b'"NetValue":0.10,' in bytes(raw(Till("EUR", 2, gross_pricing=True).plain(10)))
    assert b'"NetValue":-1.0500,' in bytes(raw(Till("GBP", 4, gross_pricing=True).plain(-10_500)))
    assert b'"NetValue":200,' in bytes(raw(Till("JPY", 0, gross_pricing=True).plain(200)))


def test_untaxed_amounts_name_no_code() -> None:
    sent = json.loads(bytes(raw(Till("EUR", 2, gross_pricing=True).plain(500))))
    assert sent["TaxValues"] == []
    assert sent["Breakdown"]["Items"] == [{"TaxRateCode": None, "NetValue": 5.0, "TaxValue": 0.0}]

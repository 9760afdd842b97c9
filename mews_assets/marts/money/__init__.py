"""Marts about money: revenue, taxes, payments, what is owed, and the ledger.

One module per mart. Not here: revenue per room (`marts.stays.daily_performance`).
"""

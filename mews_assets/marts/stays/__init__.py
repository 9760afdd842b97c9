"""Marts about stays: rooms, nights, bookings and cancellations.

`lodging` says what a room is, `stay_sql` what a stay is and how it is grouped; then any mart. Not here: marts about
money that is not counted by nights (`marts.money`).
"""

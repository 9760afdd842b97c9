"""Guests, rooms, reservations and extras of a simulated hotel."""

"""Tests, in modules that mirror the code."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
"""The checkout."""

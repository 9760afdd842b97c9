"""All definitions of the project: those of the folder `defs`."""

from pathlib import Path

import dagster as dg


@dg.definitions
def defs() -> dg.Definitions:
    """Components, such as `defs/mews`, and assets, such as `defs/payments_per_day.py`."""
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)

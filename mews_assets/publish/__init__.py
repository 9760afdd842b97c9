"""The tables as other tools want them.

The modules, in reading order:
    dbt_sources    dbt's `sources.yml`, from the catalog

Not here: writing files, Dagster.
"""

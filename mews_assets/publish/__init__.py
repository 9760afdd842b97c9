"""The tables as other tools want them.

The modules, in reading order:
    dbt_sources     dbt's `sources.yml`, from the catalog
    delta_tables    the tables as Delta tables; needs the extra `delta`

Not here: which tables are published and when, Dagster.
"""

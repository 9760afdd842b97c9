"""From the Mews Connector API to a lake of typed, partitioned Parquet tables, as a Dagster code location.

The rooms, in reading order:
    windows      half-open windows of time
    catalog      WHAT exists: one row per table
    api          HOW to ask Mews
    lake         WHERE bytes rest
    ingest       the glue: plan, pull, land, merge
    marts        first answers, each with a picture
    settings     what the environment says
    clients      an API client for a connection
    alerts       who is told what, and when
    defs         what Dagster is told, exposed by `definitions`
    sandbox      a Mews to try against
    cli          the command `mews-assets`
"""

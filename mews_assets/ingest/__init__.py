"""Glue of catalog, windows, api and lake. Runs without Dagster.

Reading order:
    scope_keys       the short names of scopes in partition keys; find_scope: what people type, to a scope
    directory        which enterprises and chains there are, and which connection serves each
    due              which partitions are missing and have settled
    plan             the fewest pulls that cover the requested partitions
    owners           which scope owns what the rows name
    pull             one pull: asked of Mews, its answer landed
    materialise      plan, pull, land, merge: the one way to make partitions
    snapshot         all records of a scope, whatever their age
    reference        reference tables
    pending_exports  what to do about each export that is under way; sensor_state keeps it between ticks
    freshness        which scopes are late
    probes           what a connection may do; lake_probe: whether the lake can be written; findings: both results
"""

"""What all Dagster definitions share.

asset_specs     keys, descriptions and metadata of the assets of a table
metadata_keys   metadata and tag names that one module writes and another reads
partitions      partition sets and keys, to and from the lake's partitions
resources       the Mews connection and the lake as Dagster resources
default_status  whether sensors and schedules run by default
run_history     what became of earlier runs
conditions      automation conditions
"""

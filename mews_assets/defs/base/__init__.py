"""Modules that all Dagster definitions share.

column_schemas  the columns of an asset as its page lists them
asset_specs     keys, descriptions and metadata of the assets of a table
metadata_keys   metadata and tag names that one module writes and another reads
partitions      partition sets and keys, to and from the lake's partitions
unseen_partitions  why a partition cannot be asked for: no connection sees its scope
resources       the Mews connection and the lake as Dagster resources
jobs            how jobs and schedules are made, and whether they run by default
run_tags        which hotels and days a run is about
run_history     how earlier runs ended
local_event_log Dagster's event log on SQLite: databases stay open, planned events are stored together
run_console     the console of runs as JSON
event_tables    many materialisations stored at once, old runs deleted
standing        which partitions stand in the lake
moving          an instance that knows scopes by their ids, moved to keys
adoption        standing partitions that Dagster does not know, reported to it
conditions      automation conditions
"""

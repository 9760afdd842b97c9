"""Everything Dagster sees. With `definitions` and the command, the only package that imports Dagster.

build    the definitions, put together from settings: read it first
base     keys, specs, partitions, resources, run history, automation conditions
checks   asset checks: what each judges, and storing the results
assets   the assets and their ops
sensors  what fires export and pages runs, and discovers hotels
alerts   the sensor that turns events into alerts
local    runs launched from Python, for the demonstration and tests; diagnostics of an instance
"""

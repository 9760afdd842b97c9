"""The Dagster definitions. With `definitions` and `cli`, the only package that imports Dagster.

build      the definitions, put together from settings: read it first
namespace  the names of everything that Dagster sees, with their prefix
base     specs, partitions, resources, run history, automation conditions
checks   asset checks: what each judges, and storing the results
assets   the assets and their ops
sensors  launch runs for exports and pages, and discover hotels
alerts   the sensor that turns events into alerts
local    runs launched from Python, for the demonstration and tests; diagnostics of an instance
"""

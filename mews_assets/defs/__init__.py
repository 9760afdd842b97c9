"""What Dagster is told. The only room, with `definitions` and the command, that knows Dagster.

Reading order: build, then assets, partitions, specs, checks, events, resources, reference, runs.
"""

"""Glue of catalog, windows, api and lake. Runs without Dagster.

Reading order:
    directory    which enterprises and chains there are, and which connection serves each
    plan         the fewest pulls that cover the wanted partitions
    pull         one question asked of Mews, its answer landed
    materialise  plan, pull, land, merge: the one way partitions come to be
"""

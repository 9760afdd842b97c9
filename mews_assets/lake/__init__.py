"""WHERE bytes rest: the files of the lake, and every rule for reading and writing them. No HTTP, no Dagster.

Packages, in the order in which they build on one another (each imports only those above it):
    errors       what can be wrong with records and files
    storage      files: where each stands, reading and replacing them whole, DuckDB and Parquet settings
    partition    one partition of a table: a scope and a window
    text         finding texts and ids however they are spelled
    conversion   JSON Lines to one typed Parquet file, every line checked
    landing      captures: what Mews sent, kept as it came; exports still pending; erased customers
    quality      what is true of the rows on disk, for checks
    changes      merging captures into partitions: one row per (id, version)
    current      the newest version of each record, one file per scope; snapshots
    reading      what the lake holds, and SQL over it
    erasure      one customer taken out of every file, and the proof
    maintenance  changing the privacy policy, expiring captures
"""

"""The lake: its files, and every rule for reading and writing them. No HTTP, no Dagster.

Packages, in the order in which they build on one another (each imports only those above it):
    errors          errors of records and files
    storage         files: their paths, reading and replacing them whole, DuckDB and Parquet settings
    partition       one partition of a table: a scope and a window
    file_statistics rows, bytes and newest stamp of each file of changes, without reading them
    progress        how far long work is
    text            finding texts and ids however they are spelled
    conversion      JSON Lines to one typed Parquet file, every line checked
    landing         captures: bytes as Mews sent them; pending exports; erased customers
    quality         counting rows on disk that break rules, for checks
    changes         merging captures into partitions: one row per (id, version)
    current         the newest version of each record, one file per scope; snapshots
    reading         rows and windows per table, and SQL over the lake
    erasure         one customer removed from every file, and a search that proves it
    maintenance     changing the privacy policy and the format, expiring captures
"""

"""Files of the lake: where each stands, reading and replacing them whole, and how DuckDB and Parquet are set up.

layout           the only module that spells a path
lake             the lake as a place for files, each replaced whole
stored_policy    the privacy policy the lake's tables were written under
duckdb_session   one DuckDB connection, set up the way every conversion and merge uses it
duckdb_paths     paths as DuckDB is given them: every one a literal
parquet          how every Parquet file is encoded
footers          rows, bytes and extreme values of files, from their footers
compare_rows     whether rows say the same, column by column
chunked_sort     sorting more rows than fit into memory
rewrite_parquet  one Parquet file written anew with some values changed
"""

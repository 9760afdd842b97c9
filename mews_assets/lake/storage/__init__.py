"""Files of the lake: their paths, reading and replacing them whole, and the settings of DuckDB and Parquet.

layout           the path of every file
store            what the lake asks of the place its files are in, and the versions of a file
local_store      files in a folder, and locks among the processes of one machine
object_store     files in a bucket
leases           who works on what, among machines
lake             the lake as a place for files, each replaced whole
stored_policy    the privacy policy the lake's tables were written under
duckdb_session   one DuckDB connection, with the settings of every conversion and merge
duckdb_paths     paths in SQL for DuckDB: every one a literal
parquet          how every Parquet file is encoded
footers          rows, bytes and extreme values of files, from their footers
state_files      small JSON files of the lake's state, checked when they are read
machine_errors   which errors are the machine's, and their causes in words
compare_rows     which rows differ, column by column
chunked_sort     sorting more rows than fit into memory
rewrite_parquet  one Parquet file written again with some values changed
"""

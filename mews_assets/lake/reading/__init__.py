"""Reading the lake: rows and windows per table, and SQL.

inventory       windows, rows and bytes of a table, from the statistics of its files
sql_views       a DuckDB view for every table, and running one query
readable_views  the queries that put names to ids
remote_tables   tables in an object store, for DuckDB without an extension
python_values   a query's values as Python's own
"""

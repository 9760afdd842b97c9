"""Reading the lake: what it holds, and SQL over it.

inventory      windows, rows and bytes of a table, from Parquet footers
sql_views      a DuckDB view for every table, and running one query
python_values  a query's values as Python's own
"""

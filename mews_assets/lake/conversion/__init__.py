"""JSON Lines to one typed Parquet file, every line checked against its table.

convert          one conversion: parse, check, write, verify
check_file       every line of a file checked against the catalog
scan             the fast check of a block of lines: compiled (_scan.c), or a regular expression
line_schema      the shape of a good line, derived from a table's columns
parse_record     one line parsed, and written as JSON again
inspect_record   the slow check of one line, which names the field that is wrong
find_bad_record  the record that made a conversion fail
repair_lines     copies of lines that DuckDB would misread
write_masked     the Parquet file of a conversion, written while rows are read
exact_numbers    numbers that a double cannot hold, kept with all their digits
rename_nested    nested fields renamed from Mews' names to ours without copying values
mask_rows        personal data in rows: hashed, emptied or erased
"""

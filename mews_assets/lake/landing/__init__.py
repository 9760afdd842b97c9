"""Landings: what Mews sent, kept as it came, and what the lake keeps about requesting it.

manifests          what each capture holds, and the ids of captures
capture_states     which landed captures are in changes, and which are pending, rejected or set aside
capture_store      the bytes of captures, as Mews sent them
unmerged_captures  captures that landed and could not be merged, with the cause
convert_capture    one landed capture converted to a Parquet file
export_log         exports that were requested and have not landed yet
redact_lines       erased customers taken out of landed lines
erasure_list       customers whose personal data may not come back
repeat_write       repeating a write where the erasure list grew, or another run was faster
reference_rows     rows of tables without windows: whose they are, and which Mews still sends
reference_tables   those tables, replaced whole
series_rows        rows of series: their columns, and which figure of a day is the newest
series_tables      those series, by hotel and month
"""

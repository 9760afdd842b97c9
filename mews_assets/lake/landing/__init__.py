"""Landings: what Mews sent, kept as it came, and what the lake remembers about asking for it.

capture_store     captures and their manifests: landed, pending, rejected
convert_capture   one landed capture converted to a Parquet file
export_log        exports that were asked for and have not landed yet
redact_lines      erased customers taken out of landed lines
erasure_list      customers whose personal data may not come back
reference_tables  tables without windows, replaced whole
"""

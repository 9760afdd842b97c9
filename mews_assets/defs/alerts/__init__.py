"""The alerts sensor: Dagster's events turned into incidents and messages.

sensor     one tick: read events, update incidents, send
facts      Dagster's events as plain facts
run_facts  failed runs as facts, and that the partitions were made since
"""

"""The alerts sensor: Dagster's events turned into incidents and messages.

sensor     one tick: read events, update incidents, send
facts      Dagster's events as plain facts
run_facts  what a failed run could not do, and that it has been done since
"""

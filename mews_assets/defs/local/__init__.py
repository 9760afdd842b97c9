"""Dagster on this machine, driven from Python.

launch            runs without a daemon, for the demonstration and tests
demo_environment  the demonstration's environment, kept apart from `.env`
diagnostics       whether an instance is set up as this project needs it
adopt             a lake that stands, reported to the instance of this machine
"""

"""A Mews to try against: the Connector API over HTTP, simulated hotels behind it, and faults on demand.

Imports no other room of the project but catalog. Start it with `python -m mews_assets.sandbox`, or in a test
with `running.running_sandbox`. Reading order: versions.py (what a record's state is), clock.py, operations.py
(what can be asked), rules.py (what is refused), limits.py (who may ask, how often), questions.py and store.py
(records on disk), pages.py and exports.py (answers), faults.py, control.py, server.py (HTTP), data.py (the
user's own records), simulation/ (hotels with a life), running.py and command.py.
"""

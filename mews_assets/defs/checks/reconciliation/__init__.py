"""Reconciliations: what the lake holds, against Mews' own figures and against another way of asking.

Lives here, in the order in which the modules build on one another:

    moments           when two things that were read at different times can be compared
    ledger            ledger entries against ledger balances
    rooms             stays and blocks against the availability of services
    export_and_pages  rows by export against rows by pages
    run               the first two in Dagster, as checks of the series
    run_pages         the third in Dagster, as a check of each table that comes both ways

Each comparison is a pure function over plain values. A difference is an ERROR, so it is an alert.
"""

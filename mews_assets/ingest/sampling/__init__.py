"""Sampling: one partition of a table, asked for again by the table's other fetch method.

The modules:

    choose  which hotel and window a night looks at
    ask     the versions that pages bring of it, and those that changed since
"""

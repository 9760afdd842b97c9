"""Reconciliations: the comparisons, and the checks over a lake that real runs filled."""

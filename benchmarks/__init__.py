"""Benchmarks: where the figures of docs/benchmarks.md come from. Ratios within one run, for machines are noisy."""

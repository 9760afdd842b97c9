"""Benchmarks: where the README's figures come from. Ratios within one run, for machines are noisy."""

"""Benchmarks: each prints its figures beside those of a floor that is measured in the same run."""

"""Benchmarks, each of which prints its figures beside those of a floor measured in the same run."""

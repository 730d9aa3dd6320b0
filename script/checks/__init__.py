"""Checks that script/lint runs, beside those of the tools."""

"""Checks of our own that script/lint runs, as modules: python -m script.checks.<name>."""

"""The tests. They mirror the tree above, one file an operation."""

"""The project's own checks, which script/lint runs."""

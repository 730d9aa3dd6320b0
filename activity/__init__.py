"""Record who did what: the activity of a project."""

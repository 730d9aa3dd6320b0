"""Scripts of the project, and what they share."""

"""Meta events: what a project is told of itself."""

"""Meta events: what happens in a project, told to the project itself."""

"""The HTTP layer that every Convoy operation shares."""

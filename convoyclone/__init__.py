"""The project package: nothing in it knows a business rule."""

"""The template tags of the portal's pages."""

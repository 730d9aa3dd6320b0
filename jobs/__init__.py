"""Jobs: work that is too large for one request."""

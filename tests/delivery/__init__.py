"""The delivery engine: what it sends, to whom, and what comes of it."""

"""The delivery engine: claims what is due, sends it, and writes the outcomes."""

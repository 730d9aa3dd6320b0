"""The delivery engine: claims due deliveries, sends them, and writes the outcomes."""

"""Events, their deliveries, and the engine that sends them."""

"""The engine: from a delivery that is due to a request that was answered."""

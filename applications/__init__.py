"""Applications: the names and metadata that other contracts give to owners."""

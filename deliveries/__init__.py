"""Read and count deliveries and attempts, and send deliveries again."""

"""Find the reason why a customer's server refuses a signature, from a request that the customer pastes."""

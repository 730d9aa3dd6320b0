"""Events: created and matched with subscriptions."""

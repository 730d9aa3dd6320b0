"""Events: taken in, matched with subscriptions, replayed."""

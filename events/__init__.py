"""Events: created, matched with subscriptions, replayed."""

"""Event types, and the subscriptions by which endpoints choose among events."""

"""Projects, their API keys and their event types."""

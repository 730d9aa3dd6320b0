"""Connect to PostgreSQL as Django does, and give up on a server that no longer answers."""

"""Sending one request safely: client, address guard, credentials, signatures, headers and retries."""

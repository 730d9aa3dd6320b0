"""Requests to receivers: HTTP client, address guard, credentials, signatures, headers and retries."""

"""The lowest layer: HTTP, encryption, tokens, ids and errors. It knows no noun of the API."""

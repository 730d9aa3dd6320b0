"""The ground floor: the HTTP layer, encryption, tokens, ids and errors. It knows no noun of the API."""

"""The portal: a customer's pages, and an API for a customer's own client."""

"""The API of Svix, over the operations of this server."""

"""The API of Nahook, over the operations of this server."""

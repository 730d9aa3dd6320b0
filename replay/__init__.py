"""Stored events matched again, one or many: new deliveries of them."""

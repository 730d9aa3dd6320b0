"""Replay: match stored events again, one or many, and make new deliveries of them."""

"""Deliveries and attempts: read, counted, sent again."""

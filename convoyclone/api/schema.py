"""How drf-spectacular describes the Convoy API."""

from drf_spectacular.openapi import AutoSchema


class ConvoyAutoSchema(AutoSchema):
    """Placeholder."""

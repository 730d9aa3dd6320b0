"""Describe in the OpenAPI document the credentials that come as `Authorization: Bearer …`."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from core.api.documents import Schema


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """A bearer token. A subclass names the class that authenticates it, its own name, and the kinds of tokens."""

    #: For readers of the document.
    description: str

    def get_security_definition(self, auto_schema: AutoSchema) -> Schema:
        """Return the security scheme."""
        return {"type": "http", "scheme": "bearer", "description": self.description}

"""Feather's portal links, in Feather's path, credential and errors. Contract: docs/contract/portal-sessions.md#feather.

The caller's organisation is the `owner_id` that its API key is bound to.
"""

from datetime import timedelta
from typing import Annotated, TypedDict

from django.http import HttpResponse
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from core.api.documents import Example, Schema, component, schema_of
from core.api.envelope import bare
from core.api.errors import OTHER, WORDS
from core.api.openapi import Outcome
from core.exceptions import InvalidInput, Unauthenticated
from portal_links import sessions
from portal_links.capabilities import EVERYTHING
from portal_links.models import PortalSession, session_url
from portal_links.openapi import CLIENTS_TAG, PORTAL_URL, SESSION_TOKEN
from projects.authentication import authenticate_key
from projects.convoy_view import ConvoyView
from projects.keys import MANAGE, Caller

LIFETIME = timedelta(hours=1)


class KeyMissing(Unauthenticated):
    """No API key."""

    message = "send an API key in the header x-api-key"


class KeyNotValid(Unauthenticated):
    """Not valid."""

    message = "the API key is not valid"


class KeyWithoutOwner(InvalidInput):
    """A key of no organisation."""

    message = (
        "this API key belongs to no organisation: create one with an owner_id, "
        "for example manage.py create_api_key --owner-id"
    )


@component("feather.ErrorResponse")
class ErrorDocument(TypedDict):
    """An error in Feather's shape."""

    error: Annotated[str, "The kind of error."]
    message: Annotated[str, "A text for people."]


@component("feather.PortalLinkResponse")
class LinkDocument(TypedDict):
    """A portal link in Feather's shape."""

    url: Annotated[str, "Opens the portal until it expires.", Example(f"{PORTAL_URL}#token={SESSION_TOKEN}")]
    expires_in_s: Annotated[int, "Seconds until the link expires.", Example(int(LIFETIME.total_seconds()))]
    read_only: Annotated[bool, "Whether the link is for reading only."]


create_portal_link = CLIENTS_TAG.operation(
    "createWebhookPortalLink",
    "Create a portal link for the caller's organisation (Feather)",
    description=f"The organisation is the `owner_id` of the key. With the scope {MANAGE} the link manages, "
    "otherwise it is for reading only. A body is ignored.",
    success=Outcome("The link.", LinkDocument, "Link"),
    refused=[KeyWithoutOwner, KeyMissing, KeyNotValid],
)


class APIKeyHeader(BaseAuthentication):
    """`x-api-key: CO.…`."""

    def authenticate(self, request: Request) -> tuple[None, Caller]:
        """Return (None, the caller). Raises Unauthenticated."""
        key = request.META.get("HTTP_X_API_KEY", "")
        if not key:
            raise KeyMissing
        return None, authenticate_key(request, key, KeyNotValid.message)


class FeatherScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The credential of Feather's clients in the OpenAPI document."""

    target_class = APIKeyHeader
    name = "FeatherKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> Schema:
        return {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "An API key with an owner_id."}


class FeatherPortal(ConvoyView):
    """The portal links of the caller's organisation."""

    authentication_classes = [APIKeyHeader]
    http_method_names = ["post"]
    reads = ("POST",)
    for_owner_keys = True
    error_schema = schema_of(ErrorDocument)

    @create_portal_link
    def post(self, request: Request) -> LinkDocument:
        """Mint a session of the key's owner, with the rights that the key has. A body is ignored."""
        caller = self.caller
        if not caller.owner_id or caller.key_project_id is None:
            raise KeyWithoutOwner
        session, token = sessions.mint_session(
            caller.key_project_id,
            owner_id=caller.owner_id,
            surface=PortalSession.Surface.FEATHER,
            capabilities=EVERYTHING,
            lifetime=LIFETIME,
            single_use=False,
            minted_by=caller,
        )
        return {
            "url": session_url(session.project_id, token=token),
            "expires_in_s": int(LIFETIME.total_seconds()),
            "read_only": not caller.manages,
        }

    @staticmethod
    def error(message: str, status: int) -> HttpResponse:
        """Return a refusal in Feather's shape."""
        document: ErrorDocument = {"error": WORDS.get(status, OTHER), "message": message}
        return bare(document, status)

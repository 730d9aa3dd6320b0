"""Authenticate requests by the API key in their Authorization header.

Contract: docs/contract/conventions.md#authentication. Portal tokens and `PRT.` tokens are recognised by their shape and
refused, whether they are valid or not (docs/compatibility.md).
"""

import base64
import binascii
import re
from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from core.api.security import BearerScheme
from projects.exceptions import BadCredential, NoCredential, PortalCredential
from projects.keys import Caller, find_caller
from projects.remembered import callers

PORTAL_PREFIXES = ("PRT.", "PST.")
_static_token = re.compile(r"[A-Za-z0-9]{24}")


class KeyAuthentication(BaseAuthentication):
    """The base of what authenticates the callers of a ConvoyView, who may be remembered (docs/adr/0016)."""

    #: The text that refuses a key which does not work, for contracts that have a text of their own.
    refusal = ""

    def key(self, request: Request) -> str:
        """Return the key in a request's header. Raises Unauthenticated where there is none."""
        raise NotImplementedError

    def authenticate(self, request: Request) -> tuple[None, Any]:
        """Return (None, the caller); `request.auth` is the caller from then on. Raises Unauthenticated."""
        key = self.key(request)
        # Counting a request is a statement before its handler: it must not count a request whose key has ended.
        if request.method not in request.parser_context["view"].proves or settings.API_RATE_LIMIT:
            return None, authenticate_key(request, key, self.refusal)
        caller = callers.find(key, _project_in_path(request))
        if caller is None:
            raise BadCredential(self.refusal)
        return None, caller

    def read_again(self, request: Request) -> Caller:
        """Forget the caller of a request, and return it as it is now. Raises Unauthenticated."""
        key = self.key(request)
        callers.forget_one(key, _project_in_path(request))
        return authenticate_key(request, key, self.refusal)


class APIKeyAuthentication(KeyAuthentication):
    """`Authorization: Bearer CO.…`, any letter case of the scheme, or the bare key without a scheme."""

    def key(self, request: Request) -> str:
        """Return the key. Raises Unauthenticated."""
        return credential(request.META.get("HTTP_AUTHORIZATION", ""))


class APIKeyScheme(BearerScheme):  # type: ignore[no-untyped-call]
    """The credential of the Convoy API."""

    target_class = APIKeyAuthentication
    name = "ApiKeyAuth"
    description = "An API key: `CO.` and two more parts."


def authenticate_key(request: Request, key: str, refusal: str = "") -> Caller:
    """Return the caller of an API key, with the project in the request's path. Raises BadCredential.

    `refusal` replaces its text, for contracts that have a text of their own.
    """
    caller = find_caller(key, project_id=_project_in_path(request))
    if caller is None:
        raise BadCredential(refusal)
    return caller


def _project_in_path(request: Request) -> str | None:
    kwargs = request.parser_context["kwargs"] if request.parser_context else {}
    return cast(str | None, kwargs.get("projectID"))


def bearer_token(request: HttpRequest | Request) -> str:
    """Return the token of a header `Authorization: Bearer …`; "" where there is none."""
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return str(token) if scheme.lower() == "bearer" else ""


def credential(header: str) -> str:
    """Return the API key in an Authorization header. Raises Unauthenticated with the text for its shape."""
    scheme, _, value = header.partition(" ")
    if not value and scheme.startswith(("CO.", *PORTAL_PREFIXES)):
        scheme, value = "bearer", scheme
    if not value or " " in value:
        raise NoCredential
    match scheme.lower():
        case "bearer":
            if value.startswith("CO."):
                return value
            if value.startswith(PORTAL_PREFIXES) or _static_token.fullmatch(value):
                raise PortalCredential
            raise BadCredential
        case "basic":
            # Basic is for users that are named in a configuration file. This server has no such users.
            try:
                well_formed = b":" in base64.b64decode(value, validate=True)
            except (binascii.Error, ValueError):
                well_formed = False
            raise BadCredential if well_formed else NoCredential
    raise NoCredential

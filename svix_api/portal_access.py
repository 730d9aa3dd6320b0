"""Svix's application portal access, in Svix's paths, credential and errors.

Contract: docs/contract/portal-sessions.md#svix.
"""

import re
from datetime import timedelta
from typing import Annotated, Any, TypedDict
from urllib.parse import unquote

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request

from core.api.checks import check_body
from core.api.documents import Example, component
from core.api.errors import NO_SUCH_PATH
from core.api.fields import Choice, Flag, IntegerBetween, Items, Shape, Text
from core.api.openapi import Outcome, body, describe
from core.exceptions import NotFound
from portal_links import sessions
from portal_links.capabilities import SVIX, of_svix
from portal_links.exceptions import IdempotentSessionEnded
from portal_links.models import PortalSession, session_url
from portal_links.openapi import APPLICATION_ID, CLIENTS_TAG, PORTAL_URL, SESSION_TOKEN
from projects.exceptions import ReadOnlyKey
from svix_api.base import REFUSED, WRONG_FIELDS, SvixUnknownPath, SvixView, TokenNotValid, bearer

HOUR = 3600
WEEK = 7 * 24 * HOUR
FLAG_PATTERN = r"^[a-zA-Z0-9\-_.]{1,256}$"


@component("svix.AppPortalAccessOut")
class AccessDocument(TypedDict):
    """Access to the portal in Svix's shape."""

    url: Annotated[str, "Opens the portal until the session expires.", Example(f"{PORTAL_URL}#token={SESSION_TOKEN}")]
    token: Annotated[str, "The token of the session, which is in the URL.", Example(SESSION_TOKEN)]


class AppPortalAccessIn(Shape):
    """The body that creates a session of Svix's contract."""

    application = serializers.DictField(
        required=False, help_text="Accepted and ignored: an owner_id needs no creation."
    )
    capabilities = Items(
        child=Choice(list(SVIX), allow_blank=False),
        required=False,
        max_length=20,
        help_text="All capabilities where it is not sent.",
    )
    readOnly = Flag(  # noqa: N815 - the wire's names
        required=False, help_text="Whether the session may read only; takes precedence over `capabilities`."
    )
    featureFlags = Items(  # noqa: N815
        child=Text(max_length=256), required=False, max_length=100, help_text="Accepted and ignored."
    )
    expiry = IntegerBetween(HOUR, WEEK, required=False, help_text="In seconds; a week where it is not sent.")
    sessionId = Text(  # noqa: N815
        required=False, max_length=256, help_text="The caller's own name for the session."
    )

    def validate_featureFlags(self, flags: list[str]) -> list[str]:  # noqa: N802
        """Refuse a flag that is not written in Svix's alphabet."""
        if not all(re.fullmatch(FLAG_PATTERN, flag) for flag in flags):
            raise serializers.ValidationError("a feature flag is 1 to 256 of a-z, A-Z, 0-9, '-', '_' and '.'")
        return flags


class ApplicationTokenExpireIn(Shape):
    """The body that ends the sessions of an application."""

    expiry = IntegerBetween(0, WEEK, required=False, help_text="In seconds; at once where it is not sent.")
    sessionIds = Items(  # noqa: N815
        child=Text(max_length=256),
        required=False,
        max_length=1000,
        help_text="The `sessionId`s of the sessions that end; not sent: all of them.",
    )


describe(
    AppPortalAccessIn,
    "svix.AppPortalAccessIn",
    featureFlags={"items": {"type": "string", "pattern": FLAG_PATTERN}},
)
describe(ApplicationTokenExpireIn, "svix.ApplicationTokenExpireIn")
IDEMPOTENCY_KEY = OpenApiParameter(
    "idempotency-key",
    {"type": "string"},
    location=OpenApiParameter.HEADER,
    description="The same key with the same body returns the same session again.",
)
get_access = CLIENTS_TAG.operation(
    "v1.authentication.app-portal-access",
    "Get access to the portal (Svix)",
    description="Returns a URL and a token that open the portal until they expire.",
    parameters=[APPLICATION_ID, IDEMPOTENCY_KEY],
    request=body(
        AppPortalAccessIn,
        {"Defaults": {}, "To look, for a day": {"readOnly": True, "expiry": 86_400, "sessionId": "user_1FB8"}},
    ),
    success=Outcome("The access.", AccessDocument, "Access"),
    outcomes=[WRONG_FIELDS],
    refused=[*REFUSED, IdempotentSessionEnded],
)
expire_all = CLIENTS_TAG.operation(
    "v1.authentication.expire-all",
    "End all access of an application (Svix)",
    description="Ends all sessions of the owner, or those of `sessionIds`, now or in `expiry` seconds.",
    parameters=[APPLICATION_ID],
    request=body(
        ApplicationTokenExpireIn, {"All, now": {}, "One, in an hour": {"expiry": 3600, "sessionIds": ["user_1FB8"]}}
    ),
    success=Outcome("Ended.", type(None), status=204),
    outcomes=[WRONG_FIELDS],
    refused=REFUSED,
)
logout = CLIENTS_TAG.operation(
    "v1.authentication.logout",
    "End the session of the token (Svix)",
    description="Ends the session whose token makes the call.",
    success=Outcome("Ended.", type(None), status=204),
    refused=REFUSED,
)


class AccessView(SvixView):
    """The base of the operations on an application's access, which have no query."""

    http_method_names = ["post"]
    is_body_optional = True

    def named(self, app_id: str) -> tuple[str, str]:
        """Return (project, owner) of the application in the path. Raises InvalidInput, Forbidden."""
        # Svix's clients do not escape the id, so that a "?" in it begins a query, which no operation has.
        query = self.request.META.get("QUERY_STRING", "")
        return self.project_and_owner(f"{app_id}?{unquote(query)}" if query else app_id)


class AppPortalAccess(AccessView):
    """Access to an application's portal."""

    @get_access
    def post(self, request: Request, ownerID: str) -> AccessDocument:  # noqa: N803
        """Mint a session; the same idempotency key returns the same one again."""
        project_id, owner_id = self.named(ownerID)
        sent = self.body(request, AppPortalAccessIn)
        _, token = sessions.mint_session(
            project_id,
            owner_id=owner_id,
            surface=PortalSession.Surface.SVIX,
            capabilities=of_svix(sent.get("capabilities"), read_only=sent.get("readOnly", False)),
            lifetime=timedelta(seconds=sent.get("expiry", WEEK)),
            single_use=False,
            minted_by=self.caller,
            reference=sent.get("sessionId", ""),
            idempotency_key=request.META.get("HTTP_IDEMPOTENCY_KEY", ""),
        )
        return {"url": session_url(project_id, token=token), "token": token}


class ExpireAll(AccessView):
    """The sessions of an application."""

    @expire_all
    def post(self, request: Request, ownerID: str) -> None:  # noqa: N803
        """End all sessions, or those of `sessionIds`, now or in `expiry` seconds. Raises Forbidden."""
        project_id, owner_id = self.named(ownerID)
        if not self.caller.manages:
            raise ReadOnlyKey
        sent = self.body(request, ApplicationTokenExpireIn)
        sessions.expire_sessions(project_id, owner_id, seconds=sent.get("expiry", 0), references=sent.get("sessionIds"))


class ExpireAllInQuery(SvixUnknownPath, ExpireAll):
    """The same, where an unescaped "?" in the application's id puts the rest of the path into the query."""

    def named(self, app_id: str) -> tuple[str, str]:
        """Return (project, owner). Raises NotFound where the query does not end like the operation's path."""
        path, end = f"{app_id}?{unquote(self.request.META.get('QUERY_STRING', ''))}", "/expire-all"
        if not path.endswith(end):
            raise NotFound(NO_SUCH_PATH)
        return self.project_and_owner(path.removesuffix(end))


class Logout(SvixView):
    """The session whose token makes the call."""

    documented_security = None

    http_method_names = ["post"]
    is_body_optional = True

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check the body only: the caller has no API key, but the session's token."""
        check_body(request)

    @logout
    def post(self, request: Request) -> None:
        """End the session."""
        if not sessions.end_own_session(bearer(request, sessions.TOKEN_PREFIX)):
            raise TokenNotValid

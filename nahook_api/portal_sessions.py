"""Nahook's portal sessions. Contract: docs/contract/portal-sessions.md#nahook."""

from datetime import timedelta
from typing import Annotated, TypedDict

from rest_framework.request import Request

from core.api.documents import Example, Time, component
from core.api.fields import Choice, IntegerBetween
from core.api.openapi import Outcome, body, describe
from core.api.values import wire_time
from nahook_api.base import (
    WORKSPACE,
    FieldRefused,
    NahookView,
    OtherApplication,
    Strict,
    TokenMissing,
    TokenNotValid,
)
from portal_links import sessions
from portal_links.capabilities import ROLES
from portal_links.models import PortalSession, session_url
from portal_links.openapi import APPLICATION_ID, CLIENTS_TAG, PORTAL_URL
from portal_links.serializers import Metadata
from projects.exceptions import ProjectNotFound


@component("nahook.PortalSession")
class SessionDocument(TypedDict):
    """A new portal session in Nahook's shape."""

    url: Annotated[str, "Opens the portal once.", Example(f"{PORTAL_URL}#code={'c' * 43}")]
    code: Annotated[str, "The code in the URL.", Example("c" * 43)]
    expiresAt: Annotated[Time, "When the session ends by itself.", Example("2026-11-22T10:00:00Z")]


class CreatePortalSession(Strict):
    """The body that creates a portal session of Nahook's contract. Every member is optional."""

    role = Choice(list(ROLES), required=False, allow_blank=False, help_text="editor where it is not sent.")
    expiresInMinutes = IntegerBetween(1, 60, required=False, help_text="60 where it is not sent.")  # noqa: N815
    metadata = Metadata(required=False, help_text="Copied to every endpoint that is created in the session.")


describe(CreatePortalSession, "nahook.CreatePortalSession", metadata=Metadata.described())
create_portal_session = CLIENTS_TAG.operation(
    "CreateNahookPortalSession",
    "Create a portal session (Nahook)",
    description="Returns a URL that opens the portal once. The workspace is a project, the application an `owner_id`, "
    "which needs no endpoints yet.",
    parameters=[WORKSPACE, APPLICATION_ID],
    request=body(
        CreatePortalSession,
        {
            "Defaults": {},
            "In full": {
                "role": "editor",
                "expiresInMinutes": 30,
                "metadata": {"userId": "usr_456", "email": "jo@acme.example"},
            },
        },
    ),
    success=Outcome("The session.", SessionDocument, "Session", status=201),
    refused=[
        FieldRefused(name="role", failure=f"must be one of {', '.join(ROLES)}"),
        TokenMissing,
        TokenNotValid,
        OtherApplication,
        ProjectNotFound,
    ],
)


class NahookPortal(NahookView):
    """The portal sessions of an application."""

    http_method_names = ["post"]
    is_body_optional = True

    @create_portal_session
    def post(self, request: Request, projectID: str, ownerID: str) -> SessionDocument:  # noqa: N803
        """Mint a session whose URL opens the portal once."""
        owner_id = self.owner(ownerID)
        sent = self.body(request, CreatePortalSession)
        session, code = sessions.mint_session(
            projectID,
            owner_id=owner_id,
            surface=PortalSession.Surface.NAHOOK,
            capabilities=ROLES[sent.get("role", "editor")],
            lifetime=timedelta(minutes=sent.get("expiresInMinutes", 60)),
            single_use=True,
            minted_by=self.caller,
            metadata=sent.get("metadata"),
        )
        return {"url": session_url(projectID, code=code), "code": code, "expiresAt": wire_time(session.expires_at)}

"""Svix's applications. Contract: docs/contract/svix.md#applications."""

import re
from typing import Annotated, Any, TypedDict

from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.request import Request

from applications.exceptions import ApplicationExists, ApplicationNotFound, OwnerFixed, OwnerIsAnId
from applications.models import Application
from applications.operations import create_application, get_or_create_application
from applications.prefixes import APPLICATION
from core.api.documents import Example, Time, component, example
from core.api.fields import Integer, Shape, Text
from core.api.openapi import NOT_ONLY_SPACES, Outcome, Tag, body, describe, path_parameter, query
from core.api.pagination import JsonBytes
from core.api.parameters import is_true
from core.api.values import wire_time
from core.prefixed_ids import prefixed
from portal_links.owners import delete_application, find_application, update_application
from portal_links.serializers import ApplicationMetadata
from projects.exceptions import OwnerKey
from svix_api.base import REFUSED_ALWAYS, REFUSED_BODY, WRONG_FIELDS, SvixView
from svix_api.paging import (
    EXAMPLE_UID,
    ITERATOR,
    LIMIT,
    PageDocument,
    order_parameter,
    page_example,
    read_page,
)

TAG = Tag("Applications (Svix)", envelope=False)
RATE = "The most requests in a second to each of its endpoints; 0 and null: no limit."
UID_PATTERN = r"^[a-zA-Z0-9\-_.]{1,255}$"


@component("svix.ApplicationOut")
class ApplicationDocument(TypedDict):
    """An application in Svix's shape."""

    id: Annotated[str, "The id of the application.", Example(prefixed(APPLICATION, EXAMPLE_UID))]
    uid: Annotated[str | None, "Its `owner_id`; null where none was given.", Example("acme")]
    name: Annotated[str, "The name of the customer.", Example("Acme")]
    metadata: Annotated[
        dict[str, str], "Texts by name, which the server stores and does not use.", Example({"plan": "gold"})
    ]
    rateLimit: Annotated[int | None, RATE, Example(100)]
    throttleRate: Annotated[int | None, "The same as `rateLimit`.", Example(100)]
    createdAt: Annotated[Time, "When it was created.", Example("2026-11-22T09:15:42.081516Z")]
    updatedAt: Annotated[Time, "When it was last changed.", Example("2026-11-22T09:15:42.081516Z")]


def application_document(application: Application) -> ApplicationDocument:
    """Return an application as Svix's API shows it. One that is not stored has its `owner_id` for an id."""
    return {
        "id": application.public_id if application.uid else application.owner_id,
        "uid": application.given_owner_id,
        "name": application.name,
        "metadata": application.metadata,
        "rateLimit": application.rate_limit,
        "throttleRate": application.rate_limit,
        "createdAt": wire_time(application.created_at),
        "updatedAt": wire_time(application.updated_at),
    }


# Request bodies


class ApplicationPatch(Shape):
    """The body that changes an application; null removes its limit."""

    document = ApplicationDocument
    nullable = frozenset({"rateLimit", "throttleRate"})
    name = Text(required=False)
    uid = Text(required=False, help_text="The `owner_id`, which cannot be changed.")
    metadata = ApplicationMetadata(required=False)
    rateLimit = Integer(required=False, allow_null=True)  # noqa: N815
    throttleRate = Integer(required=False, allow_null=True)  # noqa: N815

    def validate_name(self, name: str) -> str:
        """Refuse a blank name."""
        if not name.strip():
            raise serializers.ValidationError("must not be blank")
        return name

    def validate_uid(self, uid: str) -> str:
        """Refuse a uid that is not written in Svix's alphabet, which a path holds unescaped."""
        if not re.fullmatch(UID_PATTERN, uid):
            raise serializers.ValidationError("a uid is 1 to 255 of a-z, A-Z, 0-9, '-', '_' and '.'")
        return uid


class ApplicationIn(ApplicationPatch):
    """The body that creates or replaces an application."""

    name = Text()


_SAID: dict[str, Any] = {
    "name": {"pattern": NOT_ONLY_SPACES},
    "uid": {"pattern": UID_PATTERN},
    "metadata": ApplicationMetadata.described(),
}
describe(ApplicationPatch, "svix.ApplicationPatch", **_SAID)
describe(ApplicationIn, "svix.ApplicationIn")

# Operations

EXAMPLE = example(ApplicationDocument)
FULL = {"name": "Acme", "uid": "acme", "metadata": {"plan": "gold"}, "throttleRate": 100}
WITHOUT_UID = example(ApplicationDocument, uid=None, metadata={}, rateLimit=None, throttleRate=None)
APPLICATION_ID = path_parameter("ownerID", "The id of the application, or its uid, which here is an `owner_id`.")
CHANGED = Outcome("The existing application.", ApplicationDocument, "It was there")
CREATED = Outcome("The new application.", ApplicationDocument, "It is new", status=201)

list_applications = TAG.operation(
    "v1.application.list",
    "List applications (Svix)",
    description="A page of the project's applications, oldest first. A key that is bound to an owner sees its own.",
    parameters=[LIMIT, ITERATOR, order_parameter("ascending")],
    success=Outcome(
        "The page.", PageDocument[ApplicationDocument], {"One application": page_example(EXAMPLE, prefix=APPLICATION)}
    ),
    outcomes=[WRONG_FIELDS],
    refused=REFUSED_ALWAYS[:2],
)
create = TAG.operation(
    "v1.application.create",
    "Create an application (Svix)",
    description="Creates an application, or with `get_if_exists=true` returns the one that has the uid already.",
    parameters=[
        query(
            "get_if_exists",
            "Return an existing application instead of refusing.",
            {"type": "boolean", "default": False},
        ),
    ],
    request=body(ApplicationIn, {"In full": FULL, "By its name": {"name": "Acme"}}),
    success=Outcome(
        "The application.", ApplicationDocument, {"In full": EXAMPLE, "Without a uid": WITHOUT_UID}, status=201
    ),
    outcomes=[CHANGED, WRONG_FIELDS],
    refused=[*REFUSED_BODY, OwnerIsAnId, OwnerKey, ApplicationExists],
)
get = TAG.operation(
    "v1.application.get",
    "Get an application (Svix)",
    description="An owner that has endpoints and no application is shown as one whose id is the `owner_id`.",
    parameters=[APPLICATION_ID],
    success=Outcome("The application.", ApplicationDocument, "Application"),
    refused=[*REFUSED_ALWAYS, ApplicationNotFound],
)
update = TAG.operation(
    "v1.application.update",
    "Replace an application (Svix)",
    description="Replaces name, metadata and limit of an application, or creates it where there is none.",
    parameters=[APPLICATION_ID],
    request=body(ApplicationIn, {"In full": FULL}),
    success=Outcome("The application.", ApplicationDocument, "Application"),
    outcomes=[CREATED, WRONG_FIELDS],
    refused=[*REFUSED_BODY, OwnerFixed, OwnerIsAnId, OwnerKey],
)
patch = update.twin(
    "v1.application.patch",
    "Change an application (Svix)",
    description="Changes the fields of an application that are sent.",
    request=body(ApplicationPatch, {"Another name": {"name": "Acme Inc."}}),
    outcomes=[WRONG_FIELDS],
    refused=[*REFUSED_BODY, OwnerFixed, OwnerKey, ApplicationNotFound],
)
delete = TAG.operation(
    "v1.application.delete",
    "Delete an application (Svix)",
    description="Deletes an application with its endpoints, and ends its sessions. Portal links stay.",
    parameters=[APPLICATION_ID],
    success=Outcome("Deleted.", type(None), status=204),
    refused=[*REFUSED_ALWAYS[:2], OwnerKey, ApplicationNotFound],
)


# Views


class Applications(SvixView):
    """The applications of the key's project."""

    http_method_names = ["get", "head", "post"]

    @list_applications
    def get(self, request: Request) -> PageDocument[ApplicationDocument]:
        """Return a page."""
        rows = Application.objects.for_project(self.key_project)
        if self.caller.owner_id:
            rows = rows.filter(owner_id=self.caller.owner_id)
        return read_page(request, rows, APPLICATION, application_document, size=JsonBytes("metadata"))

    @create
    def post(self, request: Request) -> ApplicationDocument | HttpResponse:
        """Create an application, or return the one that is there."""
        project_id = self.key_project
        self.check_whole_project()
        sent = self.body(request, ApplicationIn)
        fields: dict[str, Any] = {"owner_id": sent.get("uid", ""), "name": sent["name"], **_settings(sent)}
        if not is_true(request, "get_if_exists"):
            return application_document(create_application(project_id, **fields))
        application, is_new = get_or_create_application(project_id, **fields)
        document = application_document(application)
        return document if is_new else create.answer(document, CHANGED)


class ApplicationDetail(SvixView):
    """One application."""

    http_method_names = ["get", "head", "put", "patch", "delete"]

    @get
    def get(self, request: Request, ownerID: str) -> ApplicationDocument:  # noqa: N803
        """Return it."""
        return application_document(find_application(*self.project_and_owner(ownerID)))

    @update
    def put(self, request: Request, ownerID: str) -> ApplicationDocument | HttpResponse:  # noqa: N803
        """Replace it, or create it."""
        self.check_whole_project()
        project_id, owner_id = self.project_and_owner(ownerID)
        sent = self.body(request, ApplicationIn)
        fields: dict[str, Any] = {"name": sent["name"], "metadata": {}, "rate_limit": None, **_settings(sent)}
        _check_uid(sent, owner_id)
        application, is_new = get_or_create_application(project_id, owner_id=owner_id, **fields)
        if is_new:
            return update.answer(application_document(application), CREATED)
        return application_document(update_application(application, **fields))

    @patch
    def patch(self, request: Request, ownerID: str) -> ApplicationDocument:  # noqa: N803
        """Change what is sent of it."""
        self.check_whole_project()
        project_id, owner_id = self.project_and_owner(ownerID)
        sent = self.body(request, ApplicationPatch)
        application = find_application(project_id, owner_id)
        _check_uid(sent, owner_id)
        changes = {name: sent[name] for name in ("name",) if name in sent} | _settings(sent)
        return application_document(update_application(application, **changes))

    @delete
    def delete(self, request: Request, ownerID: str) -> None:  # noqa: N803
        """Delete it with its endpoints."""
        self.check_whole_project()
        project_id, owner_id = self.project_and_owner(ownerID)
        delete_application(project_id, find_application(project_id, owner_id))


def _settings(sent: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata and the limit that a body holds, by the names of the columns."""
    found = {"metadata": sent["metadata"]} if "metadata" in sent else {}
    limits = [sent[name] for name in ("throttleRate", "rateLimit") if name in sent]
    return found | ({"rate_limit": limits[0]} if limits else {})


def _check_uid(sent: dict[str, Any], owner_id: str) -> None:
    if sent.get("uid", owner_id) != owner_id:
        raise OwnerFixed

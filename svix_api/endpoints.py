"""Svix's endpoints. Contract: docs/contract/svix.md#endpoints."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from applications.exceptions import ApplicationNotFound
from applications.prefixes import ENDPOINT
from core.api.documents import example
from core.api.openapi import Outcome, Refusal, Tag, body, path_parameter
from core.exceptions import Forbidden
from core.prefixed_ids import uid_in
from endpoints import operations
from endpoints.exceptions import EndpointExists, EndpointNotFound, HeadersElsewhere, TooManyEndpoints, UrlTemplate
from endpoints.models import Endpoint
from outbound.exceptions import UrlNotSecure, UrlScheme
from outbound.headers import HeaderRefused
from outbound.urls import parse_target
from portal_links.capabilities import DELETE_ENDPOINT, MANAGE_ENDPOINT, MANAGE_SUBSCRIPTIONS
from portal_links.exceptions import CapabilityMissing
from portal_links.owners import find_application
from projects.models import EVERY_TYPE
from subscriptions.choice import choose_event_types
from subscriptions.event_types import unknown
from subscriptions.models import Subscription
from svix_api.applications import APPLICATION_ID
from svix_api.base import REFUSED_ALWAYS, REFUSED_BODY, WRONG_FIELDS, OtherApplication, wrong_field
from svix_api.customers import CustomerView
from svix_api.endpoint_shapes import (
    EndpointIn,
    EndpointOut,
    EndpointPatch,
    EndpointUpdate,
    chosen_types,
    columns,
    endpoint_bytes,
    endpoint_documents,
    is_uid,
)
from svix_api.paging import ITERATOR, LIMIT, PageDocument, order_parameter, page_example, read_page, with_data
from svix_api.secrets import new_secret

TAG = Tag("Endpoints (Svix)", envelope=False)
MAX_NAME = 255


class NotACustomers(Forbidden):
    """A session that changes what the company has set."""

    message = "the uid and the metadata of an endpoint are set with an API key"


# Operations

EXAMPLE = example(EndpointOut)
FULL = {
    "url": "https://hooks.example.com/orders",
    "description": "Orders",
    "uid": "orders",
    "filterTypes": ["order.paid"],
    "rateLimit": 50,
    "metadata": {"team": "billing"},
}
PLAIN = example(
    EndpointOut,
    uid=None,
    description="",
    filterTypes=None,
    eventTypes=None,
    rateLimit=None,
    throttleRate=None,
    metadata={},
)
ENDPOINT_ID = path_parameter("endpointID", "The id of the endpoint, or its uid.")
#: The refusals of every body.
REFUSED_HERE: list[Refusal] = [
    *(*REFUSED_BODY, OtherApplication, UrlScheme, UrlNotSecure, UrlTemplate),
    *(CapabilityMissing, NotACustomers, EndpointExists),
]
CREATED = Outcome("The new endpoint.", EndpointOut, {"It is new": EXAMPLE}, status=201)

list_endpoints = TAG.operation(
    "v1.endpoint.list",
    "List endpoints (Svix)",
    description="A page of the application's endpoints, oldest first.",
    parameters=[APPLICATION_ID, LIMIT, ITERATOR, order_parameter("ascending")],
    success=Outcome("The page.", PageDocument[EndpointOut], {"One endpoint": page_example(EXAMPLE, prefix=ENDPOINT)}),
    outcomes=[WRONG_FIELDS],
    refused=[*REFUSED_ALWAYS, ApplicationNotFound],
)
create = TAG.operation(
    "v1.endpoint.create",
    "Create an endpoint (Svix)",
    description="Creates an endpoint of the application that gets messages of the event types, or of all.",
    parameters=[APPLICATION_ID],
    request=body(
        EndpointIn,
        {"In full": FULL | {"headers": {"X-Tenant": "acme"}}, "By its URL": {"url": "https://hooks.example.com/all"}},
    ),
    success=Outcome("The endpoint.", EndpointOut, {"In full": EXAMPLE, "By its URL": PLAIN}, status=201),
    outcomes=[WRONG_FIELDS],
    refused=[*REFUSED_HERE, TooManyEndpoints(most=1000), ApplicationNotFound],
)
get = TAG.operation(
    "v1.endpoint.get",
    "Get an endpoint (Svix)",
    description="Returns one endpoint of the application.",
    parameters=[APPLICATION_ID, ENDPOINT_ID],
    success=Outcome("The endpoint.", EndpointOut, "Endpoint"),
    refused=[*REFUSED_ALWAYS, EndpointNotFound],
)
update = create.twin(
    "v1.endpoint.update",
    "Replace an endpoint (Svix)",
    description="Replaces an endpoint, or creates one of this uid. Its secret and headers stay.",
    parameters=[APPLICATION_ID, ENDPOINT_ID],
    request=body(EndpointUpdate, {"In full": FULL}),
    success=get.success,
    outcomes=[CREATED, WRONG_FIELDS],
    refused=[*REFUSED_HERE, TooManyEndpoints(most=1000), HeadersElsewhere, EndpointNotFound],
)
patch = update.twin(
    "v1.endpoint.patch",
    "Change an endpoint (Svix)",
    description="Changes the fields of an endpoint that are sent.",
    request=body(EndpointPatch, {"Another URL": {"url": "https://hooks.example.com/paid"}}),
    outcomes=[WRONG_FIELDS],
    refused=[*REFUSED_HERE, HeadersElsewhere, EndpointNotFound],
)
delete = TAG.operation(
    "v1.endpoint.delete",
    "Delete an endpoint (Svix)",
    description="Deletes an endpoint. Its messages and attempts stay.",
    parameters=[APPLICATION_ID, ENDPOINT_ID],
    success=Outcome("Deleted.", type(None), status=204),
    refused=[*REFUSED_ALWAYS, CapabilityMissing, EndpointNotFound],
)


# Views


class EndpointView(CustomerView):
    """The base of the operations on the endpoints of an application."""

    def known_owner(self, app_id: str) -> str:
        """Return the owner of an application that exists; a session vouches for its own. Raises DomainError."""
        project_id, owner_id = self.project_and_owner(app_id)
        return find_application(project_id, owner_id).owner_id if self.access is None else owner_id

    def endpoint(self, app_id: str, endpoint_id: str) -> Endpoint:
        """Return an endpoint by its id or its uid. Raises DomainError."""
        _, owner_id = self.project_and_owner(app_id)
        uid = uid_in(ENDPOINT, endpoint_id)
        named = {"pk": uid} if uid else {"external_id": endpoint_id}
        row = None if "\x00" in endpoint_id else self.scope(owner_id).filter(**named).first()
        if row is None:
            raise EndpointNotFound
        return row

    def shown(self, row: Endpoint) -> EndpointOut:
        """Return the document of an endpoint as it is stored now."""
        return endpoint_documents([self.scope(row.owner_id).get(pk=row.pk)])[0]

    def create_receiving(self, owner_id: str, sent: dict[str, Any]) -> EndpointOut:
        """Create an endpoint with a subscription, and return its document. Raises DomainError, WrongFields."""
        sent = {"eventTypes": None} | sent if chosen_types(sent) is None else sent
        self.check_choice(sent, None)
        given = {} if self.access is None else {"metadata": dict(self.access.metadata)}
        fields = {"name": _name(sent), "secret": new_secret(), "owner_id": owner_id} | columns(sent) | given
        with transaction.atomic(), headers_refused():
            row = operations.create_endpoint(self.key_project, **fields)
            self.choose(row, sent)
            if sent.get("disabled"):
                operations.pause_endpoint(row.project_id, row.uid)
        return self.shown(row)

    def change(self, row: Endpoint, sent: dict[str, Any]) -> EndpointOut:
        """Change what a body sends of an endpoint, and return its document. Raises DomainError, WrongFields."""
        self.check_choice(sent, row)
        scope = self.scope(row.owner_id)
        with transaction.atomic():
            if fields := columns(sent):
                fields = {"url": row.url, "name": row.name} | fields
                operations.update_endpoint(row.project_id, row.uid, scope=scope, reveal=self.reveals, **fields)
            self.choose(row, sent)
            if sent.get("disabled", _is_disabled(row)) != _is_disabled(row):
                turn = operations.pause_endpoint if sent["disabled"] else operations.activate_endpoint
                turn(row.project_id, row.uid, scope=scope)
        return self.shown(row)

    def choose(self, row: Endpoint, sent: dict[str, Any]) -> None:
        """Let an endpoint take the event types and channels that a body sends. Raises DomainError."""
        if types := chosen_types(sent):
            choose_event_types(row.project_id, row.uid, types[1], scope=self.scope(row.owner_id))
        if "channels" in sent:
            channels = sent["channels"] or []
            subscriptions = Subscription.objects.for_project(row.project_id).filter(endpoint_id=row.uid)
            subscriptions.exclude(channels=channels).update(channels=channels, updated_at=timezone.now())

    def check_choice(self, sent: dict[str, Any], row: Endpoint | None) -> None:
        """Refuse event types that do not exist, and what a session may not set. Raises WrongFields, Forbidden."""
        types = chosen_types(sent)
        if (types or "channels" in sent) and not self.may(MANAGE_SUBSCRIPTIONS):
            raise CapabilityMissing
        stored = {"uid": (row.external_id if row else "") or None, "metadata": row.metadata if row else {}}
        if self.access is not None and any(sent.get(name, stored[name]) != stored[name] for name in stored):
            raise NotACustomers
        if types and (missing := unknown(self.key_project, {*types[1]} - {EVERY_TYPE})):
            raise wrong_field("body", types[0], f"there is no event type {min(missing)}")


class Endpoints(EndpointView):
    """List and create the endpoints of an application."""

    http_method_names = ["get", "head", "post", "options"]
    needs = {"POST": MANAGE_ENDPOINT}

    @list_endpoints
    def get(self, request: Request, ownerID: str) -> PageDocument[EndpointOut]:  # noqa: N803
        """Return a page."""
        rows = self.scope(self.known_owner(ownerID)).defer("secrets", "authentication", "mtls_client_cert")
        page: PageDocument[Endpoint] = read_page(request, rows, ENDPOINT, lambda row: row, size=endpoint_bytes())
        return with_data(page, endpoint_documents(page["data"]))

    @create
    def post(self, request: Request, ownerID: str) -> EndpointOut:  # noqa: N803
        """Create an endpoint."""
        owner_id = self.known_owner(ownerID)
        return self.create_receiving(owner_id, self.body(request, EndpointIn))


class EndpointDetail(EndpointView):
    """One endpoint."""

    http_method_names = ["get", "head", "put", "patch", "delete", "options"]
    needs = {"PUT": MANAGE_ENDPOINT, "PATCH": MANAGE_ENDPOINT, "DELETE": DELETE_ENDPOINT}

    @get
    def get(self, request: Request, ownerID: str, endpointID: str) -> EndpointOut:  # noqa: N803
        """Return it."""
        return self.shown(self.endpoint(ownerID, endpointID))

    @update
    def put(self, request: Request, ownerID: str, endpointID: str) -> EndpointOut | HttpResponse:  # noqa: N803
        """Replace it, or create one of this uid."""
        owner_id = self.known_owner(ownerID)
        sent = self.body(request, EndpointUpdate)
        try:
            row = self.endpoint(ownerID, endpointID)
        except EndpointNotFound:
            if uid_in(ENDPOINT, endpointID) or not is_uid(endpointID):
                raise
            return update.answer(self.create_receiving(owner_id, {"uid": endpointID} | sent), CREATED)
        whole: dict[str, Any] = {"description": "", "disabled": False, "metadata": {}, "channels": None}
        if not sent.keys() & {"throttleRate", "rateLimit"}:
            whole["throttleRate"] = None
        if chosen_types(sent) is None:
            whole["eventTypes"] = None
        if self.access is not None:
            # Fields that a customer cannot set stay.
            del whole["metadata"]
        if not self.may(MANAGE_SUBSCRIPTIONS):
            whole = {name: value for name, value in whole.items() if name not in ("eventTypes", "channels")}
        return self.change(row, whole | sent)

    @patch
    def patch(self, request: Request, ownerID: str, endpointID: str) -> EndpointOut:  # noqa: N803
        """Change what is sent of it."""
        row = self.endpoint(ownerID, endpointID)
        return self.change(row, self.body(request, EndpointPatch))

    @delete
    def delete(self, request: Request, ownerID: str, endpointID: str) -> None:  # noqa: N803
        """Delete it."""
        row = self.endpoint(ownerID, endpointID)
        operations.delete_endpoint(row.project_id, row.uid, scope=self.scope(row.owner_id))


def _is_disabled(row: Endpoint) -> bool:
    return row.status != Endpoint.Status.ACTIVE


def _name(sent: dict[str, Any]) -> str:
    """Return the name under which Convoy's API and the portal show a new endpoint: its description, or its host.

    Raises InvalidInput where neither can be read.
    """
    lines: list[str] = sent.get("description", "").strip().splitlines()
    return (lines[0] if lines else str(parse_target(sent["url"]).hostname))[:MAX_NAME]


@contextmanager
def headers_refused() -> Iterator[None]:
    """Refuse the headers of a body as one of its fields. Raises WrongFields."""
    try:
        yield
    except HeaderRefused as refusal:
        raise wrong_field("body", "headers", refusal.message.partition(": ")[2]) from None

"""Every operation by every kind of credential, on everybody's rows: who may, and that nobody else can.

An operation that is new fails until it has a line in ALLOWED. What is refused changes no row, and
neither answer nor refusal holds anything of a tenant that the caller has nothing to do with.
"""

import re
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from django.db import connection
from django.utils import timezone

from endpoints.operations import create_endpoint, pause_endpoint
from onboarding.operations import accept
from portal_links.capabilities import EVERYTHING, ROLES, SVIX, Capabilities
from portal_links.models import PortalLink, PortalSession
from portal_links.operations import create_portal_link, mint_refresh_token, revoke_portal_link
from portal_links.sessions import mint_session, open_session, revoke_session
from projects.keys import MANAGEMENT_PREFIX, make_key
from projects.models import APIKey, EventType, Project
from projects.operations import create_api_key, create_project, delete_project, revoke_api_key
from subscriptions.models import Filter
from subscriptions.operations import create_subscription
from tests.conftest import Row
from tests.deliveries.rows import make_attempt, make_delivery, make_event
from tests.endpoints.bodies import SHARED_SECRET
from tests.meta_events.rows import make_meta_event
from tests.routes import EVERY_OPERATION, Operation, Surface
from tests.surfaces import refusal, send

# Thousands of requests, on a machine that is busy with something else.
pytestmark = [pytest.mark.matrix, pytest.mark.timeout(900)]

# The kinds of credential, by what they are good for. All that name an owner name OWN.

READ_KEYS = {"admin key", "viewer key"}
WRITE_KEYS = {"admin key", "instance key"}
OWNER_KEYS = {"owner key", "owner viewer key"}
NAHOOK = {"nahook admin", "nahook editor", "nahook viewer"}
SVIX_SETS = {f"svix {name}" for name in SVIX}
SESSIONS = NAHOOK | SVIX_SETS | {"svix everything", "feather read only"}
LINKS = {"static token", "static token, view only", "PRT token", "PRT token, view only"}
#: Everything that opens the portal, and what of it has the one or the other right there.
CUSTOMERS = SESSIONS | LINKS
MANAGERS = {"static token", "PRT token", "nahook admin", "nahook editor", "svix ManageEndpoint", "svix everything"}
DELETERS = MANAGERS - {"nahook editor"}
ROTATORS = {"static token", "PRT token", "nahook admin", "nahook editor", "svix everything"} | {
    "svix ManageEndpointSecret"
}
#: What may send events, again or for the first time: a link may, also where it manages nothing.
SENDERS = LINKS | {"nahook admin", "nahook editor", "svix CreateAttempts", "svix everything"}
#: What sees no signing secret, its own customer's either.
LOOKERS = {
    *("viewer key", "nahook viewer", "feather read only", "static token, view only", "PRT token, view only"),
    *("svix ViewBase", "svix ManageTransformations", "svix CreateAttempts"),
}
#: What of CUSTOMERS may choose which events are sent.
CHOOSERS = MANAGERS | {"static token, view only", "PRT token, view only"}
#: What opens nothing at all.
DEAD = {
    *("no credential", "nonsense", "unknown key", "revoked key", "expired key", "key of a deleted project"),
    *("token of a revoked link", "static token of a refresh link", "PRT of a revoked link", "PRT of a static link"),
    *("PRT, expired", "token of a deleted project", "session, expired", "session, revoked"),
    *("session of a deleted project", "code, not opened", "code, opened"),
}
KINDS = READ_KEYS | WRITE_KEYS | OWNER_KEYS | CUSTOMERS | DEAD | {"nhm key", "key of another project"}
#: A key of another project, which is the only one at home there.
ELSEWHERE = {"key of another project", "instance key"}


class Who(NamedTuple):
    """The credentials that may carry out an operation on one's own row, another owner's, another project's.

    None where the operation's path names none of these.
    """

    own: set[str]
    other_owner: set[str] | None = None
    other_project: set[str] | None = None


READ = Who(READ_KEYS | {"instance key"}, other_project=ELSEWHERE)
WRITE = Who(WRITE_KEYS, other_project=ELSEWHERE)
# The Convoy API is for whole projects: it knows owners only as a column.
READ_ROW = Who(READ.own, READ.own, ELSEWHERE)
WRITE_ROW = Who(WRITE.own, WRITE.own, ELSEWHERE)
PORTAL_READ_ROW = Who(CUSTOMERS | READ_KEYS, READ_KEYS, {"key of another project"})
PORTAL_CHOICE = Who(CHOOSERS, set(), set())

PROJECT = "/projects/{projectID}"
ENDPOINT = f"{PROJECT}/endpoints/{{endpointID}}"
LINK = f"{PROJECT}/portal-links/{{portalLinkID}}"
META_EVENT = f"{PROJECT}/meta-events/{{metaEventID}}"
DELIVERY = f"{PROJECT}/eventdeliveries/{{eventDeliveryID}}"
PORTAL_ENDPOINT = "/portal-api/endpoints/{endpointID}"
EVENT_TYPE = f"{PROJECT}/event-types/{{eventTypeId}}"
SUBSCRIPTION = f"{PROJECT}/subscriptions/{{subscriptionID}}"
PORTAL_SUBSCRIPTION = "/portal-api/subscriptions/{subscriptionID}"
EVENT = f"{PROJECT}/events/{{eventID}}"
PORTAL_EVENT = "/portal-api/events/{eventID}"

PORTAL_DELIVERIES = "/portal-api/eventdeliveries"
PORTAL_DELIVERY = f"{PORTAL_DELIVERIES}/{{eventDeliveryID}}"

ALLOWED: dict[str, Who] = {
    "GET /projects": Who(READ.own | {"key of another project"}),
    "POST /projects": Who({"instance key"}),
    f"GET {PROJECT}": READ,
    f"PUT {PROJECT}": WRITE,
    f"DELETE {PROJECT}": WRITE,
    f"GET {PROJECT}/endpoints": READ,
    f"GET {PROJECT}/endpoints/": READ,
    f"POST {PROJECT}/endpoints": WRITE,
    f"POST {PROJECT}/endpoints/": WRITE,
    f"POST {PROJECT}/endpoints/oauth2/test": WRITE,
    f"GET {ENDPOINT}": READ_ROW,
    f"PUT {ENDPOINT}": WRITE_ROW,
    f"DELETE {ENDPOINT}": WRITE_ROW,
    f"PUT {ENDPOINT}/pause": WRITE_ROW,
    f"POST {ENDPOINT}/activate": WRITE_ROW,
    f"PUT {ENDPOINT}/expire_secret": WRITE_ROW,
    f"GET {PROJECT}/endpoints/period-failure-rates": READ,
    f"GET {PROJECT}/eventdeliveries": READ,
    f"GET {PROJECT}/eventdeliveries/": READ,
    f"POST {PROJECT}/eventdeliveries/forceresend": WRITE,
    f"POST {PROJECT}/eventdeliveries/batchretry": WRITE,
    f"GET {DELIVERY}": READ_ROW,
    f"PUT {DELIVERY}/resend": WRITE_ROW,
    f"GET {DELIVERY}/deliveryattempts": READ_ROW,
    f"GET {DELIVERY}/deliveryattempts/": READ_ROW,
    f"GET {DELIVERY}/deliveryattempts/{{deliveryAttemptID}}": READ_ROW,
    f"GET {PROJECT}/portal-links": READ,
    f"GET {PROJECT}/portal-links/": READ,
    f"POST {PROJECT}/portal-links": WRITE,
    f"POST {PROJECT}/portal-links/": WRITE,
    f"GET {LINK}": READ_ROW,
    f"PUT {LINK}": WRITE_ROW,
    f"PUT {LINK}/revoke": WRITE_ROW,
    f"GET {LINK}/refresh_token": WRITE_ROW,
    f"GET {PROJECT}/portal-sessions": READ,
    f"GET {PROJECT}/portal-sessions/": READ,
    f"PUT {PROJECT}/portal-sessions/{{sessionID}}/revoke": WRITE_ROW,
    f"GET {PROJECT}/event-types": READ,
    f"GET {PROJECT}/event-types/": READ,
    f"POST {PROJECT}/event-types": WRITE,
    f"POST {PROJECT}/event-types/": WRITE,
    f"POST {PROJECT}/event-types/import": WRITE,
    f"PUT {EVENT_TYPE}": WRITE_ROW,
    f"POST {EVENT_TYPE}/deprecate": WRITE_ROW,
    f"GET {PROJECT}/subscriptions": READ,
    f"GET {PROJECT}/subscriptions/": READ,
    f"POST {PROJECT}/subscriptions": WRITE,
    f"POST {PROJECT}/subscriptions/": WRITE,
    f"POST {PROJECT}/subscriptions/test_filter": READ,
    # There are no functions.
    f"POST {PROJECT}/subscriptions/test_function": Who(set(), other_project=set()),
    f"GET {SUBSCRIPTION}": READ_ROW,
    f"PUT {SUBSCRIPTION}": WRITE_ROW,
    f"DELETE {SUBSCRIPTION}": WRITE_ROW,
    f"PUT {SUBSCRIPTION}/toggle_status": WRITE_ROW,
    f"GET {SUBSCRIPTION}/filters": READ_ROW,
    f"GET {SUBSCRIPTION}/filters/": READ_ROW,
    f"POST {SUBSCRIPTION}/filters": WRITE_ROW,
    f"POST {SUBSCRIPTION}/filters/": WRITE_ROW,
    f"POST {SUBSCRIPTION}/filters/bulk": WRITE_ROW,
    f"POST {SUBSCRIPTION}/filters/bulk_update": WRITE_ROW,
    f"PUT {SUBSCRIPTION}/filters/bulk_update": WRITE_ROW,
    f"POST {SUBSCRIPTION}/filters/test/{{eventType}}": READ_ROW,
    f"GET {SUBSCRIPTION}/filters/{{filterID}}": READ_ROW,
    f"PUT {SUBSCRIPTION}/filters/{{filterID}}": WRITE_ROW,
    f"DELETE {SUBSCRIPTION}/filters/{{filterID}}": WRITE_ROW,
    f"GET {PROJECT}/events": READ,
    f"GET {PROJECT}/events/": READ,
    f"POST {PROJECT}/events": WRITE,
    f"POST {PROJECT}/events/": WRITE,
    f"POST {PROJECT}/events/fanout": WRITE,
    f"POST {PROJECT}/events/broadcast": WRITE,
    f"POST {PROJECT}/events/dynamic": WRITE,
    f"POST {PROJECT}/events/batchreplay": WRITE,
    f"GET {PROJECT}/events/countbatchreplayevents": READ,
    f"GET {EVENT}": READ_ROW,
    f"PUT {EVENT}/replay": WRITE_ROW,
    f"POST {PROJECT}/onboard": WRITE,
    f"GET {PROJECT}/onboard/batches": READ,
    f"GET {PROJECT}/onboard/batches/{{batchID}}": READ_ROW,
    f"GET {PROJECT}/meta-events": READ,
    f"GET {PROJECT}/meta-events/": READ,
    f"GET {META_EVENT}": READ_ROW,
    f"PUT {META_EVENT}/resend": WRITE_ROW,
    # The portal API: an API key looks at its whole project and changes nothing.
    "GET /portal-api/portal_link": Who(CUSTOMERS),
    "GET /portal-api/license/features": Who(CUSTOMERS | READ_KEYS | {"key of another project"}),
    "GET /portal-api/endpoints": Who(CUSTOMERS | READ_KEYS | {"key of another project"}),
    "GET /portal-api/endpoints/": Who(CUSTOMERS | READ_KEYS | {"key of another project"}),
    "POST /portal-api/endpoints": Who(MANAGERS),
    "POST /portal-api/endpoints/": Who(MANAGERS),
    f"GET {PORTAL_ENDPOINT}": Who(CUSTOMERS | READ_KEYS, READ_KEYS, {"key of another project"}),
    f"PUT {PORTAL_ENDPOINT}": Who(MANAGERS, set(), set()),
    f"DELETE {PORTAL_ENDPOINT}": Who(DELETERS, set(), set()),
    f"PUT {PORTAL_ENDPOINT}/pause": Who(MANAGERS, set(), set()),
    f"POST {PORTAL_ENDPOINT}/activate": Who(MANAGERS, set(), set()),
    f"PUT {PORTAL_ENDPOINT}/expire_secret": Who(ROTATORS, set(), set()),
    # Event types are the company's.
    "GET /portal-api/event-types": Who(CUSTOMERS | READ_KEYS | {"key of another project"}),
    "GET /portal-api/event-types/": Who(CUSTOMERS | READ_KEYS | {"key of another project"}),
    "POST /portal-api/event-types": Who(set()),
    "POST /portal-api/event-types/": Who(set()),
    "PUT /portal-api/event-types/{eventTypeId}": Who(set(), set(), set()),
    "POST /portal-api/event-types/{eventTypeId}/deprecate": Who(set(), set(), set()),
    "GET /portal-api/subscriptions": Who(CUSTOMERS | READ_KEYS | {"key of another project"}),
    "GET /portal-api/subscriptions/": Who(CUSTOMERS | READ_KEYS | {"key of another project"}),
    "POST /portal-api/subscriptions": Who(CHOOSERS),
    "POST /portal-api/subscriptions/": Who(CHOOSERS),
    "POST /portal-api/subscriptions/test_filter": Who(CUSTOMERS | READ_KEYS | {"key of another project"}),
    "POST /portal-api/subscriptions/test_function": Who(set()),
    f"GET {PORTAL_SUBSCRIPTION}": PORTAL_READ_ROW,
    f"PUT {PORTAL_SUBSCRIPTION}": PORTAL_CHOICE,
    f"DELETE {PORTAL_SUBSCRIPTION}": PORTAL_CHOICE,
    f"GET {PORTAL_SUBSCRIPTION}/filters": PORTAL_READ_ROW,
    f"GET {PORTAL_SUBSCRIPTION}/filters/": PORTAL_READ_ROW,
    f"POST {PORTAL_SUBSCRIPTION}/filters": PORTAL_CHOICE,
    f"POST {PORTAL_SUBSCRIPTION}/filters/": PORTAL_CHOICE,
    f"POST {PORTAL_SUBSCRIPTION}/filters/bulk": PORTAL_CHOICE,
    f"POST {PORTAL_SUBSCRIPTION}/filters/bulk_update": PORTAL_CHOICE,
    f"PUT {PORTAL_SUBSCRIPTION}/filters/bulk_update": PORTAL_CHOICE,
    f"POST {PORTAL_SUBSCRIPTION}/filters/test/{{eventType}}": PORTAL_READ_ROW,
    f"GET {PORTAL_SUBSCRIPTION}/filters/{{filterID}}": PORTAL_READ_ROW,
    f"PUT {PORTAL_SUBSCRIPTION}/filters/{{filterID}}": PORTAL_CHOICE,
    f"DELETE {PORTAL_SUBSCRIPTION}/filters/{{filterID}}": PORTAL_CHOICE,
    "GET /portal-api/events": Who(CUSTOMERS | READ_KEYS | {"key of another project"}),
    "GET /portal-api/events/": Who(CUSTOMERS | READ_KEYS | {"key of another project"}),
    "POST /portal-api/events": Who(SENDERS),
    "POST /portal-api/events/": Who(SENDERS),
    "POST /portal-api/events/batchreplay": Who(SENDERS),
    "GET /portal-api/events/countbatchreplayevents": Who(CUSTOMERS | READ_KEYS | {"key of another project"}),
    f"GET {PORTAL_EVENT}": Who(CUSTOMERS | READ_KEYS, READ_KEYS, {"key of another project"}),
    f"PUT {PORTAL_EVENT}/replay": Who(SENDERS, set(), set()),
    "GET /portal-api/endpoints/period-failure-rates": Who(CUSTOMERS | READ_KEYS | {"key of another project"}),
    f"GET {PORTAL_DELIVERIES}": Who(CUSTOMERS | READ_KEYS | {"key of another project"}),
    f"GET {PORTAL_DELIVERIES}/": Who(CUSTOMERS | READ_KEYS | {"key of another project"}),
    f"POST {PORTAL_DELIVERIES}/forceresend": Who(SENDERS),
    f"POST {PORTAL_DELIVERIES}/batchretry": Who(SENDERS),
    f"GET {PORTAL_DELIVERIES}/countbatchretryevents": Who(CUSTOMERS | READ_KEYS | {"key of another project"}),
    f"GET {PORTAL_DELIVERIES}/statustotals": Who(CUSTOMERS | READ_KEYS | {"key of another project"}),
    "GET /portal-api/dashboard/summary": Who(CUSTOMERS | READ_KEYS | {"key of another project"}),
    f"GET {PORTAL_DELIVERY}": Who(CUSTOMERS | READ_KEYS, READ_KEYS, {"key of another project"}),
    f"PUT {PORTAL_DELIVERY}/resend": Who(SENDERS, set(), set()),
    f"GET {PORTAL_DELIVERY}/deliveryattempts": Who(CUSTOMERS | READ_KEYS, READ_KEYS, {"key of another project"}),
    f"GET {PORTAL_DELIVERY}/deliveryattempts/": Who(CUSTOMERS | READ_KEYS, READ_KEYS, {"key of another project"}),
    f"GET {PORTAL_DELIVERY}/deliveryattempts/{{deliveryAttemptID}}": Who(
        CUSTOMERS | READ_KEYS, READ_KEYS, {"key of another project"}
    ),
    # Sessions in the words of other clients
    "POST /management/v1/workspaces/{projectID}/applications/{ownerID}/portal": Who(
        WRITE_KEYS | {"nhm key", "owner key"}, WRITE_KEYS | {"nhm key"}, ELSEWHERE
    ),
    "POST /v1/webhooks/portal": Who(OWNER_KEYS),
    # An application is an owner in the key's own project: the path names no other.
    "POST /api/v1/auth/app-portal-access/{ownerID}": Who(
        {"admin key", "owner key", "key of another project"}, {"admin key", "key of another project"}
    ),
    "POST /api/v1/auth/app/{ownerID}/expire-all": Who(
        {"admin key", "owner key", "key of another project"}, {"admin key", "key of another project"}
    ),
    "POST /api/v1/auth/logout": Who(SESSIONS),
}

#: The operations by what they are about, which is what a test of them is called: "Convoy endpoints".
NOUNS: dict[str, list[Operation]] = {}
for _operation in EVERY_OPERATION:
    _nouns = re.findall(r"/([a-z-]+)", _operation.path.removeprefix(PROJECT).removeprefix("/portal-api")) or ["project"]
    NOUNS.setdefault(f"{_operation.surface} {_nouns[0]}", []).append(_operation)

#: The rows that a path names, and those of them that it names without their project.
IN_ANY_PROJECT = ("endpointID", "eventDeliveryID", "eventID", "subscriptionID", "filterID", "eventTypeId")
ROWS = (*IN_ANY_PROJECT, "portalLinkID", "sessionID", "ownerID", "metaEventID", "batchID")
#: What must be in a query.
QUERY = {"/portal-api/dashboard/summary": "?startDate=2026-01-01T00:00:00&type=daily"}
#: A body that each operation of Convoy's and of the portal API takes. The others take none.
BODY = {"name": "New", "url": "https://new.example.com/in", "type": "outgoing", "owner_id": "new", "secret": "new"}
BODY |= {"event_type": "order.paid", "data": "new"}
ITEMS = [{"name": "New", "url": "https://new.example.com/in"}]
SPEC = '{"openapi": "3.1.0", "webhooks": {"order.lost": {"post": {}}}}'


def body_for(operation: Operation, tenant: "Tenant") -> Any:
    """A body that the operation takes on the tenant's rows."""
    if operation.surface not in (Surface.CONVOY, Surface.PORTAL) or operation.method == "GET":
        return None
    if operation.path.endswith("/filters/bulk"):
        return [BODY]
    if operation.path.endswith("/filters/bulk_update"):
        return [{"uid": tenant.ids["filterID"], "enabled_at": None}]
    if operation.path.endswith("/oauth2/test"):
        # An address that is refused before anything is sent: that the trial fails is an answer, too.
        config: Any = SHARED_SECRET["oauth2"]
        return {"oauth2": config | {"url": "https://127.0.0.1/token"}}
    if operation.path.endswith("/onboard"):
        return {"items": ITEMS}
    if operation.path.endswith("/import"):
        return {"spec": SPEC}
    if operation.path.endswith(("/subscriptions", "/subscriptions/")):
        return BODY | {"endpoint_id": tenant.paused.uid}
    if operation.path.endswith("/filters/{filterID}"):
        return {"event_type": "order.paid"}
    return BODY | {"ids": [tenant.delivered.uid], "endpoint_id": tenant.endpoint.uid}


class Tenant:
    """An owner's endpoints, link and session in a project, and the texts that only they know."""

    def __init__(self, project: Project, owner_id: str, mark: str, key: APIKey) -> None:
        self.key = (project.uid, owner_id)
        self.marks = [f"{mark}-name", f"{mark}.example.com", f"{mark}-secret"]
        fields: dict[str, Any] = {"name": self.marks[0], "url": f"https://{self.marks[1]}/in", "secret": self.marks[2]}
        self.endpoint = create_endpoint(project.uid, owner_id=owner_id, **fields)
        self.paused = create_endpoint(project.uid, owner_id=owner_id, **fields)
        pause_endpoint(project.uid, self.paused.uid)
        self.link = create_portal_link(project.uid, name=self.marks[0], owner_id=owner_id, auth_type="refresh_token")
        self.session = session(project, key, owner_id, EVERYTHING)[0]
        config = {"event_types": ["order.created"], "filter": {"body": {"mark": self.marks[0]}}}
        self.subscription = create_subscription(
            project.uid, name=self.marks[0], endpoint_id=self.endpoint.uid, filter_config=config
        )
        EventType.objects.get_or_create(project=project, name="order.paid")
        event = make_event(project.uid, endpoints=[self.endpoint.uid], data=f'{{"mark":"{mark}-payload"}}')
        self.event = event
        self.delivery = make_delivery(self.endpoint, "Failure", event=event)
        self.delivered = make_delivery(self.endpoint, "Success", event=event)
        self.attempt = make_attempt(self.delivery, response_data=f"{mark}-answer")
        self.marks += [self.link.link.token, f"{mark}-payload", f"{mark}-answer"]
        self.ids = {"projectID": project.uid, "ownerID": owner_id, "portalLinkID": self.link.link.uid}
        self.ids |= {"endpointID": self.endpoint.uid, "sessionID": self.session.uid}
        self.ids["batchID"] = accept(project, [{"name": self.marks[0], "url": f"https://{self.marks[1]}/in"}])[0].uid
        self.ids["metaEventID"] = make_meta_event(project, {"name": self.marks[0], "owner_id": owner_id}).uid
        self.ids |= {"eventDeliveryID": self.delivery.uid, "deliveryAttemptID": self.attempt.uid}
        self.ids |= {"subscriptionID": self.subscription.uid, "eventType": "order.created"}
        self.ids |= {"filterID": Filter.objects.get(subscription=self.subscription).uid}
        self.ids |= {"eventTypeId": EventType.objects.get(project=project, name="order.created").uid}
        self.ids |= {"eventID": self.event.uid}

    def url(self, operation: Operation) -> str:
        ids = self.ids | ({"endpointID": self.paused.uid} if operation.path.endswith("/activate") else {})
        return operation.url.format(**ids) + QUERY.get(operation.path, "")


class World:
    """Three tenants, and a credential of each kind of the first one's."""

    def __init__(self) -> None:
        self.project = create_project(name="Ours", type="outgoing")[0]
        other_project = create_project(name="Another", type="outgoing")[0]
        role = APIKey.Role
        key, admin_key = create_api_key(name="admin", role=role.PROJECT_ADMIN, project=self.project)
        other_key, other_admin_key = create_api_key(name="other", role=role.PROJECT_ADMIN, project=other_project)
        self.own = Tenant(self.project, "acme", "acme", key)
        self.other_owner = Tenant(self.project, "globex", "globex", key)
        # The same owner_id in two projects is two customers.
        self.other_project = Tenant(other_project, "acme", "foreign", other_key)
        self.credentials: dict[str, str | None] = {
            "admin key": admin_key,
            "key of another project": other_admin_key,
            **self._keys(),
            **self._links(),
            **self._sessions(key),
            **self._dead(key),
        }
        # What a request notes of its session, once the last note is a minute old, would be a change in each.
        PortalSession.objects.update(last_used_at=timezone.now() + timedelta(hours=1), last_used_from="127.0.0.1")

    def _keys(self) -> dict[str, str | None]:
        def make(role: str, **fields: Any) -> str:
            return create_api_key(name=role, role=role, **fields)[1]

        role, project = APIKey.Role, self.project
        owner = {"project": project, "owner_id": "acme", "scopes": ["webhooks:manage"]}
        return {
            "viewer key": make(role.PROJECT_VIEWER, project=project),
            "instance key": make(role.INSTANCE_ADMIN),
            "owner key": make(role.PROJECT_ADMIN, **owner),
            "owner viewer key": make(role.PROJECT_VIEWER, **owner),
            "nhm key": make(role.PROJECT_ADMIN, project=project, prefix=MANAGEMENT_PREFIX),
        }

    def _link(self, **fields: Any) -> PortalLink:
        return create_portal_link(self.project.uid, name="acme", owner_id="acme", **fields).link

    def _links(self) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        for manages, suffix in ((True, ""), (False, ", view only")):
            found[f"static token{suffix}"] = self._link(can_manage_endpoint=manages).token
            link = self._link(can_manage_endpoint=manages, auth_type="refresh_token")
            found[f"PRT token{suffix}"] = mint_refresh_token(self.project.uid, link.uid)
        return found

    def _sessions(self, key: APIKey) -> dict[str, str | None]:
        sets = {f"nahook {role}": capabilities for role, capabilities in ROLES.items()}
        sets |= {f"svix {name}": capabilities for name, capabilities in SVIX.items()}
        sets |= {"svix everything": EVERYTHING, "feather read only": ROLES["viewer"]}
        found: dict[str, str | None] = {}
        for name, capabilities in sets.items():
            once = name.startswith("nahook")
            secret = session(self.project, key, "acme", capabilities, single_use=once)[1]
            found[name] = open_session(self.project.uid, secret, address=None).secret if once else secret
        return found

    def _dead(self, key: APIKey) -> dict[str, str | None]:
        # An hour: PostgreSQL's now() is when the test's transaction began, on a busy machine more than a second ago.
        role, past = APIKey.Role.PROJECT_ADMIN, timezone.now() - timedelta(hours=1)
        gone = create_project(name="Gone", type="outgoing")[0]
        gone_key, gone_secret = create_api_key(name="gone", role=role, project=gone)
        gone_link = create_portal_link(gone.uid, name="gone", owner_id="acme", can_manage_endpoint=True).link
        gone_session = session(gone, gone_key, "acme", EVERYTHING)[1]
        delete_project(gone.uid)
        revoked_key, revoked_secret = create_api_key(name="revoked", role=role, project=self.project)
        revoke_api_key(revoked_key.uid)
        links = [self._link(can_manage_endpoint=True, auth_type=auth) for auth in ("static_token", "refresh_token")]
        revoked_prt = mint_refresh_token(self.project.uid, links[1].uid)
        for link in links:
            revoke_portal_link(self.project.uid, link.uid)
        refresh = self._link(can_manage_endpoint=True, auth_type="refresh_token")
        expired_prt = mint_refresh_token(self.project.uid, refresh.uid)
        refresh.sessions.update(expires_at=past)
        turned = self._link(can_manage_endpoint=True, auth_type="refresh_token")
        turned_prt = mint_refresh_token(self.project.uid, turned.uid)
        PortalLink.objects.filter(pk=turned.pk).update(auth_type="static_token")
        expired, expired_token = session(self.project, key, "acme", EVERYTHING)
        PortalSession.objects.filter(pk=expired.pk).update(expires_at=past)
        revoked, revoked_token = session(self.project, key, "acme", EVERYTHING)
        revoke_session(self.project.uid, revoked.uid)
        opened = session(self.project, key, "acme", EVERYTHING, single_use=True)[1]
        open_session(self.project.uid, opened, address=None)
        return {
            "no credential": None,
            "nonsense": "nonsense",
            "unknown key": make_key()[1],
            "revoked key": revoked_secret,
            "expired key": create_api_key(name="expired", role=role, project=self.project, expires_at=past)[1],
            "key of a deleted project": gone_secret,
            "token of a revoked link": links[0].token,
            "static token of a refresh link": refresh.token,
            "PRT of a revoked link": revoked_prt,
            "PRT of a static link": turned_prt,
            "PRT, expired": expired_prt,
            "token of a deleted project": gone_link.token,
            "session, expired": expired_token,
            "session, revoked": revoked_token,
            "session of a deleted project": gone_session,
            "code, not opened": session(self.project, key, "acme", EVERYTHING, single_use=True)[1],
            "code, opened": opened,
        }

    def strangers_to(self, kind: str) -> list[Tenant]:
        """The tenants of whom a credential may see and change nothing."""
        if kind == "instance key":
            return []
        if kind == "key of another project":
            return [self.own, self.other_owner]
        if kind in READ_KEYS | WRITE_KEYS | {"nhm key"}:
            return [self.other_project]
        strangers = [self.other_owner, self.other_project]
        return strangers if kind in CUSTOMERS | OWNER_KEYS else [self.own, *strangers]


def session(
    project: Project, key: APIKey, owner_id: str, capabilities: Capabilities, *, single_use: bool = False
) -> tuple[PortalSession, str]:
    return mint_session(
        project.uid,
        owner_id=owner_id,
        surface=PortalSession.Surface.NAHOOK if single_use else PortalSession.Surface.SVIX,
        capabilities=capabilities,
        lifetime=timedelta(hours=1),
        single_use=single_use,
        minted_by=key.uid,
    )


#: (table, project, owner): a digest of those rows.
Snapshot = dict[tuple[str, str, str], str]

_OF_ENDPOINT = "(SELECT owner_id FROM endpoints_endpoint e WHERE e.uid = {})"
_OF_SUBSCRIPTION = "(SELECT {} FROM subscriptions_subscription s WHERE s.uid = t.subscription_id)"
_OWNERS = {
    "projects_project": ("uid", "''"),
    "projects_apikey": ("project_id", "''"),
    "endpoints_endpoint": ("project_id", "owner_id"),
    "portal_links_portallink": ("project_id", "owner_id"),
    "portal_links_portalsession": ("project_id", "owner_id"),
    "onboarding_onboardbatch": ("project_id", "''"),
    "projects_eventtype": ("project_id", "''"),
    "subscriptions_subscription": ("project_id", _OF_ENDPOINT.format("t.endpoint_id")),
    "subscriptions_filter": (
        _OF_SUBSCRIPTION.format("project_id"),
        _OF_ENDPOINT.format(_OF_SUBSCRIPTION.format("endpoint_id")),
    ),
    "meta_events_metaevent": ("project_id", "body::json #>> '{data,owner_id}'"),
    "events_event": (
        "project_id",
        "coalesce((SELECT owner_id FROM endpoints_endpoint e WHERE e.uid = t.endpoints[1]), '')",
    ),
    "events_eventdelivery": ("project_id", _OF_ENDPOINT.format("t.endpoint_id")),
    "events_deliveryattempt": ("project_id", _OF_ENDPOINT.format("t.endpoint_id")),
    "events_batchretry": ("project_id", "''"),
}
_SNAPSHOT = " UNION ALL ".join(
    f"SELECT '{table}', coalesce({project}, ''), {owner}, md5(string_agg(t::text, ' ' ORDER BY uid)) "  # noqa: S608
    f"FROM {table} t GROUP BY 1, 2, 3"
    for table, (project, owner) in _OWNERS.items()
)


def snapshot() -> Snapshot:
    """All rows of all tables, so that two of these are the same only where no row has changed.

    PostgreSQL makes the digests: this is called for each of thousands of cells.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SNAPSHOT)
        return {(table, project, owner): digest for table, project, owner, digest in cursor.fetchall()}


def changed(before: Snapshot, after: Snapshot) -> set[tuple[str, str]]:
    """(project, owner) of the rows that are not the same in both."""
    return {key[1:] for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def test_the_table_is_complete() -> None:
    """A new operation fails here until somebody has decided who may use it."""
    assert {str(operation) for operation in EVERY_OPERATION} == ALLOWED.keys()
    for operation in EVERY_OPERATION:
        who, in_path = ALLOWED[str(operation)], operation.path
        names_a_row = any(f"{{{name}}}" in in_path for name in ROWS)
        assert (who.other_owner is not None) == names_a_row
        names_a_project = any(f"{{{name}}}" in in_path for name in ("projectID", *IN_ANY_PROJECT))
        assert (who.other_project is not None) == names_a_project
        assert (who.own | (who.other_owner or set()) | (who.other_project or set())) <= KINDS - DEAD


@pytest.fixture
def world(db: None) -> World:
    made = World()
    assert made.credentials.keys() == KINDS
    return made


@pytest.mark.parametrize("noun", NOUNS)
def test_the_allowed_and_nobody_else(world: World, row: Row, noun: str) -> None:
    before = snapshot()
    for operation in NOUNS[noun]:
        for whose, allowed in ALLOWED[str(operation)]._asdict().items():
            if allowed is None:
                continue
            tenant = getattr(world, whose)
            url, body = tenant.url(operation), body_for(operation, tenant)
            for kind in sorted(KINDS):
                # Each call finds the same world: what it changes is rolled back.
                with row(f"{kind}: {operation} ({whose})"):
                    response = send(operation, url, world.credentials[kind], body)
                    what_changed = changed(before, snapshot())
                    strangers = world.strangers_to(kind)
                    if kind in allowed:
                        assert 200 <= response.status_code < 300, (response.status_code, response.content)
                        assert operation.changes if what_changed else whose != "own" or not operation.changes
                        assert what_changed.isdisjoint(tenant.key for tenant in strangers)
                    else:
                        assert refusal(operation.surface, response)[0] in (400, 401, 403, 404), response.content
                        assert not what_changed
                        strangers = [world.own, world.other_owner, world.other_project]
                    said = response.content.decode() + str(response.headers)
                    assert not [mark for tenant in strangers for mark in tenant.marks if mark in said]
                    assert kind not in LOOKERS or world.own.marks[2] not in said

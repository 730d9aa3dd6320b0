"""Three tenants, and a credential of each kind, on which the operations of the access table are tried."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from applications.operations import create_application
from deliveries.recovery import RECOVERY_JOB
from endpoints.operations import create_endpoint, pause_endpoint
from jobs.models import Job
from onboarding.operations import accept
from portal_links.capabilities import EVERYTHING, ROLES, SVIX, VIEW, VIEW_DELIVERIES, Capabilities
from portal_links.delivery_links import DeliveryNamed, create_delivery_link
from portal_links.models import PortalLink, PortalSession
from portal_links.operations import create_portal_link, mint_refresh_token, revoke_portal_link
from portal_links.sessions import mint_session, open_session, revoke_session
from projects.keys import MANAGEMENT_PREFIX, SENDING_PREFIX, make_key
from projects.models import APIKey, EventType, Project
from projects.operations import create_api_key, create_project, delete_project, revoke_api_key
from subscriptions.models import Filter
from subscriptions.operations import create_subscription
from tests.access_table import CUSTOMERS, OWNER_KEYS, READ_KEYS, WRITE_KEYS
from tests.callers import caller_of
from tests.deliveries.rows import make_attempt, make_delivery, make_event
from tests.endpoints.bodies import SHARED_SECRET
from tests.jobs.rows import make_job
from tests.meta_events.rows import make_meta_event
from tests.routes import Operation, Surface

#: The rows that a path names, and those of them that it names without their project.
IN_ANY_PROJECT = (
    "endpointID",
    "eventDeliveryID",
    "eventID",
    "subscriptionID",
    "filterID",
    "eventTypeId",
    "jobID",
    "taskID",
)
ROWS = (*IN_ANY_PROJECT, "portalLinkID", "sessionID", "ownerID", "metaEventID", "batchID", "linkID")
#: The parameters that a query must have.
QUERY = {"/portal-api/dashboard/summary": "?startDate=2026-01-01T00:00:00&type=daily"}
#: A body that each operation of Convoy's and of the portal API takes. Most of the others take none.
BODY = {"name": "New", "url": "https://new.example.com/in", "type": "outgoing", "owner_id": "new", "secret": "new"}
BODY |= {"event_type": "order.paid", "data": "new"}
ITEMS = [{"name": "New", "url": "https://new.example.com/in"}]
SPEC = '{"openapi": "3.1.0", "webhooks": {"order.lost": {"post": {}}}}'


def body_for(operation: Operation, tenant: "Tenant") -> Any:
    """A body that the operation takes on the tenant's rows."""
    if operation.path.endswith("/import/openapi"):
        return {"specRaw": SPEC}
    if operation.path.startswith("/api/v1/event-type") and operation.method in ("POST", "PUT", "PATCH"):
        return {"name": "new.type", "description": "New"}
    if operation.path.startswith("/api/v1/app/") and operation.path.endswith(("/recover", "-missing", "/bulk-replay")):
        return {"since": "2026-01-01T00:00:00Z"}
    if operation.path.startswith("/api/v1/app/") and operation.path.endswith(("/msg", "/active", "/send-example")):
        return {"eventType": "order.paid", "payload": {"n": 1}}
    if operation.path.startswith("/api/v1/app/") and operation.path.endswith("/headers"):
        return {"headers": {"X-New": "new"}}
    if operation.path.startswith("/api/v1/app/") and operation.method in ("POST", "PUT", "PATCH"):
        return {"name": "New", "url": BODY["url"]}
    if operation.path.startswith("/api/v1/app") and operation.method in ("POST", "PUT", "PATCH"):
        return {"name": "New"}
    if operation.surface == Surface.NAHOOK and operation.method in ("POST", "PUT", "PATCH"):
        return nahook_body(operation, tenant)
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
    if operation.path.endswith(("/import", "/import/jobs")):
        return {"spec": SPEC}
    if operation.path.endswith(("/subscriptions", "/subscriptions/")):
        return BODY | {"endpoint_id": tenant.paused.uid}
    if operation.path.endswith("/filters/{filterID}"):
        return {"event_type": "order.paid"}
    return BODY | {"ids": [tenant.delivered.uid], "endpoint_id": tenant.endpoint.uid}


def nahook_body(operation: Operation, tenant: "Tenant") -> Any:
    """The same for an operation of Nahook's, which refuses what it does not know."""
    noun = operation.path.rpartition("/")[2]
    bodies: dict[str, Any] = {
        "applications": {"name": "New"},
        "{ownerID}": {"name": "New"},
        "endpoints": {"url": "https://new.example.com/in"},
        "event-types": {"name": "new.type"},
        "{eventTypeId}": {"description": "New"},
        "subscriptions": {"eventTypeIds": ["order.paid"]},
        "visibility": {"published": True},
        "{eventType}": {"payload": {"a": "new"}},
        "batch": {"items": [{"payload": {}, "endpointId": tenant.endpoint.uid}]},
    }
    if operation.path.endswith("/event/batch"):
        return {"items": [{"payload": {}, "eventType": "order.created"}]}
    if noun == "{endpointID}":
        return {"description": "New"} if operation.method == "PATCH" else {"payload": {"a": "new"}}
    return bodies.get(noun)


class Tenant:
    """An owner's endpoints, link and session in a project, and the texts that only they know."""

    def __init__(self, project: Project, owner_id: str, mark: str, key: APIKey) -> None:
        self.key = (project.uid, owner_id)
        self.marks = [f"{mark}-name", f"{mark}.example.com", f"{mark}-secret"]
        fields: dict[str, Any] = {"name": self.marks[0], "url": f"https://{self.marks[1]}/in", "secret": self.marks[2]}
        self.endpoint = create_endpoint(project.uid, owner_id=owner_id, **fields)
        self.paused = create_endpoint(project.uid, owner_id=owner_id, **fields)
        pause_endpoint(project.uid, self.paused.uid)
        create_application(project.uid, owner_id=owner_id, name=self.marks[0], metadata={"mark": self.marks[0]})
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
        self.ids |= {"eventID": self.event.uid, "eventTypeName": "order.created"}
        self.ids["environmentID"] = "env_default"
        self.ids["jobID"] = make_job(project, customer=f"owner:{owner_id}", is_dry_run=True).uid
        parameters = {"endpoint_id": self.endpoint.uid, "owner_id": owner_id, "first_uid": "", "beyond_uid": ""}
        self.ids["taskID"] = Job.objects.create(
            project=project, kind=RECOVERY_JOB, customer=f"task of {owner_id}", parameters=parameters
        ).uid
        named = DeliveryNamed(project.uid, self.delivery.uid, owner_id, self.endpoint.uid, self.event.event_type)
        shared = create_delivery_link(named, shows_payload=True, customer=f"owner:{owner_id}")
        self.ids |= {"linkID": shared.link.uid}

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
        # Otherwise each request would note the use of its session, which would count as a change.
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
            "owner key without scopes": make(role.PROJECT_ADMIN, **owner | {"scopes": []}),
            "owner viewer key": make(role.PROJECT_VIEWER, **owner),
            "nhm key": make(role.PROJECT_ADMIN, project=project, prefix=MANAGEMENT_PREFIX),
            "nhk key": make(role.PROJECT_ADMIN, project=project, prefix=SENDING_PREFIX),
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
        sets |= {"session that sees no deliveries": frozenset({VIEW})}
        sets |= {"session that sees no payloads": frozenset({VIEW, VIEW_DELIVERIES})}
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
        if kind in READ_KEYS | WRITE_KEYS | {"nhm key", "nhk key"}:
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
        minted_by=caller_of(key),
    )

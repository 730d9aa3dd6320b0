"""Good bodies for the operations of the APIs that are not Convoy's, as good_bodies.py has them for Convoy's."""

from typing import Any

from subscriptions.openapi_import import EXAMPLE_SPEC
from svix_api.message_documents import NOT_OFFERED
from tests.good_bodies import BODIES as CONVOY_BODIES
from tests.good_bodies import ITEMS as CONVOY_ITEMS
from tests.good_bodies import Anything

NAHOOK = "POST /management/v1/workspaces/{projectID}/applications/{ownerID}/portal"
ACCESS = "POST /api/v1/auth/app-portal-access/{ownerID}"
EXPIRE = "POST /api/v1/auth/app/{ownerID}/expire-all"
APP = "/api/v1/app/{ownerID}"
APPLICATION: dict[str, Any] = {"name": "Acme", "metadata": {"plan": "gold"}, "rateLimit": 10, "throttleRate": 10}
WORKSPACE = "/management/v1/workspaces/{projectID}"
NAHOOK_APPLICATION: dict[str, Any] = {"name": "Acme", "metadata": {"tier": "pro"}, "showEventTypes": True}
NAHOOK_ENDPOINT: dict[str, Any] = {
    "url": "https://new.example.com/in",
    "type": "webhook",
    "description": "New",
    "metadata": {"plan": "gold"},
    "authUsername": "ada",
    "authPassword": "secret",
}
SENT: dict[str, Any] = {"payload": Anything({"a": 1}), "idempotencyKey": "a"}
TRIGGERED: dict[str, Any] = {"payload": Anything({"a": 1}), "metadata": {"region": "eu"}}
SVIX_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
SVIX_ENDPOINT: dict[str, Any] = {
    "url": "https://hooks.example.com/new",
    "description": "Orders",
    "uid": "orders",
    "filterTypes": ["a"],
    "eventTypes": ["a"],
    "channels": ["eu"],
    "disabled": False,
    "rateLimit": 10,
    "throttleRate": 10,
    "metadata": {"team": "billing"},
}
SVIX_EVENT_TYPE: dict[str, Any] = {
    "description": "An order was paid",
    "archived": False,
    "deprecated": False,
    "schemas": {"1": {"type": "object"}},
    "groupName": "orders",
    "featureFlags": [],
}
ENDPOINT = "/portal-api/endpoints/{endpointID}"
DELIVERY = "/portal-api/eventdeliveries/{eventDeliveryID}"
CREATE_ENDPOINT = CONVOY_BODIES["POST /projects/{projectID}/endpoints"] | {"event_types": ["*"]}
#: Two shapes read the body of an endpoint's creation here: that of each version, and the field of our own.
READ_BY_THE_OTHER = {f"ChosenEventTypes with {name}" for name in CREATE_ENDPOINT if name != "event_types"}
READ_BY_THE_OTHER |= {"CreateEndpoint with event_types"}
#: Of these members a body has one or none.
EITHER = {
    "POST /api/v1/event-type/import/openapi": {"EventTypeImportOpenApiIn without spec"},
    # These are refused wherever they are sent.
    f"POST {APP}/msg": {f"MessageIn without {name}" for name in NOT_OFFERED},
}

SVIX_TIMES: dict[str, Any] = {"since": "2026-01-01T00:00:00Z", "until": "2026-02-01T00:00:00Z"}
SVIX_MESSAGE: dict[str, Any] = {
    "eventType": "order.paid",
    "eventId": "order-1",
    "payload": Anything(n=1),
    "channels": ["north"],
    "tags": ["t"],
}

#: A good body for each operation that reads one, with everything in it that it takes.
BODIES: dict[str, dict[str, Any]] = {
    NAHOOK: {"role": "admin", "expiresInMinutes": 30, "metadata": {"plan": "gold"}},
    ACCESS: {
        "application": {"name": "Acme"},
        "capabilities": ["ViewBase", "ManageEndpoint"],
        "readOnly": False,
        "featureFlags": ["beta"],
        "expiry": 3600,
        "sessionId": "their session",
    },
    EXPIRE: {"expiry": 60, "sessionIds": ["their session"]},
    "POST /api/v1/app": APPLICATION | {"uid": "globex"},
    f"PUT {APP}": APPLICATION | {"uid": "acme"},
    f"PATCH {APP}": APPLICATION | {"uid": "acme"},
    f"POST {WORKSPACE}/applications": NAHOOK_APPLICATION | {"externalId": "globex"},
    f"PATCH {WORKSPACE}/applications/{{ownerID}}": NAHOOK_APPLICATION,
    f"POST {WORKSPACE}/endpoints": NAHOOK_ENDPOINT | {"environmentId": "env_default"},
    f"POST {WORKSPACE}/applications/{{ownerID}}/endpoints": NAHOOK_ENDPOINT,
    f"PATCH {WORKSPACE}/endpoints/{{endpointID}}": {
        "url": "https://new.example.com/in",
        "description": "New",
        "metadata": {"plan": "gold"},
        "isActive": False,
    },
    f"POST {WORKSPACE}/endpoints/{{endpointID}}/subscriptions": {"eventTypeIds": ["new.type"]},
    f"POST {WORKSPACE}/event-types": {"name": "newer.type", "description": "New"},
    f"PATCH {WORKSPACE}/event-types/{{eventTypeId}}": {"description": "New"},
    f"PUT {WORKSPACE}/environments/{{environmentID}}/event-types/{{eventTypeId}}/visibility": {"published": True},
    "POST /api/ingest/{endpointID}": SENT,
    "POST /api/ingest/event/{eventType}": TRIGGERED,
    "POST /api/ingest/batch": {"items": [SENT | {"endpointId": "the endpoint"}]},
    "POST /api/ingest/event/batch": {"items": [TRIGGERED | {"eventType": "new.type"}]},
    f"POST {APP}/endpoint": SVIX_ENDPOINT | {"secret": SVIX_SECRET, "headers": {"X-Tenant": "acme"}},
    f"PUT {APP}/endpoint/{{endpointID}}": SVIX_ENDPOINT,
    f"PATCH {APP}/endpoint/{{endpointID}}": SVIX_ENDPOINT,
    f"POST {APP}/endpoint/{{endpointID}}/secret/rotate": {"key": SVIX_SECRET, "gracePeriodSeconds": 60},
    f"PUT {APP}/endpoint/{{endpointID}}/headers": {"headers": {"X-Tenant": "acme"}},
    f"PATCH {APP}/endpoint/{{endpointID}}/headers": {"headers": {"X-Tenant": "acme"}, "deleteHeaders": ["X-Tier"]},
    "POST /api/v1/event-type": SVIX_EVENT_TYPE | {"name": "order.refunded"},
    "PUT /api/v1/event-type/{eventTypeName}": SVIX_EVENT_TYPE,
    "PATCH /api/v1/event-type/{eventTypeName}": SVIX_EVENT_TYPE,
    "POST /api/v1/event-type/import/openapi": {"specRaw": EXAMPLE_SPEC, "dryRun": False, "replaceAll": False},
    f"POST {APP}/msg": SVIX_MESSAGE | {"application": APPLICATION | {"uid": "acme"}},
    f"POST {APP}/msg/precheck/active": {"eventType": "order.paid", "channels": ["north"]},
    f"POST {APP}/endpoint/{{endpointID}}/recover": SVIX_TIMES,
    f"POST {APP}/endpoint/{{endpointID}}/replay-missing": SVIX_TIMES,
    f"POST {APP}/endpoint/{{endpointID}}/bulk-replay": SVIX_TIMES
    | {"eventTypes": ["order.paid"], "channel": "north", "tag": "t", "status": 2, "statusCodeClass": 500},
    f"POST {APP}/endpoint/{{endpointID}}/send-example": {
        "eventType": "order.paid",
        "exampleIndex": 0,
        "payload": Anything(n=1),
    },
    "POST /portal-api/endpoints": CREATE_ENDPOINT,
    "POST /portal-api/endpoints/": CREATE_ENDPOINT,
    f"PUT {ENDPOINT}": CONVOY_BODIES["PUT /projects/{projectID}/endpoints/{endpointID}"],
    f"PUT {ENDPOINT}/expire_secret": {"secret": "secret", "expiration": 1},
    f"POST {ENDPOINT}/test": CONVOY_BODIES["POST /projects/{projectID}/endpoints/{endpointID}/test"],
    "POST /portal-api/events": CONVOY_BODIES["POST /projects/{projectID}/events"],
    "POST /portal-api/events/": CONVOY_BODIES["POST /projects/{projectID}/events"],
    "POST /portal-api/eventdeliveries/forceresend": {"ids": []},
}
SUBSCRIPTIONS = "/portal-api/subscriptions"
SUBSCRIPTION = f"{SUBSCRIPTIONS}/{{subscriptionID}}"
BODIES |= {
    f"{method} {path}": CONVOY_BODIES[f"{method} {path.replace('/portal-api/', '/projects/{projectID}/')}"]
    for method, path in (
        *(("POST", f"{SUBSCRIPTIONS}{slash}") for slash in ("", "/")),
        ("PUT", SUBSCRIPTION),
        ("POST", f"{SUBSCRIPTIONS}/test_filter"),
        *(("POST", f"{SUBSCRIPTION}/filters{slash}") for slash in ("", "/")),
        ("PUT", f"{SUBSCRIPTION}/filters/{{filterID}}"),
        ("POST", f"{SUBSCRIPTION}/filters/test/{{eventType}}"),
    )
}
#: The same for those that read an array: one object of it.
ITEMS = {
    f"{method} {path}": CONVOY_ITEMS[f"{method} {path.replace('/portal-api/', '/projects/{projectID}/')}"]
    for method, path in (
        ("POST", f"{SUBSCRIPTION}/filters/bulk"),
        ("POST", f"{SUBSCRIPTION}/filters/bulk_update"),
        ("PUT", f"{SUBSCRIPTION}/filters/bulk_update"),
    )
}
#: No body is good for these.
ALWAYS_REFUSED = {
    "POST /portal-api/event-types",
    "POST /portal-api/event-types/",
    "PUT /portal-api/event-types/{eventTypeId}",
    "POST /portal-api/event-types/{eventTypeId}/deprecate",
    f"POST {SUBSCRIPTIONS}/test_function",
    f"POST {WORKSPACE}/environments",
    f"PATCH {WORKSPACE}/environments/{{environmentID}}",
    f"DELETE {WORKSPACE}/environments/{{environmentID}}",
}
#: These do what their path says, whatever their body holds.
WITHOUT_BODY = {
    "POST /v1/webhooks/portal",
    "POST /api/v1/auth/logout",
    f"DELETE {APP}",
    f"DELETE {WORKSPACE}/applications/{{ownerID}}",
    f"DELETE {WORKSPACE}/endpoints/{{endpointID}}",
    f"DELETE {WORKSPACE}/endpoints/{{endpointID}}/subscriptions/{{eventTypeId}}",
    f"DELETE {WORKSPACE}/event-types/{{eventTypeId}}",
    f"DELETE {APP}/msg/{{eventID}}/content",
    f"DELETE {APP}/msg/{{eventID}}/attempt/{{deliveryAttemptID}}/content",
    f"POST {APP}/msg/{{eventID}}/endpoint/{{endpointID}}/resend",
    f"DELETE {APP}/endpoint/{{endpointID}}",
    "DELETE /api/v1/event-type/{eventTypeName}",
    f"DELETE {ENDPOINT}",
    f"PUT {ENDPOINT}/pause",
    f"POST {ENDPOINT}/activate",
    f"DELETE {SUBSCRIPTION}",
    f"DELETE {SUBSCRIPTION}/filters/{{filterID}}",
    *(f"POST /portal-api/events/batchreplay{jobs}" for jobs in ("", "/jobs")),
    *(f"PUT /portal-api/jobs/{{jobID}}/{turn}" for turn in ("pause", "resume", "cancel")),
    "PUT /portal-api/events/{eventID}/replay",
    f"PUT {DELIVERY}/resend",
    f"POST {DELIVERY}/copy",
    f"POST {DELIVERY}/links",
    f"PUT {DELIVERY}/links/{{linkID}}/revoke",
    *(f"POST /portal-api/eventdeliveries/batchretry{jobs}" for jobs in ("", "/jobs")),
}
#: Bodies that may be left out.
OPTIONAL = {NAHOOK, ACCESS, EXPIRE, f"POST {APP}/endpoint/{{endpointID}}/secret/rotate"}

"""The credentials that may carry out each operation: one line an operation, in ALLOWED."""

from typing import NamedTuple

from portal_links.capabilities import SVIX

# The kinds of credential, by what they are good for. All that name an owner name OWN.
READ_KEYS = {"admin key", "viewer key"}
WRITE_KEYS = {"admin key", "instance key"}
OWNER_KEYS = {"owner key", "owner key without scopes", "owner viewer key"}
NAHOOK = {"nahook admin", "nahook editor", "nahook viewer"}
SVIX_SETS = {f"svix {name}" for name in SVIX}
NARROW = {"session that sees no deliveries", "session that sees no payloads"}
SESSIONS = NAHOOK | SVIX_SETS | {"svix everything", "feather read only"} | NARROW
LINKS = {"static token", "static token, view only", "PRT token", "PRT token, view only"}
#: The credentials that open the portal, and those of them that have the one or the other right there.
CUSTOMERS = SESSIONS | LINKS
MANAGERS = {"static token", "PRT token", "nahook admin", "nahook editor", "svix ManageEndpoint", "svix everything"}
DELETERS = MANAGERS - {"nahook editor"}
ROTATORS = {"static token", "PRT token", "nahook admin", "nahook editor", "svix everything"} | {
    "svix ManageEndpointSecret"
}
#: The credentials that may send events, again or for the first time: a link may, also where it manages nothing.
SENDERS = LINKS | {"nahook admin", "nahook editor", "svix CreateAttempts", "svix everything"}
#: The credentials that may send a test event.
TESTERS = SENDERS | {"svix ManageEndpoint"}
#: The credentials that see no signing secret, not even their own customer's.
LOOKERS = {
    *("viewer key", "nahook viewer", "feather read only", "static token, view only", "PRT token, view only"),
    *("svix ViewBase", "svix ManageTransformations", "svix CreateAttempts", *NARROW),
}
#: The CUSTOMERS that may choose which events are sent.
CHOOSERS = MANAGERS | {"static token, view only", "PRT token, view only"}
#: The CUSTOMERS that may see deliveries, and the credentials that see neither payloads nor answers.
WATCHERS = CUSTOMERS - {"session that sees no deliveries"}
UNINFORMED = NARROW
#: The credentials that open nothing at all.
DEAD = {
    *("no credential", "nonsense", "unknown key", "revoked key", "expired key", "key of a deleted project"),
    *("token of a revoked link", "static token of a refresh link", "PRT of a revoked link", "PRT of a static link"),
    *("PRT, expired", "token of a deleted project", "session, expired", "session, revoked"),
    *("session of a deleted project", "code, not opened", "code, opened"),
}
KINDS = READ_KEYS | WRITE_KEYS | OWNER_KEYS | CUSTOMERS | DEAD | {"nhm key", "nhk key", "key of another project"}
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
APP_READ_ROW = Who(READ_KEYS | OWNER_KEYS | SESSIONS, READ_KEYS, {"key of another project"})
APP_WRITE_ROW = Who({"admin key", "owner key"} | MANAGERS & SESSIONS, {"admin key"}, {"key of another project"})
APP_WATCH_ROW = Who(READ_KEYS | OWNER_KEYS | WATCHERS & SESSIONS, READ_KEYS, {"key of another project"})
APP_SEND_ROW = Who({"admin key", "owner key"} | (SENDERS - LINKS) & SESSIONS, {"admin key"}, {"key of another project"})
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
JOB = f"{PROJECT}/jobs/{{jobID}}"
PORTAL_JOB = "/portal-api/jobs/{jobID}"
EVENT = f"{PROJECT}/events/{{eventID}}"
PORTAL_EVENT = "/portal-api/events/{eventID}"

# Nahook's, whose management tokens read and write as keys do.
NAHOOK_READ = Who(READ.own | {"nhm key"}, READ.own | {"nhm key"}, ELSEWHERE)
NAHOOK_WRITE = Who(WRITE.own | {"nhm key"}, WRITE.own | {"nhm key"}, ELSEWHERE)
NAHOOK_REFUSED = Who(set(), other_project=set())

APP = "/api/v1/app/{ownerID}"
WORKSPACE = "/management/v1/workspaces/{projectID}"
ENVIRONMENTS = f"{WORKSPACE}/environments"
ENVIRONMENT = f"{ENVIRONMENTS}/{{environmentID}}"
APP_ENDPOINT = f"{APP}/endpoint/{{endpointID}}"
APP_MESSAGE = f"{APP}/msg/{{eventID}}"
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
    f"POST {ENDPOINT}/test": WRITE_ROW,
    f"GET {PROJECT}/endpoints/period-failure-rates": READ,
    f"GET {PROJECT}/eventdeliveries": READ,
    f"GET {PROJECT}/eventdeliveries/": READ,
    f"POST {PROJECT}/eventdeliveries/forceresend": WRITE,
    f"POST {PROJECT}/eventdeliveries/batchretry": WRITE,
    f"POST {PROJECT}/eventdeliveries/batchretry/jobs": WRITE,
    f"GET {DELIVERY}": READ_ROW,
    f"PUT {DELIVERY}/resend": WRITE_ROW,
    f"POST {DELIVERY}/copy": WRITE_ROW,
    f"GET {DELIVERY}/links": READ_ROW,
    f"POST {DELIVERY}/links": WRITE_ROW,
    f"PUT {DELIVERY}/links/{{linkID}}/revoke": WRITE_ROW,
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
    f"GET {LINK}/scope": READ_ROW,
    f"GET {PROJECT}/portal-sessions": READ,
    f"GET {PROJECT}/portal-sessions/": READ,
    f"PUT {PROJECT}/portal-sessions/{{sessionID}}/revoke": WRITE_ROW,
    f"GET {PROJECT}/portal-sessions/{{sessionID}}/scope": READ_ROW,
    f"GET {PROJECT}/event-types": READ,
    f"GET {PROJECT}/event-types/": READ,
    f"POST {PROJECT}/event-types": WRITE,
    f"POST {PROJECT}/event-types/": WRITE,
    f"POST {PROJECT}/event-types/import": WRITE,
    f"POST {PROJECT}/event-types/import/jobs": WRITE,
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
    f"POST {PROJECT}/events/batchreplay/jobs": WRITE,
    f"GET {PROJECT}/events/countbatchreplayevents": READ,
    f"GET {EVENT}": READ_ROW,
    f"PUT {EVENT}/replay": WRITE_ROW,
    f"GET {PROJECT}/activity": READ,
    f"GET {PROJECT}/activity/": READ,
    f"GET {PROJECT}/jobs": READ,
    f"GET {PROJECT}/jobs/": READ,
    f"GET {JOB}": READ_ROW,
    f"PUT {JOB}/pause": WRITE_ROW,
    f"PUT {JOB}/resume": WRITE_ROW,
    f"PUT {JOB}/cancel": WRITE_ROW,
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
    f"POST {PORTAL_ENDPOINT}/test": Who(TESTERS, set(), set()),
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
    "POST /portal-api/events/batchreplay/jobs": Who(SENDERS),
    "GET /portal-api/jobs": Who(CUSTOMERS | READ_KEYS | {"key of another project"}),
    "GET /portal-api/jobs/": Who(CUSTOMERS | READ_KEYS | {"key of another project"}),
    f"GET {PORTAL_JOB}": PORTAL_READ_ROW,
    f"PUT {PORTAL_JOB}/pause": Who(SENDERS, set(), set()),
    f"PUT {PORTAL_JOB}/resume": Who(SENDERS, set(), set()),
    f"PUT {PORTAL_JOB}/cancel": Who(SENDERS, set(), set()),
    "GET /portal-api/events/countbatchreplayevents": Who(CUSTOMERS | READ_KEYS | {"key of another project"}),
    f"GET {PORTAL_EVENT}": Who(CUSTOMERS | READ_KEYS, READ_KEYS, {"key of another project"}),
    f"PUT {PORTAL_EVENT}/replay": Who(SENDERS, set(), set()),
    "GET /portal-api/endpoints/period-failure-rates": Who(WATCHERS | READ_KEYS | {"key of another project"}),
    f"GET {PORTAL_DELIVERIES}": Who(WATCHERS | READ_KEYS | {"key of another project"}),
    f"GET {PORTAL_DELIVERIES}/": Who(WATCHERS | READ_KEYS | {"key of another project"}),
    f"POST {PORTAL_DELIVERIES}/forceresend": Who(SENDERS),
    f"POST {PORTAL_DELIVERIES}/batchretry": Who(SENDERS),
    f"POST {PORTAL_DELIVERIES}/batchretry/jobs": Who(SENDERS),
    f"GET {PORTAL_DELIVERIES}/countbatchretryevents": Who(WATCHERS | READ_KEYS | {"key of another project"}),
    f"GET {PORTAL_DELIVERIES}/statustotals": Who(WATCHERS | READ_KEYS | {"key of another project"}),
    "GET /portal-api/activity": Who(CUSTOMERS | READ_KEYS | {"key of another project"}),
    "GET /portal-api/activity/": Who(CUSTOMERS | READ_KEYS | {"key of another project"}),
    "GET /portal-api/dashboard/summary": Who(WATCHERS | READ_KEYS | {"key of another project"}),
    f"GET {PORTAL_DELIVERY}": Who(WATCHERS | READ_KEYS, READ_KEYS, {"key of another project"}),
    f"PUT {PORTAL_DELIVERY}/resend": Who(SENDERS, set(), set()),
    f"POST {PORTAL_DELIVERY}/copy": Who(SENDERS, set(), set()),
    f"GET {PORTAL_DELIVERY}/links": Who(WATCHERS | READ_KEYS, READ_KEYS, {"key of another project"}),
    f"POST {PORTAL_DELIVERY}/links": Who(WATCHERS, set(), set()),
    # A customer ends links of their own.
    f"PUT {PORTAL_DELIVERY}/links/{{linkID}}/revoke": Who(WATCHERS, set(), set()),
    f"GET {PORTAL_DELIVERY}/deliveryattempts": Who(WATCHERS | READ_KEYS, READ_KEYS, {"key of another project"}),
    f"GET {PORTAL_DELIVERY}/deliveryattempts/": Who(WATCHERS | READ_KEYS, READ_KEYS, {"key of another project"}),
    f"GET {PORTAL_DELIVERY}/deliveryattempts/{{deliveryAttemptID}}": Who(
        WATCHERS | READ_KEYS, READ_KEYS, {"key of another project"}
    ),
    # Sessions in the words of other clients
    "POST /management/v1/workspaces/{projectID}/applications/{ownerID}/portal": Who(
        WRITE_KEYS | {"nhm key", "owner key", "owner key without scopes"}, WRITE_KEYS | {"nhm key"}, ELSEWHERE
    ),
    "POST /v1/webhooks/portal": Who(OWNER_KEYS),
    # An application is an owner in the key's own project: the path names no other.
    "POST /api/v1/auth/app-portal-access/{ownerID}": Who(
        {"admin key", "owner key", "owner key without scopes", "key of another project"},
        {"admin key", "key of another project"},
    ),
    "POST /api/v1/auth/app/{ownerID}/expire-all": Who(
        {"admin key", "owner key", "key of another project"}, {"admin key", "key of another project"}
    ),
    "POST /api/v1/auth/logout": Who(SESSIONS),
    # The list is that of the key's project, which a key of another project has, too.
    "GET /api/v1/app": Who(READ_KEYS | OWNER_KEYS | {"key of another project"}),
    "POST /api/v1/app": Who({"admin key", "key of another project"}),
    # The same owner is another application in the other project.
    f"GET {APP}": Who(READ_KEYS | OWNER_KEYS | {"key of another project"}, READ_KEYS),
    # It creates what is not there.
    f"PUT {APP}": Who({"admin key", "key of another project"}, {"admin key", "key of another project"}),
    f"PATCH {APP}": Who({"admin key", "key of another project"}, {"admin key"}),
    # An endpoint of Svix's: a session has the rights that it has in the portal.
    f"GET {APP}/endpoint": Who(READ_KEYS | OWNER_KEYS | SESSIONS | {"key of another project"}, READ_KEYS),
    f"POST {APP}/endpoint": Who(
        {"admin key", "owner key", "key of another project"} | MANAGERS & SESSIONS, {"admin key"}
    ),
    f"GET {APP_ENDPOINT}": APP_READ_ROW,
    f"PUT {APP_ENDPOINT}": APP_WRITE_ROW,
    f"PATCH {APP_ENDPOINT}": APP_WRITE_ROW,
    f"DELETE {APP_ENDPOINT}": Who(
        {"admin key", "owner key"} | DELETERS & SESSIONS, {"admin key"}, {"key of another project"}
    ),
    f"GET {APP_ENDPOINT}/secret": Who(
        {"admin key", "owner key"} | SESSIONS - LOOKERS, {"admin key"}, {"key of another project"}
    ),
    f"POST {APP_ENDPOINT}/secret/rotate": Who(
        {"admin key", "owner key"} | ROTATORS & SESSIONS, {"admin key"}, {"key of another project"}
    ),
    f"GET {APP_ENDPOINT}/headers": APP_READ_ROW,
    f"PUT {APP_ENDPOINT}/headers": APP_WRITE_ROW,
    f"PATCH {APP_ENDPOINT}/headers": APP_WRITE_ROW,
    f"GET {APP_ENDPOINT}/stats": APP_WATCH_ROW,
    f"GET {APP_ENDPOINT}/attempt-stats": APP_WATCH_ROW,
    f"GET {APP_ENDPOINT}/msg": APP_WATCH_ROW,
    f"POST {APP_ENDPOINT}/recover": APP_SEND_ROW,
    f"POST {APP_ENDPOINT}/replay-missing": APP_SEND_ROW,
    f"POST {APP_ENDPOINT}/bulk-replay": APP_SEND_ROW,
    f"POST {APP_ENDPOINT}/send-example": Who(
        {"admin key", "owner key"} | TESTERS & SESSIONS, {"admin key"}, {"key of another project"}
    ),
    f"GET {APP}/attempt/endpoint/{{endpointID}}": APP_WATCH_ROW,
    # A message is the company's to create and to expunge.
    f"GET {APP}/msg": Who(READ_KEYS | OWNER_KEYS | WATCHERS & SESSIONS | {"key of another project"}, READ_KEYS),
    f"POST {APP}/msg": Who({"admin key", "key of another project"}, {"admin key"}),
    f"POST {APP}/msg/precheck/active": Who(
        {"admin key", "owner key", "key of another project"} | SESSIONS, {"admin key"}
    ),
    f"GET {APP_MESSAGE}": APP_WATCH_ROW,
    f"DELETE {APP_MESSAGE}/content": Who({"admin key"}, {"admin key"}, {"key of another project"}),
    f"GET {APP_MESSAGE}/endpoint": APP_WATCH_ROW,
    f"POST {APP_MESSAGE}/endpoint/{{endpointID}}/resend": APP_SEND_ROW,
    f"GET {APP_MESSAGE}/attempt/{{deliveryAttemptID}}": APP_WATCH_ROW,
    f"DELETE {APP_MESSAGE}/attempt/{{deliveryAttemptID}}/content": Who(
        {"admin key"}, {"admin key"}, {"key of another project"}
    ),
    f"GET {APP}/attempt/msg/{{eventID}}": APP_WATCH_ROW,
    # The tasks are those of the key's project.
    "GET /api/v1/background-task": Who(READ_KEYS | {"key of another project"}),
    "GET /api/v1/background-task/{taskID}": Who(READ_KEYS, READ_KEYS, {"key of another project"}),
    # The event types are those of the key's project.
    "GET /api/v1/event-type": Who(READ_KEYS | OWNER_KEYS | SESSIONS | {"key of another project"}),
    "GET /api/v1/event-type/{eventTypeName}": Who(READ_KEYS | OWNER_KEYS | SESSIONS | {"key of another project"}),
    "POST /api/v1/event-type": Who({"admin key", "key of another project"}),
    "POST /api/v1/event-type/import/openapi": Who({"admin key", "key of another project"}),
    "PUT /api/v1/event-type/{eventTypeName}": Who({"admin key", "key of another project"}),
    "PATCH /api/v1/event-type/{eventTypeName}": Who({"admin key", "key of another project"}),
    "DELETE /api/v1/event-type/{eventTypeName}": Who({"admin key", "key of another project"}),
    f"DELETE {APP}": Who({"admin key", "key of another project"}, {"admin key"}),
    # Nahook's
    f"GET {WORKSPACE}/applications": NAHOOK_READ._replace(other_owner=None),
    f"POST {WORKSPACE}/applications": NAHOOK_WRITE._replace(other_owner=None),
    f"GET {WORKSPACE}/applications/{{ownerID}}": NAHOOK_READ,
    f"PATCH {WORKSPACE}/applications/{{ownerID}}": NAHOOK_WRITE,
    f"DELETE {WORKSPACE}/applications/{{ownerID}}": NAHOOK_WRITE,
    f"GET {WORKSPACE}/applications/{{ownerID}}/endpoints": NAHOOK_READ,
    f"POST {WORKSPACE}/applications/{{ownerID}}/endpoints": NAHOOK_WRITE,
    f"GET {WORKSPACE}/endpoints": NAHOOK_READ._replace(other_owner=None),
    f"POST {WORKSPACE}/endpoints": NAHOOK_WRITE._replace(other_owner=None),
    f"GET {WORKSPACE}/endpoints/{{endpointID}}": NAHOOK_READ,
    f"PATCH {WORKSPACE}/endpoints/{{endpointID}}": NAHOOK_WRITE,
    f"DELETE {WORKSPACE}/endpoints/{{endpointID}}": NAHOOK_WRITE,
    f"GET {WORKSPACE}/endpoints/{{endpointID}}/subscriptions": NAHOOK_READ,
    f"POST {WORKSPACE}/endpoints/{{endpointID}}/subscriptions": NAHOOK_WRITE,
    f"DELETE {WORKSPACE}/endpoints/{{endpointID}}/subscriptions/{{eventTypeId}}": NAHOOK_WRITE,
    f"GET {WORKSPACE}/endpoints/{{endpointID}}/deliveries": NAHOOK_READ,
    f"GET {WORKSPACE}/deliveries/{{eventDeliveryID}}": NAHOOK_READ,
    f"GET {WORKSPACE}/deliveries/{{eventDeliveryID}}/attempts": NAHOOK_READ,
    f"GET {WORKSPACE}/event-types": NAHOOK_READ._replace(other_owner=None),
    f"POST {WORKSPACE}/event-types": NAHOOK_WRITE._replace(other_owner=None),
    f"GET {WORKSPACE}/event-types/{{eventTypeId}}": NAHOOK_READ,
    f"PATCH {WORKSPACE}/event-types/{{eventTypeId}}": NAHOOK_WRITE,
    f"DELETE {WORKSPACE}/event-types/{{eventTypeId}}": NAHOOK_WRITE,
    f"GET {ENVIRONMENTS}": NAHOOK_READ._replace(other_owner=None),
    f"POST {ENVIRONMENTS}": NAHOOK_REFUSED,
    f"GET {ENVIRONMENT}": NAHOOK_READ._replace(other_owner=None),
    f"PATCH {ENVIRONMENT}": NAHOOK_REFUSED,
    f"DELETE {ENVIRONMENT}": NAHOOK_REFUSED,
    f"GET {ENVIRONMENT}/event-types": NAHOOK_READ._replace(other_owner=None),
    f"PUT {ENVIRONMENT}/event-types/{{eventTypeId}}/visibility": NAHOOK_WRITE,
    # The workspace is the key's project. An owner's key sends to its own endpoints.
    "POST /api/ingest/{endpointID}": Who(
        {"admin key", "nhk key", "owner key"}, {"admin key", "nhk key"}, {"key of another project"}
    ),
    "POST /api/ingest/event/{eventType}": Who({"admin key", "nhk key", "owner key", "key of another project"}),
    "POST /api/ingest/batch": Who({"admin key", "nhk key", "owner key", "key of another project"}),
    "POST /api/ingest/event/batch": Who({"admin key", "nhk key", "owner key", "key of another project"}),
}

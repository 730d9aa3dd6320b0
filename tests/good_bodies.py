"""Good bodies for the operations of the Convoy API, from which the tests of bad input make bad ones."""

from typing import Any

from tests.endpoints.test_certificates import certificate, pem, private_key, text_of

_KEY = private_key()


class Anything(dict[str, Any]):
    """An object that stands where any JSON value is good."""


class Moment(str):
    """A time that may be sent as an object, too."""


#: A good body for each operation that reads one, with everything in it that it takes: a field of a serializer that is
#: not here fails in test_the_good_body_is_good_and_whole.
OAUTH2: dict[str, Any] = {
    "url": "https://auth.example.com/token",
    "client_id": "ada",
    "grant_type": "client_credentials",
    "scope": "all",
    "audience": "us",
    "authentication_type": "shared_secret",
    "client_secret": "secret",
    "signing_key": dict.fromkeys(
        ["kty", "crv", "x", "y", "d", "kid", "n", "e", "p", "q", "dp", "dq", "qi"], "not read: there is a shared secret"
    ),
    "signing_algorithm": "ES256",
    "issuer": "ada",
    "subject": "ada",
    "field_mapping": {"access_token": "token", "token_type": "type", "expires_in": "life"},
    "expiry_time_unit": "hours",
}
BODIES: dict[str, dict[str, Any]] = {
    "POST /projects": {
        "name": "New",
        "type": "outgoing",
        "logo_url": "https://example.com/logo.png",
        "config": {
            "max_payload_read_size": 1024,
            "replay_attacks_prevention_enabled": True,
            "add_event_id_trace_headers": True,
            "disable_endpoint": True,
            "multiple_endpoint_subscriptions": True,
            "verify_dynamic_events": True,
            "allow_unmatched_dynamic_urls": True,
            "search_policy": "720h",
            "is_retention_policy_enabled": True,
            "retention_policy": {"policy": "24h"},
            "ssl": {"enforce_secure_endpoints": True},
            "ratelimit": {"count": 10, "duration": 10},
            "strategy": {"type": "linear", "duration": 10, "retry_count": 3},
            "signature": {
                "header": "X-Signature",
                "versions": [
                    {"uid": "", "hash": "SHA256", "encoding": "hex", "created_at": "2026-07-03T00:00:00Z"},
                ],
            },
            "request_id_header": "X-Request",
            "meta_event": {"is_enabled": False, "type": "http", "event_type": ["a"], "url": "", "secret": "s"},
            "circuit_breaker": {
                "sample_rate": 30,
                "error_timeout": 30,
                "failure_threshold": 70,
                "success_threshold": 5,
                "minimum_request_count": 10,
                "observability_window": 5,
                "consecutive_failure_threshold": 10,
            },
        },
    },
    "POST /projects/{projectID}/endpoints": {
        "name": "New",
        "url": "https://hooks.example.com/new",
        "secret": "secret",
        "owner_id": "acme",
        "description": "text",
        "advanced_signatures": True,
        "support_email": "ops@example.com",
        "slack_webhook_url": "https://hooks.slack.com/x",
        "teams_webhook_url": "https://example.webhook.office.com/x",
        "http_timeout": 10,
        "rate_limit": 10,
        "rate_limit_duration": 10,
        "content_type": "application/json",
        "authentication": {
            "type": "api_key",
            "api_key": {"header_name": "X-Key", "header_value": "value"},
            "basic_auth": {"username": "ada", "password": "password"},
            "oauth2": OAUTH2,
        },
        "mtls_client_cert": {"client_cert": text_of(certificate(_KEY)), "client_key": pem(_KEY)},
        "is_disabled": False,
    },
    "PUT /projects/{projectID}/endpoints/{endpointID}/expire_secret": {"secret": "secret", "expiration": 1},
    "POST /projects/{projectID}/endpoints/{endpointID}/test": {
        "event_type": "invoice.paid",
        "data": Anything(),
        "rehearsal": False,
    },
    "POST /projects/{projectID}/endpoints/oauth2/test": {
        # An address that is refused before anything is sent: that the trial fails is an answer, too.
        "oauth2": OAUTH2 | {"url": "https://127.0.0.1/token"}
    },
    "POST /projects/{projectID}/onboard": {
        "items": [
            {
                "name": "New",
                "url": "https://hooks.example.com/new",
                "event_type": "invoice.paid",
                "auth_username": "ada",
                "auth_password": "password",
            }
        ]
    },
    "POST /projects/{projectID}/portal-links": {
        "name": "New",
        "owner_id": "acme",
        "endpoints": ["{endpointID}"],
        "auth_type": "static_token",
        "can_manage_endpoint": True,
    },
    "POST /projects/{projectID}/eventdeliveries/forceresend": {"ids": ["{deliveredID}"]},
}
_EVENT: dict[str, Any] = {
    "event_type": "invoice.paid",
    "data": Anything(invoice=991),
    "custom_headers": {"X-Tenant": "acme"},
    "idempotency_key": "key",
}
BODIES["POST /projects/{projectID}/events"] = _EVENT | {"endpoint_id": "{endpointID}", "app_id": "x"}
BODIES["POST /projects/{projectID}/events/"] = BODIES["POST /projects/{projectID}/events"]
BODIES["POST /projects/{projectID}/events/fanout"] = _EVENT | {"owner_id": "acme"}
BODIES["POST /projects/{projectID}/events/broadcast"] = _EVENT | {"acknowledged_at": "2026-07-03T00:00:00Z"}
BODIES["POST /projects/{projectID}/events/dynamic"] = _EVENT | {
    "url": "https://hooks.example.com/new",
    "secret": "secret",
    "event_types": ["a"],
}
# The type of a project never changes: there it is an unknown member, which is ignored.
BODIES["PUT /projects/{projectID}"] = dict(BODIES["POST /projects"])
del BODIES["PUT /projects/{projectID}"]["type"]
BODIES["PUT /projects/{projectID}/endpoints/{endpointID}"] = BODIES["POST /projects/{projectID}/endpoints"]
BODIES["POST /projects/{projectID}/endpoints"] = BODIES["POST /projects/{projectID}/endpoints"] | {"appID": "acme"}
BODIES["POST /projects/{projectID}/endpoints/"] = BODIES["POST /projects/{projectID}/endpoints"]
BODIES["PUT /projects/{projectID}/portal-links/{portalLinkID}"] = BODIES["POST /projects/{projectID}/portal-links"]
BODIES["POST /projects/{projectID}/portal-links/"] = BODIES["POST /projects/{projectID}/portal-links"]
EVENT_TYPES = "/projects/{projectID}/event-types"
SUBSCRIPTIONS = "/projects/{projectID}/subscriptions"
SUBSCRIPTION = f"{SUBSCRIPTIONS}/{{subscriptionID}}"
_CONDITIONS: dict[str, Any] = {"headers": {}, "body": {}, "query": {}, "path": {}}
_FILTER = {"event_type": "new.type", "enabled_at": Moment("2026-07-03T00:00:00Z"), **_CONDITIONS}
BODIES |= {
    f"POST {EVENT_TYPES}": {"name": "new", "category": "new", "description": "new", "json_schema": {}},
    f"PUT {EVENT_TYPES}/{{eventTypeId}}": {"category": "new", "description": "new", "json_schema": {}},
    f"POST {EVENT_TYPES}/import": {"spec": '{"openapi": "3.1.0", "webhooks": {"order.lost": {"post": {}}}}'},
    f"POST {EVENT_TYPES}/import/jobs": {"spec": '{"openapi": "3.1.0", "webhooks": {"order.lost": {"post": {}}}}'},
    f"POST {SUBSCRIPTIONS}": {
        "name": "New",
        "endpoint_id": "{endpointID}",
        "source_id": "",
        "app_id": "",
        "function": "",
        "delivery_mode": "at_most_once",
        "filter_config": {"event_types": ["a"], "filter": _CONDITIONS},
        "alert_config": {"count": 1, "threshold": "1h"},
        "rate_limit_config": {"count": 1, "duration": 1},
    },
    # A request may hold anything; only conditions have a type.
    f"POST {SUBSCRIPTIONS}/test_filter": {
        "request": {name: Anything() for name in ("header", "body", "query", "path")},
        "schema": {"header": {}, "body": {}, "query": {}, "path": {}},
    },
    f"POST {SUBSCRIPTION}/filters": _FILTER,
    f"PUT {SUBSCRIPTION}/filters/{{filterID}}": {**_FILTER, "is_flattened": True},
    f"POST {SUBSCRIPTION}/filters/test/{{eventType}}": {
        "payload": Anything(),
        "request": {"body": Anything(), "header": {}, "headers": {}, "query": {}, "path": {}},
    },
}
BODIES[f"PUT {SUBSCRIPTION}"] = BODIES[f"POST {SUBSCRIPTIONS}"] | {
    "retry_config": {"type": "linear", "duration": "10s", "interval_seconds": 10, "retry_count": 1}
}
for _path in (EVENT_TYPES, SUBSCRIPTIONS, f"{SUBSCRIPTION}/filters"):
    BODIES[f"POST {_path}/"] = BODIES[f"POST {_path}"]
#: The same for those that read an array: one object of it.
ITEMS: dict[str, dict[str, Any]] = {
    f"POST {SUBSCRIPTION}/filters/bulk": _FILTER,
    f"PUT {SUBSCRIPTION}/filters/bulk_update": {"uid": "{filterID}", **_FILTER},
    f"POST {SUBSCRIPTION}/filters/bulk_update": {"uid": "{filterID}", **_FILTER},
}
#: All is optional here.
NOTHING_REQUIRED = {
    "PUT /projects/{projectID}/endpoints/{endpointID}/expire_secret",
    "POST /projects/{projectID}/eventdeliveries/forceresend",
    f"PUT {EVENT_TYPES}/{{eventTypeId}}",
    f"PUT {SUBSCRIPTION}",
    f"POST {SUBSCRIPTIONS}/test_filter",
    f"PUT {SUBSCRIPTION}/filters/{{filterID}}",
    f"POST {SUBSCRIPTION}/filters/test/{{eventType}}",
}
#: These read half of a surrogate pair as a replacement character, wherever it stands, because payloads have it.
WITH_HALF_PAIRS = {
    f"POST {SUBSCRIPTIONS}/test_filter",
    f"POST {SUBSCRIPTION}/filters/test/{{eventType}}",
    "POST /projects/{projectID}/endpoints/{endpointID}/test",
    *(f"POST /projects/{{projectID}}/events{kind}" for kind in ("", "/fanout", "/broadcast", "/dynamic")),
}
#: No body is good for it.
ALWAYS_REFUSED = {f"POST {SUBSCRIPTIONS}/test_function"}
#: These do what their path says, whatever their body holds.
WITHOUT_BODY = {
    "DELETE /projects/{projectID}",
    "DELETE /projects/{projectID}/endpoints/{endpointID}",
    "PUT /projects/{projectID}/endpoints/{endpointID}/pause",
    "POST /projects/{projectID}/endpoints/{endpointID}/activate",
    "POST /projects/{projectID}/eventdeliveries/batchretry",
    "POST /projects/{projectID}/eventdeliveries/batchretry/jobs",
    "PUT /projects/{projectID}/eventdeliveries/{eventDeliveryID}/resend",
    "POST /projects/{projectID}/eventdeliveries/{eventDeliveryID}/copy",
    "POST /projects/{projectID}/eventdeliveries/{eventDeliveryID}/links",
    "PUT /projects/{projectID}/eventdeliveries/{eventDeliveryID}/links/{linkID}/revoke",
    "PUT /projects/{projectID}/portal-links/{portalLinkID}/revoke",
    "PUT /projects/{projectID}/portal-sessions/{sessionID}/revoke",
    f"POST {EVENT_TYPES}/{{eventTypeId}}/deprecate",
    f"DELETE {SUBSCRIPTION}",
    f"PUT {SUBSCRIPTION}/toggle_status",
    f"DELETE {SUBSCRIPTION}/filters/{{filterID}}",
    "POST /projects/{projectID}/events/batchreplay",
    "POST /projects/{projectID}/events/batchreplay/jobs",
    *(f"PUT /projects/{{projectID}}/jobs/{{jobID}}/{turn}" for turn in ("pause", "resume", "cancel")),
    "PUT /projects/{projectID}/events/{eventID}/replay",
    "PUT /projects/{projectID}/meta-events/{metaEventID}/resend",
}
#: These take a form, too (tests/onboarding).
WITH_FORM = {"POST /projects/{projectID}/onboard"}

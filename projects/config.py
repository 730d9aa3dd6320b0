"""A project's configuration: its defaults, and what an update makes of a stored one.

Contract: projects sections 2.2 and 2.4, deliveries section 12. Durations are whole seconds, those of
`search_policy` and `retention_policy` Go durations in text. `meta_event` holds a secret and is stored
apart, encrypted.
"""

import copy
from datetime import datetime
from typing import Any

from core.api.values import REDACTED, ZERO_TIME, wire_time
from core.tokens import SECRET_ALPHABET, random_text
from core.ulid import new_ulid

MAX_PAYLOAD_READ_SIZE = 51_200
REQUEST_ID_HEADER = "X-Convoy-Idempotency-Key"
CIRCUIT_BREAKER = {
    "sample_rate": 30,
    "error_timeout": 30,
    "failure_threshold": 70,
    "success_threshold": 5,
    "minimum_request_count": 10,
    "observability_window": 5,
    "consecutive_failure_threshold": 10,
}
META_EVENT: dict[str, Any] = {
    "is_enabled": False,
    "type": "",
    "event_type": [],
    "url": "",
    "secret": "",
    "pub_sub": None,
}
RETENTION_POLICY = {"policy": "720h"}
NESTED = ("retention_policy", "ssl", "ratelimit", "strategy", "signature", "circuit_breaker")


def default_config(now: datetime) -> dict[str, Any]:
    """The configuration of a project that is created without one, `meta_event` aside."""
    return {
        "max_payload_read_size": MAX_PAYLOAD_READ_SIZE,
        "replay_attacks_prevention_enabled": False,
        "add_event_id_trace_headers": False,
        "disable_endpoint": False,
        "multiple_endpoint_subscriptions": False,
        "verify_dynamic_events": False,
        "allow_unmatched_dynamic_urls": False,
        "search_policy": "",
        "is_retention_policy_enabled": False,
        "retention_policy": dict(RETENTION_POLICY),
        "ssl": {"enforce_secure_endpoints": False},
        "ratelimit": {"count": 1000, "duration": 60},
        "strategy": {"type": "linear", "duration": 100, "retry_count": 10},
        "signature": {
            "header": "X-Convoy-Signature",
            "versions": [
                {"uid": new_ulid(), "hash": "SHA256", "encoding": "hex", "created_at": wire_time(now)},
            ],
        },
        "request_id_header": REQUEST_ID_HEADER,
        "circuit_breaker": dict(CIRCUIT_BREAKER),
    }


def created_config(sent: dict[str, Any] | None, now: datetime) -> dict[str, Any]:
    """The configuration of a new project: what was sent, over the defaults.

    Where a configuration is sent without `max_payload_read_size` it is 0, which stands for the
    instance's default when an event is taken in.
    """
    config = default_config(now)
    if sent is None:
        return config
    return merged_config(config | {"max_payload_read_size": 0}, sent, now)


def merged_config(stored: dict[str, Any], sent: dict[str, Any], now: datetime) -> dict[str, Any]:
    """`stored` with what an update sends: nested objects whole, the rest key by key.

    A circuit breaker is merged with its stored values: the original stores 0 for what is omitted.
    A signature without a version gets the default one, as there would be nothing to sign with.
    """
    config = copy.deepcopy(stored)
    for key, value in sent.items():
        if key == "meta_event" or (key == "max_payload_read_size" and value <= 0):
            continue
        if key == "circuit_breaker":
            config[key] |= value
        elif key == "signature":
            versions = _versions(value.get("versions", []), now)
            config[key] = {"header": value["header"], "versions": versions or default_config(now)[key]["versions"]}
        elif key in NESTED:
            config[key] = default_config(now)[key] | value
        elif key == "request_id_header":
            config[key] = value or REQUEST_ID_HEADER
        else:
            config[key] = value
    return config


def merged_meta_event(stored: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
    """The meta event settings that replace the stored ones; an enabled one has a type and a secret.

    A secret that reads `[REDACTED]` keeps the stored one, and so does a blank one while events are
    enabled: an update of something else must not change what they are signed with.
    """
    meta_event = META_EVENT | sent
    if meta_event["secret"] == REDACTED:
        meta_event["secret"] = stored["secret"]
    if meta_event["is_enabled"]:
        meta_event["type"] = meta_event["type"] or "http"
        meta_event["secret"] = meta_event["secret"] or stored["secret"] or random_text(25, SECRET_ALPHABET)
    return meta_event


def _versions(sent: list[dict[str, Any]], now: datetime) -> list[dict[str, Any]]:
    return [
        {
            "uid": version.get("uid") or new_ulid(),
            "hash": version["hash"],
            "encoding": version["encoding"],
            "created_at": wire_time(now) if version.get("created_at", "") in ("", ZERO_TIME) else version["created_at"],
        }
        for version in sent
    ]

"""A project's configuration: its defaults, and what creation and update make of what is sent."""

import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from core.api.values import ZERO_TIME
from projects.config import (
    CIRCUIT_BREAKER,
    META_EVENT,
    REQUEST_ID_HEADER,
    created_config,
    default_config,
    merged_config,
    merged_meta_event,
)

NOW = datetime(2026, 7, 3, 9, 15, 42, 81000, tzinfo=UTC)
LATER = datetime(2026, 7, 4, tzinfo=UTC)


def stored(**changes: Any) -> Any:
    """A stored configuration in which nothing has its default."""
    return {
        "max_payload_read_size": 7,
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
        "ratelimit": {"count": 1, "duration": 2},
        "strategy": {"type": "exponential", "duration": 3, "retry_count": 4},
        "signature": {
            "header": "X-Sig",
            "versions": [{"uid": "one", "hash": "MD5", "encoding": "base64", "created_at": "2026-01-01T00:00:00Z"}],
        },
        "request_id_header": "X-Key",
        "circuit_breaker": dict.fromkeys(CIRCUIT_BREAKER, 9),
    } | changes


class TestDefaults:
    def test_nothing_is_shared_between_two_projects(self) -> None:
        first = default_config(NOW)
        for value in first.values():
            if isinstance(value, dict):
                value.clear()
        assert default_config(NOW)["circuit_breaker"] == CIRCUIT_BREAKER
        assert default_config(NOW)["signature"]["header"] == "X-Convoy-Signature"

    def test_the_signature_has_one_version_of_its_own(self) -> None:
        (first,), (second,) = (default_config(NOW)["signature"]["versions"] for _ in range(2))
        assert first["uid"] != second["uid"]
        assert first | {"uid": ""} == {
            "uid": "",
            "hash": "SHA256",
            "encoding": "hex",
            "created_at": "2026-07-03T09:15:42.081Z",
        }


class TestCreation:
    @pytest.mark.parametrize(
        ("sent", "read_size"),
        [(None, 51200), ({}, 0), ({"max_payload_read_size": 0}, 0), ({"max_payload_read_size": 5}, 5)],
    )
    def test_the_read_size_depends_on_whether_a_config_is_sent(
        self, sent: dict[str, Any] | None, read_size: int
    ) -> None:
        assert created_config(sent, NOW)["max_payload_read_size"] == read_size

    @pytest.mark.parametrize("sent", [None, {}, {"meta_event": {"is_enabled": True}}])
    def test_all_else_is_the_default(self, sent: dict[str, Any] | None) -> None:
        config: Any = created_config(sent, NOW)
        default: Any = default_config(NOW)
        assert config.keys() == default.keys()
        same = default.keys() - {"signature", "max_payload_read_size"}
        assert {key: config[key] for key in same} == {key: default[key] for key in same}

    def test_a_partial_circuit_breaker_is_completed(self) -> None:
        config = created_config({"circuit_breaker": {"sample_rate": 1}}, NOW)
        assert config["circuit_breaker"] == CIRCUIT_BREAKER | {"sample_rate": 1}


class TestUpdate:
    @pytest.mark.parametrize(
        ("sent", "changed"),
        [
            ({}, {}),
            ({"meta_event": {"secret": "x"}}, {}),
            ({"max_payload_read_size": 0}, {}),
            ({"max_payload_read_size": 8}, {"max_payload_read_size": 8}),
            ({"disable_endpoint": False}, {"disable_endpoint": False}),
            ({"verify_dynamic_events": True}, {}),
            ({"search_policy": ""}, {"search_policy": ""}),
            ({"request_id_header": "X-Other"}, {"request_id_header": "X-Other"}),
            ({"request_id_header": ""}, {"request_id_header": REQUEST_ID_HEADER}),
            ({"is_retention_policy_enabled": False}, {"is_retention_policy_enabled": False}),
            ({"retention_policy": {"policy": "48h"}}, {"retention_policy": {"policy": "48h"}}),
            ({"retention_policy": {}}, {"retention_policy": {"policy": "720h"}}),
            ({"ssl": {"enforce_secure_endpoints": False}}, {"ssl": {"enforce_secure_endpoints": False}}),
            ({"ssl": {}}, {"ssl": {"enforce_secure_endpoints": False}}),
            ({"ratelimit": {"count": 5}}, {"ratelimit": {"count": 5, "duration": 60}}),
            (
                {"strategy": {"type": "linear"}},
                {"strategy": {"type": "linear", "duration": 100, "retry_count": 10}},
            ),
            ({"circuit_breaker": {}}, {}),
            (
                {"circuit_breaker": {"sample_rate": 0}},
                {"circuit_breaker": dict.fromkeys(CIRCUIT_BREAKER, 9) | {"sample_rate": 0}},
            ),
        ],
    )
    def test_nested_objects_whole_and_the_rest_key_by_key(self, sent: dict[str, Any], changed: dict[str, Any]) -> None:
        assert merged_config(stored(), sent, LATER) == stored(**changed)

    def test_what_went_in_is_left_as_it_was(self) -> None:
        before, sent = stored(), {"circuit_breaker": {"sample_rate": 1}, "strategy": {"type": "linear"}}
        copies = copy.deepcopy((before, sent))
        merged_config(before, sent, LATER)
        assert (before, sent) == copies

    def test_signature_versions_keep_their_order_and_get_what_is_missing(self) -> None:
        sent = [
            {"hash": "SHA256", "encoding": "hex"},
            {"uid": "two", "hash": "SHA512", "encoding": "base64", "created_at": "2025-01-01T00:00:00Z"},
            {"uid": "", "hash": "MD5", "encoding": "hex", "created_at": ZERO_TIME},
        ]
        signature = merged_config(stored(), {"signature": {"header": "X-New", "versions": sent}}, LATER)["signature"]
        first, second, third = signature["versions"]
        assert signature["header"] == "X-New"
        assert (first["hash"], len(first["uid"]), first["created_at"]) == ("SHA256", 26, "2026-07-04T00:00:00Z")
        assert second == sent[1]
        assert (third["hash"], len(third["uid"]), third["created_at"]) == ("MD5", 26, "2026-07-04T00:00:00Z")

    @pytest.mark.parametrize("signature", [{"header": "X-New"}, {"header": "X-New", "versions": []}])
    def test_a_signature_is_never_without_a_version(self, signature: dict[str, Any]) -> None:
        (version,) = merged_config(stored(), {"signature": signature}, LATER)["signature"]["versions"]
        assert (version["hash"], version["encoding"]) == ("SHA256", "hex")


class TestMetaEvents:
    ON = {"is_enabled": True, "url": "https://example.com"}

    @pytest.mark.parametrize(
        ("before", "sent", "secret"),
        [
            ("", {"secret": "new"}, "new"),
            ("old", {"secret": "new"}, "new"),
            ("old", {}, ""),
            ("old", {"secret": "[REDACTED]"}, "old"),
            ("old", ON, "old"),
            ("old", ON | {"secret": ""}, "old"),
            ("old", ON | {"secret": "[REDACTED]"}, "old"),
            ("old", ON | {"secret": "new"}, "new"),
            ("", {"secret": "[REDACTED]"}, ""),
        ],
    )
    def test_the_secret(self, before: str, sent: dict[str, Any], secret: str) -> None:
        assert merged_meta_event(META_EVENT | {"secret": before}, sent)["secret"] == secret

    @pytest.mark.parametrize("sent", [ON, ON | {"secret": "[REDACTED]"}])
    def test_an_enabled_one_always_has_a_secret(self, sent: dict[str, Any]) -> None:
        first, second = (merged_meta_event(META_EVENT, sent)["secret"] for _ in range(2))
        assert len(first) == len(second) == 25
        assert first != second

    @pytest.mark.parametrize(
        ("sent", "kind"), [({}, ""), (ON, "http"), (ON | {"type": ""}, "http"), (ON | {"type": "pub_sub"}, "pub_sub")]
    )
    def test_an_enabled_one_has_a_type(self, sent: dict[str, Any], kind: str) -> None:
        assert merged_meta_event(META_EVENT, sent)["type"] == kind

    def test_it_is_replaced_whole(self) -> None:
        before: Any = {
            "is_enabled": True,
            "type": "http",
            "event_type": ["a"],
            "url": "https://a",
            "secret": "s",
            "pub_sub": 1,
        }
        assert merged_meta_event(before, {}) == META_EVENT

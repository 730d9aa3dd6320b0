"""POST /api/v1/projects with a body that is not valid."""

from typing import Any

import pytest

from projects.config import CIRCUIT_BREAKER
from projects.models import Project
from tests.conftest import API, Answer
from tests.hostile import (
    NOT_A_BODY,
    NOT_A_FLAG,
    NOT_AN_INTEGER,
    NOT_AN_OBJECT,
    NOT_TEXT,
    UNREADABLE,
)
from tests.projects.bodies import BODY, FLAGS, PATH, with_config
from tests.statements import nothing_changes

#: As the name of the signature header they would leave webhooks unsigned, or break their framing.
TAKEN_HEADERS = ["Content-Length", "host", "TRANSFER-ENCODING", "Proxy-X", "content-type", "Webhook-Signature"]
#: URLs that meta events are not sent to, by what is said of them.
META_EVENT_URLS = {
    "please provide the endpoint url": ["", " "],
    "invalid endpoint scheme": ["ftp://example.com", "//example.com"],
    "endpoint url must include a valid host": ["https://", "https:///path", "example.com"],
    "endpoint url must not point to localhost or loopback addresses": [
        "http://localhost/",
        "http://LOCALHOST.:80/",
        "http://a.localhost/",
        "http://127.0.0.1/x",
        "http://127.9.9.9/x",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
    ],
    "endpoint url must not point to private or reserved IP addresses": [
        "http://10.0.0.1/",
        "http://169.254.169.254/",
        "http://2130706433/",
        "http://[fd00::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://192.88.99.1/",
        "http://192.0.0.192/",
        "http://192.0.0.8/",
        "http://168.63.129.16/",
        "http://[3fff::1]/",
    ],
}


class TestValidation:
    def refuse(self, instance: API, body: Any, message: str) -> None:
        with nothing_changes():
            assert instance.post(PATH, body).error == (400, message)

    def test_null_is_a_body_without_members(self, instance: API) -> None:
        self.refuse(instance, b"null", "Invalid input provided")

    @pytest.mark.parametrize("body", [*(body for body, _ in NOT_A_BODY), *UNREADABLE])
    def test_what_is_no_body(self, instance: API, body: bytes) -> None:
        self.refuse(instance, body, "Invalid request format")

    @pytest.mark.parametrize(
        "change",
        [
            {"name": None},
            {"name": ""},
            {"name": "  \n"},
            {"name": "x" * 256},
            {"name": "a\x00b"},
            {"type": None},
            {"type": ""},
            {"type": "sideways"},
            {"type": "Outgoing"},
            {"logo_url": "logo.png"},
            {"logo_url": "https://"},
            {"logo_url": "javascript:alert(1)"},
            {"logo_url": "https://example.com:99999/"},
            {"logo_url": "https://example.com/" + "x" * 2048},
        ],
    )
    def test_values_that_are_not_allowed(self, instance: API, change: dict[str, Any]) -> None:
        self.refuse(instance, BODY | change, "Invalid input provided")

    @pytest.mark.parametrize("field", ["name", "type", "logo_url"])
    def test_texts_of_another_type(self, instance: API, field: str) -> None:
        for value in NOT_TEXT:
            self.refuse(instance, BODY | {field: value}, "Invalid request format")

    def test_a_config_of_another_type(self, instance: API) -> None:
        for value in NOT_AN_OBJECT:
            self.refuse(instance, BODY | {"config": value}, "Invalid request format")

    @pytest.mark.parametrize(
        ("fields", "wrong"),
        [
            (FLAGS, NOT_A_FLAG),
            (["max_payload_read_size"], NOT_AN_INTEGER),
            (["search_policy", "request_id_header"], NOT_TEXT),
            (["ssl", "ratelimit", "strategy", "signature", "meta_event", "circuit_breaker"], NOT_AN_OBJECT),
            (["retention_policy"], NOT_AN_OBJECT),
        ],
    )
    def test_members_of_config_of_another_type(self, instance: API, fields: list[str], wrong: list[Any]) -> None:
        for field in fields:
            for value in wrong:
                self.refuse(instance, with_config(**{field: value}), "Invalid request format")

    @pytest.mark.parametrize(
        ("member", "inner", "wrong"),
        [
            ("ssl", {"enforce_secure_endpoints": ...}, NOT_A_FLAG),
            ("retention_policy", {"policy": ...}, NOT_TEXT),
            ("ratelimit", {"count": ...}, NOT_AN_INTEGER),
            ("ratelimit", {"duration": ...}, NOT_AN_INTEGER),
            ("strategy", {"type": ...}, NOT_TEXT),
            ("strategy", {"duration": ...}, NOT_AN_INTEGER),
            ("strategy", {"retry_count": ...}, NOT_AN_INTEGER),
            ("signature", {"header": ...}, NOT_TEXT),
            ("signature", {"header": "X-Sig", "versions": ...}, ["text", 1, True, {}, [1], ["text"], [[]]]),
            ("signature", {"header": "X-Sig", "versions": [{"hash": ..., "encoding": "hex"}]}, NOT_TEXT),
            ("signature", {"header": "X-Sig", "versions": [{"hash": "MD5", "encoding": ...}]}, NOT_TEXT),
            ("signature", {"header": "X-Sig", "versions": [{"hash": "MD5", "encoding": "hex", "uid": ...}]}, NOT_TEXT),
            (
                "signature",
                {"header": "X-Sig", "versions": [{"hash": "MD5", "encoding": "hex", "created_at": ...}]},
                [*NOT_TEXT, "today", "2026-07-03", "2026-07-03T09:15:42", "2026-13-01T00:00:00Z", "2026-W01-1T00Z"],
            ),
            ("meta_event", {"is_enabled": ...}, NOT_A_FLAG),
            ("meta_event", {"type": ...}, NOT_TEXT),
            ("meta_event", {"event_type": ...}, ["text", 1, True, {}, [1], [None], [[]]]),
            ("meta_event", {"url": ...}, NOT_TEXT),
            ("meta_event", {"secret": ...}, NOT_TEXT),
            ("circuit_breaker", {"sample_rate": ...}, NOT_AN_INTEGER),
            ("circuit_breaker", {"error_timeout": ...}, NOT_AN_INTEGER),
            ("circuit_breaker", {"failure_threshold": ...}, NOT_AN_INTEGER),
            ("circuit_breaker", {"success_threshold": ...}, NOT_AN_INTEGER),
            ("circuit_breaker", {"minimum_request_count": ...}, NOT_AN_INTEGER),
            ("circuit_breaker", {"observability_window": ...}, NOT_AN_INTEGER),
            ("circuit_breaker", {"consecutive_failure_threshold": ...}, NOT_AN_INTEGER),
        ],
    )
    def test_members_further_inside_of_another_type(
        self, instance: API, member: str, inner: dict[str, Any], wrong: list[Any]
    ) -> None:
        for value in wrong:
            self.refuse(instance, with_config(**{member: filled(inner, value)}), "Invalid request format")

    @pytest.mark.parametrize(
        "config",
        [
            {"strategy": {"type": ""}},
            {"strategy": {"type": "random"}},
            {"strategy": {"retry_count": 2**31}},
            {"max_payload_read_size": 2**63},
            {"signature": {}},
            {"signature": {"header": ""}},
            {"signature": {"header": "X Sig"}},
            {"signature": {"header": "X-Sig:"}},
            *({"signature": {"header": name}} for name in TAKEN_HEADERS),
            {"signature": {"header": "X-Sig", "versions": [{}]}},
            {"signature": {"header": "X-Sig", "versions": [None]}},
            {"signature": {"header": "X-Sig", "versions": [{"hash": "MD4", "encoding": "hex"}]}},
            {"signature": {"header": "X-Sig", "versions": [{"hash": "sha256", "encoding": "hex"}]}},
            {"signature": {"header": "X-Sig", "versions": [{"hash": "MD5", "encoding": "base32"}]}},
            {"signature": {"header": "X-Sig", "versions": [{"hash": "MD5", "encoding": ""}]}},
            {"signature": {"header": "X-Sig", "versions": [{"hash": "MD5", "encoding": "hex"}] * 5}},
            {"circuit_breaker": {"sample_rate": 3601}},
            {"circuit_breaker": {"error_timeout": 86_401}},
            {"circuit_breaker": {"failure_threshold": 101}},
            {"circuit_breaker": {"success_threshold": 101}},
            {"circuit_breaker": {"minimum_request_count": 2**31}},
            {"circuit_breaker": {"observability_window": 61}},
            {"circuit_breaker": {"consecutive_failure_threshold": 2**31}},
            {"search_policy": "1h" * 33},
            {"retention_policy": {"policy": "1h" * 33}},
            {"retention_policy": {"policy": "1h\x00"}},
            {"request_id_header": "X" * 256},
            {"meta_event": {"type": "carrier pigeon"}},
            {"meta_event": {"event_type": ["x"] * 101}},
            {"meta_event": {"secret": "a\x00b"}},
            {"meta_event": {"is_enabled": True, "url": "https://example.com", "type": "pub_sub"}},
        ],
    )
    def test_members_of_config_that_are_not_allowed(self, instance: API, config: dict[str, Any]) -> None:
        self.refuse(instance, BODY | {"config": config}, "Invalid input provided")

    @pytest.mark.parametrize(
        ("config", "message"),
        [
            (
                {"sync_dynamic_event_ack": True},
                "sync_dynamic_event_ack has been renamed to verify_dynamic_events",
            ),
            ({"search_policy": "720"}, 'time: invalid duration "720"'),
            ({"search_policy": "forever"}, 'time: invalid duration "forever"'),
            *(
                ({"retention_policy": {"policy": policy}}, "retention_policy.policy must be between 1h and 87600h")
                for policy in ("0", "59m59s", "-720h", "87600h1s", "2562047h")
            ),
            ({"retention_policy": {"policy": "720"}}, 'time: invalid duration "720"'),
            ({"search_policy": "9" * 60 + "h"}, f'time: invalid duration "{"9" * 60}h"'),
            (
                {"request_id_header": "X Key"},
                "request_id_header must be a valid HTTP header token: invalid character at position 1",
            ),
            (
                {"request_id_header": "Ü"},
                "request_id_header must be a valid HTTP header token: invalid character at position 0",
            ),
            *(
                (
                    {"request_id_header": name},
                    f"request_id_header must not be {name}: each webhook has that header already",
                )
                for name in TAKEN_HEADERS
            ),
            *(
                ({"meta_event": {"is_enabled": True, "url": url}}, message)
                for message, urls in META_EVENT_URLS.items()
                for url in urls
            ),
            (
                {
                    "ssl": {"enforce_secure_endpoints": True},
                    "meta_event": {"is_enabled": True, "url": "http://example.com"},
                },
                "only https endpoints allowed",
            ),
        ],
    )
    def test_members_of_config_that_have_a_text_of_their_own(
        self, instance: API, config: dict[str, Any], message: str
    ) -> None:
        self.refuse(instance, BODY | {"config": config}, message)

    @pytest.mark.parametrize("field", list(CIRCUIT_BREAKER))
    def test_a_circuit_breaker_has_no_number_below_1(self, instance: API, field: str) -> None:
        self.refuse(instance, with_config(circuit_breaker={field: 0}), "Invalid request format")

    @pytest.mark.parametrize("breaker", [{"sample_rate": 300}, {"observability_window": 1, "sample_rate": 60}])
    def test_a_circuit_breaker_looks_back_further_than_to_its_last_look(
        self, instance: API, breaker: dict[str, int]
    ) -> None:
        message = "circuit_breaker.observability_window must be longer than its sample_rate"
        self.refuse(instance, with_config(circuit_breaker=breaker), message)

    def test_an_incoming_project_keeps_the_default_request_id_header(self, instance: API) -> None:
        incoming = BODY | {"type": "incoming"}
        message = "request_id_header can only be customized on outgoing projects"
        self.refuse(instance, incoming | {"config": {"request_id_header": "X-Key"}}, message)
        config = {"request_id_header": "X-Convoy-Idempotency-Key"}
        assert instance.post(PATH, incoming | {"config": config}).data["project"]["type"] == "incoming"

    def test_a_name_that_is_taken(self, instance: API, project: Project) -> None:
        self.refuse(instance, BODY | {"name": project.name}, "a project with this name already exists")

    def test_a_body_of_another_type_than_json(self, instance: API) -> None:
        with nothing_changes():
            response = instance.client.post(f"/api/v1{PATH}", BODY, headers=instance.headers)
        assert Answer(response).error == (415, "the request body must be application/json")

    def test_a_body_that_is_too_large(self, instance: API) -> None:
        with nothing_changes():
            answer = instance.post(PATH, BODY | {"logo_url": "x" * 2**20})
        assert answer.error == (413, "request body is too large")


def filled(template: Any, value: Any) -> Any:
    """`template` with `value` in the place of its ellipsis."""
    if template is ...:
        return value
    if isinstance(template, dict):
        return {key: filled(inner, value) for key, inner in template.items()}
    return [filled(inner, value) for inner in template] if isinstance(template, list) else template

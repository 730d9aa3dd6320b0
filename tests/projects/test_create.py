"""POST /api/v1/projects"""

from typing import Any

import pytest

from core.api.values import ZERO_TIME
from projects.config import CIRCUIT_BREAKER
from projects.models import APIKey, Project
from tests.concurrency import at_once
from tests.conftest import API, Answer
from tests.hostile import (
    HARMLESS_MEMBERS,
    NOT_A_BODY,
    NOT_A_FLAG,
    NOT_AN_INTEGER,
    NOT_AN_OBJECT,
    NOT_TEXT,
    UNREADABLE,
    with_raw_member,
)
from tests.refusals import Call, RefusesStrangers
from tests.statements import nothing_changes, statements

PATH = "/projects"
#: As the name of the signature header they would leave webhooks unsigned, or break their framing.
TAKEN_HEADERS = ["Content-Length", "host", "TRANSFER-ENCODING", "Proxy-X", "content-type", "Webhook-Signature"]
BODY = {"name": "Orders", "type": "outgoing"}

FLAGS = [
    *("replay_attacks_prevention_enabled", "add_event_id_trace_headers", "disable_endpoint"),
    *("multiple_endpoint_subscriptions", "verify_dynamic_events", "allow_unmatched_dynamic_urls"),
    "is_retention_policy_enabled",
]
#: URLs that meta events are not sent to, by what is said of them.
META_EVENT_URLS = {
    "please provide the endpoint url": ["", " "],
    "invalid endpoint scheme": ["example.com", "ftp://example.com", "//example.com"],
    "endpoint url must include a valid host": ["https://", "https:///path"],
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


@pytest.fixture
def call() -> Call:
    return lambda api: api.post(PATH, BODY)


def with_config(**config: Any) -> dict[str, Any]:
    return BODY | {"config": config}


class TestWorks:
    def test_answers_the_project_and_its_key(self, instance: API) -> None:
        answer = instance.post(PATH, BODY | {"logo_url": "https://example.com/logo.png"})
        assert (answer.status, answer.message) == (201, "Project created successfully")
        assert answer.data.keys() == {"api_key", "project"}
        project = Project.objects.get()
        document = answer.data["project"]
        assert (
            document.items()
            >= {
                "uid": project.uid,
                "name": "Orders",
                "type": "outgoing",
                "logo_url": "https://example.com/logo.png",
                "statistics": None,
                "retained_events": 0,
                "deleted_at": None,
            }.items()
        )
        assert document["created_at"] == document["updated_at"]
        assert document == instance.get(f"{PATH}/{project.uid}").data

    def test_without_a_config_it_has_the_defaults(self, instance: API) -> None:
        config = instance.post(PATH, BODY).data["project"]["config"]
        (version,) = config["signature"].pop("versions")
        assert (version["hash"], version["encoding"], len(version["uid"])) == ("SHA256", "hex", 26)
        assert config == {
            "max_payload_read_size": 51200,
            **dict.fromkeys(FLAGS, False),
            "search_policy": "",
            "retention_policy": {"policy": "720h"},
            "ssl": {"enforce_secure_endpoints": False},
            "ratelimit": {"count": 1000, "duration": 60},
            "strategy": {"type": "linear", "duration": 100, "retry_count": 10},
            "signature": {"header": "X-Convoy-Signature"},
            "request_id_header": "X-Convoy-Idempotency-Key",
            "meta_event": {
                "is_enabled": False,
                "type": "",
                "event_type": [],
                "url": "",
                "secret": "",
                "pub_sub": None,
            },
            "circuit_breaker": {
                "sample_rate": 30,
                "error_timeout": 30,
                "failure_threshold": 70,
                "success_threshold": 5,
                "minimum_request_count": 10,
                "observability_window": 5,
                "consecutive_failure_threshold": 10,
            },
        }

    @pytest.mark.parametrize("flag", FLAGS)
    def test_every_flag_that_is_sent_is_stored(self, instance: API, flag: str) -> None:
        project = instance.post(PATH, with_config(**{flag: True})).data["project"]
        assert project["config"][flag] is True
        assert instance.get(f"{PATH}/{project['uid']}").data["config"] == project["config"]

    def test_a_whole_config_is_stored(self, instance: API) -> None:
        config = {
            "max_payload_read_size": 1000,
            "search_policy": "720h",
            "retention_policy": {"policy": "1h30m"},
            "request_id_header": "X-Request-Key",
            "ssl": {"enforce_secure_endpoints": True},
            "ratelimit": {"count": 5, "duration": 1},
            "strategy": {"type": "exponential", "duration": 3, "retry_count": 4},
            "signature": {
                "header": "X-Sig",
                "versions": [{"uid": "one", "hash": "SHA3_512", "encoding": "base64", "created_at": ZERO_TIME}],
            },
            "meta_event": {"is_enabled": True, "event_type": ["endpoint.created"], "url": "https://example.com/in"},
            "circuit_breaker": {"sample_rate": 1},
        }
        project = instance.post(PATH, BODY | {"config": config}).data["project"]
        stored = project["config"]
        for name in ("max_payload_read_size", "search_policy", "retention_policy", "request_id_header"):
            assert stored[name] == config[name]
        for name in ("ssl", "ratelimit", "strategy"):
            assert stored[name] == config[name]
        (version,) = stored["signature"]["versions"]
        assert (version["uid"], version["hash"], version["encoding"]) == ("one", "SHA3_512", "base64")
        assert version["created_at"] == project["created_at"]
        assert stored["meta_event"]["type"] == "http"
        assert len(stored["meta_event"]["secret"]) == 25
        assert stored["circuit_breaker"]["sample_rate"] == 1
        assert stored["circuit_breaker"]["error_timeout"] == 30

    def test_the_default_key_opens_the_project_and_is_shown_once(self, instance: API) -> None:
        answer = instance.post(PATH, BODY)
        key, project = answer.data["api_key"], answer.data["project"]
        assert key == {
            "name": "Orders's default key",
            "role": {"type": "project_admin", "project": project["uid"]},
            "key_type": "",
            "expires_at": None,
            "key": key["key"],
            "uid": APIKey.objects.get(project=project["uid"]).uid,
            "created_at": project["created_at"],
        }
        path = f"{PATH}/{project['uid']}"
        own = API(key["key"])
        assert own.get(path).data == project
        assert own.put(path, {"name": "Renamed"}).status == 202
        for later in (own.get(path), own.get(PATH), instance.get(PATH)):
            assert key["key"].encode() not in later.response.content

    def test_the_name_of_a_deleted_project_is_free(self, instance: API) -> None:
        first = instance.post(PATH, BODY).data["project"]["uid"]
        instance.delete(f"{PATH}/{first}")
        assert instance.post(PATH, BODY).status == 201

    def test_the_organisation_is_accepted_and_ignored(self, instance: API) -> None:
        data = instance.post(f"{PATH}?orgID=nope", BODY, X_Organisation_Id="nope").data
        assert data["project"]["organisation_id"] not in ("", "nope")

    def test_a_slash_at_the_end(self, instance: API) -> None:
        assert instance.post(f"{PATH}/", BODY).status == 201

    @pytest.mark.parametrize("member", HARMLESS_MEMBERS)
    def test_members_that_mean_nothing(self, instance: API, member: bytes) -> None:
        project = instance.post(PATH, with_raw_member(BODY, member)).data["project"]
        assert len(project["uid"]) == 26
        assert project["deleted_at"] is None

    def test_of_a_member_that_is_there_twice_the_last_counts(self, instance: API) -> None:
        answer = instance.post(PATH, with_raw_member(BODY, b'"name":"Twice"'))
        assert answer.data["project"]["name"] == "Twice"

    def test_null_counts_as_not_sent(self, instance: API) -> None:
        config: dict[str, Any] = {
            "strategy": None,
            "ratelimit": {"count": None},
            "disable_endpoint": None,
            "search_policy": None,
        }
        config |= {"signature": {"header": "X-Sig", "versions": [{"uid": None, "hash": "MD5", "encoding": "hex"}]}}
        stored = instance.post(PATH, BODY | {"logo_url": None, "config": config}).data["project"]["config"]
        assert stored["strategy"]["duration"] == 100
        assert stored["ratelimit"] == {"count": 1000, "duration": 60}
        assert stored["disable_endpoint"] is False
        assert len(stored["signature"]["versions"][0]["uid"]) == 26

    @pytest.mark.parametrize("name", ["x", "ü" * 255, "🦄", "Robert'); DROP TABLE projects_project;--", "<b>&amp;"])
    def test_names_are_kept_as_they_are_sent(self, instance: API, name: str) -> None:
        data = instance.post(PATH, BODY | {"name": name}).data
        assert data["project"]["name"] == name
        assert data["api_key"]["name"] == f"{name}'s default key"


class TestAuthentication(RefusesStrangers):
    def test_no_key_of_a_project_may(self, api: API, viewer: API) -> None:
        with nothing_changes():
            assert api.post(PATH, BODY).error == (403, "Unauthorized")
            assert viewer.post(PATH, BODY).error == (403, "Unauthorized")


class TestValidation:
    def refuse(self, instance: API, body: Any, message: str) -> None:
        with nothing_changes():
            assert instance.post(PATH, body).error == (400, message)

    @pytest.mark.parametrize("body", [b"null", *(body for body, _ in NOT_A_BODY), *UNREADABLE])
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


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_one_name_makes_one_project_and_one_key(self, instance: API) -> None:
        answers = at_once(6, lambda _: instance.post(PATH, BODY))
        assert sorted(answer.status for answer in answers) == [201] + [400] * 5
        refused = {answer.message for answer in answers if answer.status == 400}
        assert refused == {"a project with this name already exists"}
        assert (Project.objects.count(), APIKey.objects.exclude(project=None).count()) == (1, 1)


class TestStatements:
    def test_the_project_its_event_type_and_its_key_are_one_statement_each(self, instance: API) -> None:
        with statements() as found:
            instance.post(PATH, BODY)
        assert found == [
            "SELECT projects_apikey",
            "INSERT projects_project",
            "INSERT projects_eventtype",
            "INSERT projects_apikey",
        ]


def filled(template: Any, value: Any) -> Any:
    """`template` with `value` in the place of its ellipsis."""
    if template is ...:
        return value
    if isinstance(template, dict):
        return {key: filled(inner, value) for key, inner in template.items()}
    return [filled(inner, value) for inner in template] if isinstance(template, list) else template

"""POST /api/v1/projects/{projectID}/endpoints"""

import re
from typing import Any

import pytest
from django.db import connection

from core.encryption import decrypt
from endpoints.models import Endpoint
from projects.models import Project
from tests.conftest import API
from tests.endpoints.bodies import API_KEY, BASIC_AUTH, BODY, CLIENT_ASSERTION, OF_ANOTHER_TYPE, SHARED_SECRET
from tests.hostile import HARMLESS_MEMBERS, NOT_A_BODY, UNREADABLE, with_raw_member
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers, RefusesViewers
from tests.statements import nothing_changes, statements


@pytest.fixture
def call(collection: str) -> Call:
    return lambda api: api.post(collection, BODY)


class TestWorks:
    def test_two_fields_are_enough(self, api: API, collection: str, project: Project) -> None:
        answer = api.post(collection, BODY)
        assert (answer.status, answer.message) == (201, "Endpoint created successfully")
        endpoint = Endpoint.objects.get()
        (secret,) = answer.data["secrets"]
        moment = answer.data["created_at"]
        assert answer.data == {
            "uid": endpoint.uid,
            "project_id": project.uid,
            "owner_id": "",
            "url": "https://hooks.example.com/in",
            "name": "Orders",
            "secrets": [
                {
                    "uid": secret["uid"],
                    "value": secret["value"],
                    "expires_at": None,
                    "created_at": moment,
                    "updated_at": moment,
                    "deleted_at": None,
                }
            ],
            "advanced_signatures": True,
            "description": "",
            "status": "active",
            "http_timeout": 0,
            "authentication": None,
            "rate_limit": 0,
            "rate_limit_duration": 0,
            "content_type": "application/json",
            "support_email": "",
            "slack_webhook_url": "",
            "teams_webhook_url": "",
            "mtls_client_cert": None,
            "metadata": {},
            "events": 0,
            "failure_rate": 0,
            "cb_state": None,
            "period_failure_rate": None,
            "success_count": None,
            "failure_count": None,
            "retry_count": None,
            "created_at": moment,
            "updated_at": moment,
            "deleted_at": None,
        }
        assert re.fullmatch(r"[0-9a-zA-Z_-]{25}", secret["value"])
        assert len(secret["uid"]) == 26
        assert secret["uid"] != endpoint.uid

    def test_every_field(self, api: API, collection: str) -> None:
        sent = BODY | {
            "owner_id": "acme",
            "description": "Where orders go",
            "advanced_signatures": False,
            "support_email": "ops@example.com",
            "slack_webhook_url": "https://hooks.slack.com/services/x",
            "teams_webhook_url": "https://example.webhook.office.com/x",
            "http_timeout": 30,
            "rate_limit": 5,
            "rate_limit_duration": 60,
            "content_type": "application/x-www-form-urlencoded",
            "authentication": API_KEY,
        }
        data = api.post(collection, sent).data
        assert data.items() >= sent.items()
        assert api.get(f"{collection}/{data['uid']}").data == data

    def test_a_secret_of_ones_own(self, api: API, collection: str) -> None:
        for value in ("mine", " ", "ü🦄", "x" * 255):
            (secret,) = api.post(collection, BODY | {"secret": value}).data["secrets"]
            assert secret["value"] == value

    @pytest.mark.parametrize("value", ["", None])
    def test_an_empty_secret_is_generated(self, api: API, collection: str, value: str | None) -> None:
        (secret,) = api.post(collection, BODY | {"secret": value}).data["secrets"]
        assert len(secret["value"]) == 25

    def test_name_url_and_owner_may_be_shared(self, api: API, collection: str) -> None:
        first, second = (api.post(collection, BODY | {"owner_id": "acme"}).data for _ in range(2))
        assert first["uid"] < second["uid"]

    def test_what_has_no_effect(self, api: API, collection: str) -> None:
        data = api.post(collection, BODY | {"is_disabled": True, "appID": "x", "rate_limit": -5}).data
        assert (data["status"], data["rate_limit"], data["owner_id"]) == ("active", 0, "")

    @pytest.mark.parametrize("member", HARMLESS_MEMBERS)
    def test_members_that_mean_nothing(self, api: API, collection: str, project: Project, member: bytes) -> None:
        data = api.post(collection, with_raw_member(BODY, member)).data
        assert len(data["uid"]) == 26
        assert (data["project_id"], data["status"], data["deleted_at"]) == (project.uid, "active", None)

    def test_of_a_member_that_is_there_twice_the_last_counts(self, api: API, collection: str) -> None:
        assert api.post(collection, with_raw_member(BODY, b'"name":"Twice"')).data["name"] == "Twice"

    def test_null_counts_as_not_sent(self, api: API, collection: str) -> None:
        optional = [
            *("secret", "owner_id", "description", "advanced_signatures", "support_email", "slack_webhook_url"),
            *("teams_webhook_url", "http_timeout", "rate_limit", "rate_limit_duration", "content_type"),
            *("authentication", "mtls_client_cert", "is_disabled"),
        ]
        data = api.post(collection, BODY | dict.fromkeys(optional)).data
        plain = api.post(collection, BODY).data
        own = {"uid", "secrets", "created_at", "updated_at"}
        assert {key: data[key] for key in data.keys() - own} == {key: plain[key] for key in plain.keys() - own}

    @pytest.mark.parametrize("value", [2**31 - 1, 0])
    def test_the_largest_and_smallest_numbers(self, api: API, collection: str, value: int) -> None:
        sent = {"http_timeout": value, "rate_limit": value, "rate_limit_duration": value}
        assert api.post(collection, BODY | sent).data.items() >= sent.items()

    def test_a_slash_at_the_end(self, api: API, collection: str) -> None:
        assert api.post(f"{collection}/", BODY).status == 201

    def test_signatures_of_an_incoming_project_are_always_advanced(
        self, api: API, collection: str, project: Project
    ) -> None:
        Project.objects.filter(pk=project.pk).update(type="incoming")
        assert api.post(collection, BODY | {"advanced_signatures": False}).data["advanced_signatures"] is True


class TestURL:
    @pytest.mark.parametrize(
        "url",
        [
            "http://example.com",
            "https://EXAMPLE.COM:8443/path?query#fragment",
            "https://example.com/@ada:secret@/",
            "http://localhost:8080/",
            "http://127.0.0.1/",
            "http://[::1]:8000/in",
            "https://例え.jp/",
            "https://example.com/" + "x" * 2028,
        ],
    )
    def test_accepted_as_it_is(self, api: API, collection: str, url: str) -> None:
        assert api.post(collection, BODY | {"url": url}).data["url"] == url

    def test_the_scheme_is_stored_in_lower_case(self, api: API, collection: str) -> None:
        made = api.post(collection, BODY | {"url": "HTTPS://EXAMPLE.COM/A"}).data
        assert made["url"] == "https://EXAMPLE.COM/A"
        path = f"{collection}/{made['uid']}"
        assert api.put(path, BODY | {"url": "hTTp://Example.com/A"}).data["url"] == "http://Example.com/A"

    @pytest.mark.parametrize(
        ("url", "message"),
        [
            ("", "Invalid input provided"),
            ("https://example.com/" + "x" * 2029, "Invalid input provided"),
            ("https://example.com/\x00", "Invalid input provided"),
            (" ", "please provide the endpoint url"),
            ("\t\n", "please provide the endpoint url"),
            ("https://example.com/{id}", "endpoint URL templates are not enabled"),
            ("https://example.com/}", "endpoint URL templates are not enabled"),
            ("https://exam ple.com", "invalid endpoint url: it contains a space or a control character"),
            (" https://example.com", "invalid endpoint url: it contains a space or a control character"),
            ("https://example.com/\r\nHost: x", "invalid endpoint url: it contains a space or a control character"),
            ("https://example.com:99999", "invalid endpoint url: Port out of range 0-65535"),
            ("https://example.com:x", "invalid endpoint url: Port could not be cast to integer value as 'x'"),
            ("https://[::1", "invalid endpoint url: Invalid IPv6 URL"),
            ("https://a\\@b/", "invalid endpoint url: its host contains a backslash"),
            ("http://user:pw@host/x", "invalid endpoint url: it contains a user name or password"),
            ("https://user@host/x", "invalid endpoint url: it contains a user name or password"),
            ("https://:@host/x", "invalid endpoint url: it contains a user name or password"),
            ("https://host:0/x", "invalid endpoint url: it names no host and port"),
            *(
                (f"https://{host}/x", "invalid endpoint url: it names no host and port")
                for host in ("a,b", "a..b", ".a", "a..", f"{'a' * 64}.example", "a." * 127 + "a", "[v1.x]")
            ),
            *(
                (f"https://[{host}]/x", "invalid endpoint url: address not allowed: it has a zone")
                for host in ("fe80::1%25eth0", "fe80::1%eth0")
            ),
            *(
                (
                    f"http://{host}/",
                    "invalid endpoint url: address not allowed: it is an IP address in an unusual notation",
                )
                for host in ("2130706433", "0x7f.1", "0177.0.0.1", "127.1", "1.2.3.4.5", "93.184.216.34.")
            ),
            ("example.com", "endpoint url must include a valid host"),
            ("//example.com", "invalid endpoint scheme"),
            ("ftp://example.com", "invalid endpoint scheme"),
            ("javascript:alert(1)", "endpoint url must include a valid host"),
            ("https://", "endpoint url must include a valid host"),
            ("https:///path", "endpoint url must include a valid host"),
            ("https://:443/", "endpoint url must include a valid host"),
            ("https://user@/", "endpoint url must include a valid host"),
        ],
    )
    def test_refused(self, api: API, collection: str, url: str, message: str) -> None:
        with nothing_changes():
            assert api.post(collection, BODY | {"url": url}).error == (400, message)

    def test_only_https_where_the_project_says_so(self, api: API, collection: str, project: Project) -> None:
        config = {"ssl": {"enforce_secure_endpoints": True}}
        api.put(f"/projects/{project.uid}", {"name": "Orders", "config": config})
        with nothing_changes():
            answer = api.post(collection, BODY | {"url": "http://example.com"})
        assert answer.error == (400, "only https endpoints allowed")
        assert api.post(collection, BODY).status == 201


class TestSecretsAtRest:
    """No secret stands in the database as plain text."""

    def test_no_secret_and_no_credential_is_plain_in_the_row(self, api: API, collection: str) -> None:
        for authentication in (API_KEY, BASIC_AUTH, SHARED_SECRET, CLIENT_ASSERTION):
            api.post(collection, BODY | {"secret": "the signing secret", "authentication": authentication})
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT uid, row_to_json(e)::text, e::text, secrets, authentication FROM endpoints_endpoint e"
            )
            rows = cursor.fetchall()
        assert len(rows) == 4
        plain = ("the signing secret", "the value", "the password", "the client secret", "the d")
        for uid, as_json, as_text, secrets, authentication in rows:
            for word in plain:
                for form in (word, word.encode().hex()):
                    assert form not in as_json + as_text
            assert b"the signing secret" in decrypt(secrets, "endpoints_endpoint.secrets", uid)
            assert b'"the ' in decrypt(authentication, "endpoints_endpoint.authentication", uid)

    def test_the_answer_shows_what_the_caller_needs_and_no_more(self, api: API, collection: str) -> None:
        assert api.post(collection, BODY | {"authentication": API_KEY}).data["authentication"] == API_KEY
        for authentication, hidden in ((BASIC_AUTH, b"the password"), (SHARED_SECRET, b"the client secret")):
            answer = api.post(collection, BODY | {"authentication": authentication})
            assert hidden not in answer.response.content
            assert b"[REDACTED]" in answer.response.content


class TestOlderClients:
    def test_before_2024_04_the_answer_has_other_names(self, api: API, collection: str) -> None:
        data = api.post(collection, BODY | {"http_timeout": 5}, X_Convoy_Version="2024-03-31").data
        assert (data["target_url"], data["title"], data["http_timeout"]) == (BODY["url"], BODY["name"], 5)
        assert data.keys().isdisjoint({"url", "name"})

    def test_before_2024_01_durations_are_text(self, api: API, collection: str) -> None:
        sent = BODY | {"http_timeout": "1m", "rate_limit_duration": "1h0m1s"}
        data = api.post(collection, sent, X_Convoy_Version="2023-12-31").data
        assert (data["http_timeout"], data["rate_limit_duration"]) == ("1m0s", "1h0m1s")
        now = api.get(f"{collection}/{data['uid']}").data
        assert (now["http_timeout"], now["rate_limit_duration"]) == (60, 3601)

    @pytest.mark.parametrize(
        ("sent", "stored"), [({}, False), ({"advanced_signatures": None}, False), ({"advanced_signatures": True}, True)]
    )
    def test_before_2024_01_signatures_are_simple_unless_said(
        self, api: API, collection: str, sent: dict[str, Any], stored: bool
    ) -> None:
        data = api.post(collection, BODY | sent, X_Convoy_Version="2023-12-31").data
        assert data["advanced_signatures"] is stored

    @pytest.mark.parametrize(
        "value", ["", "10", "10 s", "-1s", "ten", "1.s.", "99999999999h", "9" * 255, "9" * 254 + "s", 10, 1.5, [], True]
    )
    @pytest.mark.parametrize("field", ["http_timeout", "rate_limit_duration"])
    def test_before_2024_01_a_bad_duration_is_refused(self, api: API, collection: str, field: str, value: Any) -> None:
        with nothing_changes():
            answer = api.post(collection, BODY | {field: value}, X_Convoy_Version="2023-12-31")
        assert answer.error == (400, "Invalid request format")


class TestAuthentication(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    def test_a_bad_body_does_not_come_before_a_missing_right(
        self, nobody: API, viewer: API, other_api: API, collection: str
    ) -> None:
        assert nobody.post(collection, b"{").error == (401, "Authentication required")
        assert viewer.post(collection, b"{").error == (403, "Unauthorized")
        assert other_api.post(collection, b"{").error == (404, "project not found")


class TestValidation:
    def refuse(self, api: API, collection: str, body: Any, message: str) -> None:
        with nothing_changes():
            assert api.post(collection, body).error == (400, message)

    @pytest.mark.parametrize("body", [*(body for body, _ in NOT_A_BODY), *UNREADABLE])
    def test_what_is_no_body(self, api: API, collection: str, body: bytes) -> None:
        self.refuse(api, collection, body, "Invalid request format")

    def test_null_is_a_body_without_members(self, api: API, collection: str) -> None:
        self.refuse(api, collection, b"null", "Invalid input provided")

    @pytest.mark.slow  # every field with every other type
    def test_values_of_another_type(self, api: API, collection: str) -> None:
        with nothing_changes():
            for field, change in [*OF_ANOTHER_TYPE, ("appID", {"appID": 1})]:
                assert api.post(collection, BODY | change).error == (400, "Invalid request format"), (field, change)

    @pytest.mark.parametrize(
        "change",
        [
            {"name": ""},
            {"name": None},
            {"url": None},
            {"name": "x" * 256},
            {"secret": "x" * 256},
            {"owner_id": "x" * 256},
            {"description": "x" * 4097},
            *({field: "a\x00b"} for field in ("name", "secret", "owner_id", "description", "content_type")),
            {"support_email": "nobody"},
            {"support_email": "a@b@c.example"},
            {"support_email": "x" * 250 + "@example.com"},
            {"http_timeout": 2**31},
            {"rate_limit": 2**31},
            {"rate_limit": 2**63},
            {"rate_limit_duration": 2**64 - 1},
            {"authentication": {"type": "password"}},
            {"authentication": {"type": "API_KEY"}},
            {"authentication": {"type": "api_key", "api_key": {"header_value": "x"}}},
            {"authentication": {"type": "api_key", "api_key": {"header_name": "", "header_value": "x"}}},
            {"authentication": {"type": "basic_auth", "basic_auth": {"username": "x"}}},
            {"authentication": {"type": "oauth2", "oauth2": {}}},
            {"mtls_client_cert": {"client_cert": "x" * 65_537}},
        ],
    )
    def test_values_that_are_not_allowed(self, api: API, collection: str, change: dict[str, Any]) -> None:
        self.refuse(api, collection, BODY | change, "Invalid input provided")

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"name": "  "}, "an error occurred while adding endpoint"),
            ({"content_type": "text/plain"}, "an error occurred while adding endpoint"),
            ({"slack_webhook_url": "hooks.slack.com"}, "invalid slack webhook url"),
            ({"slack_webhook_url": "http://localhost"}, "invalid slack webhook url"),
            ({"slack_webhook_url": "http://192.88.99.1"}, "invalid slack webhook url"),
            ({"slack_webhook_url": "http://192.0.0.192"}, "invalid slack webhook url"),
            ({"slack_webhook_url": "http://192.0.0.8"}, "invalid slack webhook url"),
            ({"slack_webhook_url": "http://168.63.129.16"}, "invalid slack webhook url"),
            ({"slack_webhook_url": "http://[3fff::1]"}, "invalid slack webhook url"),
            ({"teams_webhook_url": "http://10.0.0.1/"}, "invalid teams webhook url"),
            ({"slack_webhook_url": "[REDACTED]"}, "invalid slack webhook url"),
            ({"teams_webhook_url": "[REDACTED]"}, "invalid teams webhook url"),
            ({"authentication": {"type": "api_key"}}, "api key field is required"),
            ({"authentication": {"type": "basic_auth"}}, "basic auth field is required"),
            ({"authentication": {"type": "oauth2"}}, "oauth2 configuration is required"),
            (
                {"mtls_client_cert": {"client_cert": "x"}},
                "mtls_client_cert requires both client_cert and client_key",
            ),
            # URL before authentication
            ({"url": "ftp://x", "authentication": {"type": "api_key"}}, "invalid endpoint scheme"),
        ],
    )
    def test_values_that_have_a_text_of_their_own(
        self, api: API, collection: str, change: dict[str, Any], message: str
    ) -> None:
        self.refuse(api, collection, BODY | change, message)


class TestStatements:
    def test_the_key_the_project_the_endpoint_and_the_answer(self, api: API, collection: str) -> None:
        with statements() as found:
            api.post(collection, BODY | {"authentication": API_KEY})
        assert found == [
            "SELECT projects_apikey",
            "SELECT projects_project",
            "INSERT endpoints_endpoint",
            "INSERT activity_activity",
            "SELECT endpoints_endpoint",
        ]

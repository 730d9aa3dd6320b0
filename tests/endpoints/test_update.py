"""PUT /api/v1/projects/{projectID}/endpoints/{endpointID}"""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from endpoints.models import Endpoint, EndpointState
from projects.models import Project
from tests.conftest import API
from tests.endpoints.bodies import API_KEY, BASIC_AUTH, BODY, CLIENT_ASSERTION, OF_ANOTHER_TYPE, SHARED_SECRET
from tests.hostile import HARMLESS_MEMBERS, NOT_A_BODY, UNREADABLE, with_raw_member
from tests.refusals import HidesOtherEndpoints, RefusesOtherProjects, RefusesStrangers, RefusesViewers, Send
from tests.statements import nothing_changes, statements

FULL = {
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


@pytest.fixture
def send(collection: str) -> Send:
    return lambda api, uid: api.put(f"{collection}/{uid}", BODY | {"name": "Renamed"})


@pytest.fixture
def full(api: API, collection: str) -> str:
    """The path of an endpoint whose every field has a value."""
    return f"{collection}/{api.post(collection, BODY | FULL).data['uid']}"


NO_URL = "url:please provide a url for your endpoint"
NO_NAME = "name:please provide your endpointName"
CHATS = ("slack_webhook_url", "teams_webhook_url")


class TestWorks:
    def test_changes_every_field(self, api: API, path: str, endpoint: Endpoint) -> None:
        sent = FULL | {"url": "http://example.com/other", "name": "Renamed"}
        answer = api.put(path, sent)
        assert (answer.status, answer.message) == (202, "Endpoint updated successfully")
        assert answer.data.items() >= sent.items()
        assert answer.data["updated_at"] > answer.data["created_at"]
        assert answer.data == api.get(path).data

    def test_keeps_what_is_not_sent(self, api: API, full: str) -> None:
        before = api.get(full).data
        after = api.put(full, BODY).data
        assert after | {"updated_at": ""} == before | {"updated_at": ""}

    @pytest.mark.parametrize(
        ("sent", "expected"),
        [
            ({"owner_id": ""}, {"owner_id": "acme"}),
            ({"owner_id": "globex"}, {"owner_id": "globex"}),
            ({"http_timeout": 0}, {"http_timeout": 30}),
            ({"description": ""}, {"description": ""}),
            ({"support_email": ""}, {"support_email": ""}),
            ({"slack_webhook_url": ""}, {"slack_webhook_url": ""}),
            ({"teams_webhook_url": ""}, {"teams_webhook_url": ""}),
            ({"rate_limit": 0}, {"rate_limit": 0}),
            ({"rate_limit": -1}, {"rate_limit": 5}),
            ({"rate_limit_duration": 0}, {"rate_limit_duration": 0}),
            ({"content_type": ""}, {"content_type": "application/json"}),
            ({"advanced_signatures": True}, {"advanced_signatures": True}),
            ({"authentication": {}}, {"authentication": None}),
            ({"authentication": {"type": ""}}, {"authentication": None}),
            ({"is_disabled": True}, {"status": "active"}),
            (dict.fromkeys(FULL), FULL),
        ],
    )
    def test_what_empty_values_mean(self, api: API, full: str, sent: dict[str, Any], expected: dict[str, Any]) -> None:
        before = api.get(full).data
        after = api.put(full, BODY | sent).data
        assert after | {"updated_at": ""} == before | expected | {"updated_at": ""}

    def test_a_secret_has_no_effect(self, api: API, path: str) -> None:
        before = api.get(path).data["secrets"]
        assert api.put(path, BODY | {"secret": "another"}).data["secrets"] == before

    @pytest.mark.parametrize("status", ["paused", "inactive", "pending"])
    def test_the_status_stays(self, api: API, path: str, status: str) -> None:
        Endpoint.objects.update(status=status)
        assert api.put(path, BODY).data["status"] == status

    def test_signatures_of_an_incoming_project_stay(self, api: API, path: str, project: Project) -> None:
        Project.objects.filter(pk=project.pk).update(type="incoming")
        assert api.put(path, BODY | {"advanced_signatures": False}).data["advanced_signatures"] is True

    @pytest.mark.parametrize("member", HARMLESS_MEMBERS)
    def test_members_that_mean_nothing(self, api: API, path: str, endpoint: Endpoint, member: bytes) -> None:
        data = api.put(path, with_raw_member(BODY, member)).data
        assert (data["uid"], data["project_id"]) == (endpoint.uid, endpoint.project_id)
        assert (data["status"], data["deleted_at"]) == ("active", None)


class TestWritingBack:
    """An object that was read may be written back: a masked value keeps the stored one."""

    @pytest.mark.parametrize("authentication", [API_KEY, BASIC_AUTH, SHARED_SECRET, CLIENT_ASSERTION])
    def test_credentials_survive(self, api: API, viewer: API, collection: str, authentication: dict[str, Any]) -> None:
        uid = api.post(collection, BODY | {"authentication": authentication}).data["uid"]
        stored = Endpoint.objects.get().authentication
        for reader in (api, viewer):
            read = reader.get(f"{collection}/{uid}").data
            assert api.put(f"{collection}/{uid}", read).status == 202
            assert Endpoint.objects.get().authentication == stored

    def test_the_urls_of_chats_survive(self, api: API, viewer: API, full: str) -> None:
        read = viewer.get(full).data
        assert read["slack_webhook_url"] == read["teams_webhook_url"] == "[REDACTED]"
        after = api.put(full, read).data
        assert {name: after[name] for name in CHATS} == {name: FULL[name] for name in CHATS}

    def test_the_mask_of_a_chat_that_there_is_not(self, api: API, path: str) -> None:
        after = api.put(path, BODY | dict.fromkeys(CHATS, "[REDACTED]")).data
        assert {name: after[name] for name in CHATS} == dict.fromkeys(CHATS, "")

    def test_a_mask_without_a_stored_value_is_nothing(self, api: API, path: str) -> None:
        masked = {"type": "basic_auth", "basic_auth": {"username": "ada", "password": "[REDACTED]"}}
        with nothing_changes():
            assert api.put(path, BODY | {"authentication": masked}).error == (400, "basic auth field is required")

    def test_a_mask_does_not_carry_a_value_over_to_another_type(self, api: API, full: str) -> None:
        masked = {"type": "basic_auth", "basic_auth": {"username": "ada", "password": "[REDACTED]"}}
        with nothing_changes():
            assert api.put(full, BODY | {"authentication": masked}).error == (400, "basic auth field is required")


class TestAnotherRateLimit:
    """Contract: docs/contract/deliveries.md#endpoint-rate-limit."""

    @pytest.fixture
    def state(self, endpoint: Endpoint) -> EndpointState:
        Endpoint.objects.update(rate_limit=1, rate_limit_duration=86400)
        now = timezone.now()
        return EndpointState.objects.create(endpoint=endpoint, tokens=0, refilled_at=now, held_until=now + timedelta(1))

    @pytest.mark.parametrize("change", [{"rate_limit": 0}, {"rate_limit": 5}, {"rate_limit_duration": 1}])
    def test_what_the_old_one_holds_is_released(
        self, api: API, path: str, state: EndpointState, change: dict[str, int]
    ) -> None:
        api.put(path, BODY | change)
        state.refresh_from_db()
        assert (state.tokens, state.refilled_at, state.held_until) == (None, None, None)

    def test_the_same_one_releases_nothing(self, api: API, path: str, state: EndpointState) -> None:
        api.put(path, BODY | {"rate_limit": 1, "rate_limit_duration": 86400})
        api.put(path, BODY)
        before = state.held_until
        state.refresh_from_db()
        assert (state.tokens, state.held_until) == (0, before)

    @pytest.mark.django_db(transaction=True)
    def test_the_workers_are_woken(self, api: API, path: str, state: EndpointState) -> None:
        with statements() as found:
            api.put(path, BODY | {"rate_limit": 0})
        assert "NOTIFY" in found


class TestOlderClients:
    def test_before_2024_04_the_answer_has_other_names(self, api: API, path: str) -> None:
        data = api.put(path, BODY | {"name": "Renamed"}, X_Convoy_Version="2024-03-31").data
        assert (data["target_url"], data["title"]) == (BODY["url"], "Renamed")
        assert data.keys().isdisjoint({"url", "name"})

    def test_before_2024_01_durations_are_text(self, api: API, path: str) -> None:
        sent = BODY | {"http_timeout": "1m30s", "rate_limit_duration": "500ms"}
        data = api.put(path, sent, X_Convoy_Version="2023-12-31").data
        assert (data["http_timeout"], data["rate_limit_duration"]) == ("1m30s", "0s")
        assert api.get(path).data["http_timeout"] == 90

    def test_before_2024_01_what_is_not_sent_is_kept_too(self, api: API, full: str) -> None:
        before = api.get(full).data
        api.put(full, BODY, X_Convoy_Version="2023-12-31")
        assert api.get(full).data | {"updated_at": ""} == before | {"updated_at": ""}

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            ("ten", 'invalid http_timeout format: time: invalid duration "ten"'),
            ("", 'invalid http_timeout format: time: invalid duration ""'),
            ("-1s", 'invalid http_timeout format: time: invalid duration "-1s"'),
            (10, 'body contains incorrect JSON type for field "http_timeout"'),
        ],
    )
    def test_before_2024_01_a_bad_duration_is_refused(self, api: API, path: str, value: Any, message: str) -> None:
        with nothing_changes():
            answer = api.put(path, BODY | {"http_timeout": value}, X_Convoy_Version="2023-12-31")
        assert answer.error == (400, message)


class TestAuthentication(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    pass


class TestAnotherTenant(HidesOtherEndpoints):
    missing = (400, "endpoint not found")

    def test_a_bad_body_comes_before_an_unknown_endpoint(self, api: API, collection: str) -> None:
        assert api.put(f"{collection}/nope", {}).error == (400, f"{NO_URL}, {NO_NAME}")

    def test_an_unknown_endpoint_comes_before_a_bad_url(self, api: API, collection: str) -> None:
        assert api.put(f"{collection}/nope", BODY | {"url": "x"}).error == (400, "endpoint not found")


class TestValidation:
    def refuse(self, api: API, path: str, body: Any, message: str) -> None:
        with nothing_changes():
            assert api.put(path, body).error == (400, message)

    @pytest.mark.parametrize(("body", "message"), NOT_A_BODY)
    def test_what_is_no_body(self, api: API, path: str, body: bytes, message: str) -> None:
        self.refuse(api, path, body, message)

    @pytest.mark.parametrize("body", UNREADABLE)
    def test_what_cannot_be_read(self, api: API, path: str, body: bytes) -> None:
        with nothing_changes():
            status, message = api.put(path, body).error
        assert status == 400
        assert message.startswith("body contains badly-formed JSON")

    @pytest.mark.slow  # every field with every other type
    def test_values_of_another_type(self, api: API, path: str) -> None:
        with nothing_changes():
            for field, change in OF_ANOTHER_TYPE:
                message = f'body contains incorrect JSON type for field "{field}"'
                assert api.put(path, BODY | change).error == (400, message), change

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({}, f"{NO_URL}, {NO_NAME}"),
            (b"null", f"{NO_URL}, {NO_NAME}"),
            ({"name": "Orders"}, NO_URL),
            (BODY | {"url": ""}, NO_URL),
            (BODY | {"name": ""}, NO_NAME),
            (BODY | {"name": None}, NO_NAME),
            (BODY | {"name": "x" * 256}, "name:Ensure this field has no more than 255 characters."),
            (BODY | {"name": "a\x00b"}, "name:Null characters are not allowed."),
            (BODY | {"support_email": "nobody"}, "support_email:please provide a valid email"),
            (
                BODY | {"http_timeout": 2**31},
                "http_timeout:Ensure this value is less than or equal to 2147483647.",
            ),
            (BODY | {"authentication": {"type": "password"}}, "type:unsupported authentication type"),
            (
                BODY | {"authentication": {"type": "api_key", "api_key": {"header_value": "x"}}},
                "header_name:non zero value required",
            ),
            (
                BODY | {"authentication": {"type": "basic_auth", "basic_auth": {"username": "", "password": "x"}}},
                "username:non zero value required",
            ),
        ],
    )
    def test_fields_that_are_not_allowed(self, api: API, path: str, body: Any, message: str) -> None:
        self.refuse(api, path, body, message)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"name": " "}, "an error occurred while updating endpoints"),
            ({"content_type": "text/plain"}, "an error occurred while updating endpoints"),
            ({"url": " "}, "please provide the endpoint url"),
            ({"url": "https://example.com/{id}"}, "endpoint URL templates are not enabled"),
            ({"url": "ftp://example.com"}, "invalid endpoint scheme"),
            ({"url": "https://"}, "endpoint url must include a valid host"),
            ({"slack_webhook_url": "http://127.0.0.1"}, "invalid slack webhook url"),
            ({"teams_webhook_url": "http://[::1]"}, "invalid teams webhook url"),
            ({"authentication": {"type": "oauth2"}}, "oauth2 configuration is required"),
            ({"mtls_client_cert": {"client_key": "x"}}, "mtls_client_cert requires both client_cert and client_key"),
        ],
    )
    def test_values_that_are_not_allowed(self, api: API, full: str, change: dict[str, Any], message: str) -> None:
        self.refuse(api, full, BODY | {"description": "changed"} | change, message)

    def test_only_https_where_the_project_says_so(self, api: API, path: str, project: Project) -> None:
        config = {"ssl": {"enforce_secure_endpoints": True}}
        api.put(f"/projects/{project.uid}", {"name": "Orders", "config": config})
        self.refuse(api, path, BODY | {"url": "http://example.com"}, "only https endpoints allowed")


class TestTheCircuitBreaker:
    @pytest.fixture
    def state(self, path: str) -> EndpointState:
        """An open breaker that holds the endpoint's deliveries for an hour."""
        later = timezone.now() + timedelta(hours=1)
        return EndpointState.objects.create(
            endpoint=Endpoint.objects.get(pk=path.rpartition("/")[2]),
            breaker="open",
            consecutive_trips=3,
            open_until=later,
            held_until=later,
            events=5,
        )

    @pytest.mark.parametrize(
        "change",
        [
            {"url": "https://mended.example.com"},
            {"authentication": {"type": "api_key", "api_key": {"header_name": "X-Key", "header_value": "new"}}},
        ],
    )
    def test_closes_when_another_request_will_be_sent(
        self, api: API, path: str, state: EndpointState, change: dict[str, Any]
    ) -> None:
        assert api.put(path, BODY | change).status == 202
        state.refresh_from_db()
        assert (state.breaker, state.consecutive_trips, state.open_until, state.held_until) == ("closed", 0, None, None)
        assert state.counted_from is not None
        assert state.events == 5

    def test_stays_open_when_nothing_of_the_request_changes(self, api: API, path: str, state: EndpointState) -> None:
        url = Endpoint.objects.get(pk=state.pk).url
        assert api.put(path, {"url": url, "name": "Renamed", "description": "new"}).status == 202
        until = state.open_until
        state.refresh_from_db()
        assert (state.breaker, state.consecutive_trips, state.open_until) == ("open", 3, until)


class TestStatements:
    def test_the_key_the_lock_the_update_and_the_answer(self, api: API, path: str) -> None:
        with statements() as found:
            api.put(path, BODY)
        assert found == [
            "SELECT projects_apikey",
            "LOCK endpoints_endpointstate",
            "LOCK endpoints_endpoint",
            "UPDATE endpoints_endpoint",
            "SELECT endpoints_endpoint",
        ]

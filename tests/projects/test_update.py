"""PUT /api/v1/projects/{projectID}"""

from collections.abc import Callable
from typing import Any

import pytest

from endpoints.models import Endpoint, EndpointState
from projects.models import Project
from tests.concurrency import at_once
from tests.conftest import API
from tests.hostile import HARMLESS_MEMBERS, NOT_A_BODY, NOT_AN_OBJECT, NOT_TEXT, UNREADABLE, with_raw_member
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers, RefusesViewers
from tests.statements import nothing_changes, statements

MakeEndpoint = Callable[..., Endpoint]

BODY = {"name": "Renamed"}
META_EVENT = {"is_enabled": True, "url": "https://example.com/in"}


@pytest.fixture
def path(project: Project) -> str:
    return f"/projects/{project.uid}"


@pytest.fixture
def call(path: str) -> Call:
    return lambda api: api.put(path, BODY)


class TestWorks:
    def test_renames(self, api: API, path: str, project: Project) -> None:
        answer = api.put(path, BODY)
        assert (answer.status, answer.message) == (202, "Project updated successfully")
        assert answer.data["name"] == "Renamed"
        assert answer.data["config"] == project.full_config
        assert answer.data["updated_at"] > answer.data["created_at"]
        assert answer.data == api.get(path).data

    def test_may_keep_its_name(self, api: API, path: str, project: Project) -> None:
        assert api.put(path, {"name": project.name}).status == 202

    def test_a_logo_is_replaced_and_not_emptied(self, api: API, path: str) -> None:
        assert api.put(path, BODY | {"logo_url": "https://example.com/a.png"}).status == 202
        for sent in ({}, {"logo_url": ""}, {"logo_url": None}):
            assert api.put(path, BODY | sent).data["logo_url"] == "https://example.com/a.png"

    def test_the_type_never_changes(self, api: API, path: str) -> None:
        for sent in ("incoming", "nope", 1):
            assert api.put(path, BODY | {"type": sent}).data["type"] == "outgoing"

    def test_a_config_is_merged_into_the_stored_one(self, api: API, path: str) -> None:
        before = api.get(path).data["config"]
        first = api.put(path, BODY | {"config": {"disable_endpoint": True, "strategy": {"type": "exponential"}}})
        assert first.data["config"] == before | {
            "disable_endpoint": True,
            "strategy": {"type": "exponential", "duration": 100, "retry_count": 10},
        }
        second = api.put(path, BODY | {"config": {"search_policy": "720h"}})
        assert second.data["config"] == first.data["config"] | {"search_policy": "720h"}
        assert second.data == api.get(path).data

    def test_a_blank_retention_policy_is_the_default_one(self, api: API, path: str) -> None:
        for policy in ("1h", ""):
            config = api.put(path, BODY | {"config": {"retention_policy": {"policy": policy}}}).data["config"]
            assert config["retention_policy"] == {"policy": policy or "720h"}
            assert config["is_retention_policy_enabled"] is False

    @pytest.mark.parametrize("member", HARMLESS_MEMBERS)
    def test_members_that_mean_nothing(self, api: API, path: str, project: Project, member: bytes) -> None:
        data = api.put(path, with_raw_member(BODY, member)).data
        assert (data["uid"], data["deleted_at"]) == (project.uid, None)

    def test_what_was_read_may_be_written_back(self, api: API, path: str) -> None:
        api.put(path, BODY | {"config": {"meta_event": META_EVENT}})
        document = api.get(path).data
        assert api.put(path, document).data["config"] == document["config"]


class TestMetaEvents:
    def secret_of(self, api: API, path: str, **sent: Any) -> str:
        meta_event = api.put(path, BODY | {"config": {"meta_event": META_EVENT | sent}}).data["config"]["meta_event"]
        assert api.get(path).data["config"]["meta_event"] == meta_event
        return str(meta_event["secret"])

    def test_a_secret_is_made_once(self, api: API, path: str) -> None:
        secret = self.secret_of(api, path)
        assert len(secret) == 25
        assert self.secret_of(api, path, url="https://example.com/other") == secret

    def test_a_secret_that_is_sent_is_taken(self, api: API, path: str) -> None:
        assert self.secret_of(api, path, secret="mine") == "mine"
        assert self.secret_of(api, path, secret="yours") == "yours"

    def test_what_a_viewer_read_keeps_the_secret(self, api: API, viewer: API, path: str) -> None:
        secret = self.secret_of(api, path)
        assert api.put(path, viewer.get(path).data).data["config"]["meta_event"]["secret"] == secret

    def test_the_secret_is_not_plain_in_the_database(self, api: API, path: str, project: Project) -> None:
        self.secret_of(api, path, secret="a secret to look for")
        project.refresh_from_db()
        assert project.meta_event["secret"] == "a secret to look for"
        assert "a secret to look for" not in str(project.config)


class TestInactiveEndpoints:
    """An update wakes endpoints when it turns `disable_endpoint` off, and at no other time."""

    @pytest.fixture
    def states(self, make_endpoint: MakeEndpoint, other_project: Project) -> Callable[[], list[str]]:
        made = [make_endpoint().uid for _ in range(3)] + [make_endpoint(project_id=other_project.uid).uid]
        for uid, status in zip(made, ("inactive", "paused", "pending", "inactive"), strict=True):
            Endpoint.objects.filter(pk=uid).update(status=status)
            EndpointState.objects.create(endpoint_id=uid, consecutive_trips=9)
        return lambda: list(Endpoint.objects.order_by("pk").values_list("status", flat=True))

    def test_a_rename_wakes_nobody(self, api: API, path: str, states: Callable[[], list[str]]) -> None:
        api.put(path, BODY)
        api.put(path, BODY | {"config": {"disable_endpoint": False}})
        assert states() == ["inactive", "paused", "pending", "inactive"]

    def test_turning_it_off_wakes_the_projects_own(self, api: API, path: str, states: Callable[[], list[str]]) -> None:
        api.put(path, BODY | {"config": {"disable_endpoint": True}})
        api.put(path, BODY)
        assert states() == ["inactive", "paused", "pending", "inactive"]
        api.put(path, BODY | {"config": {"disable_endpoint": False}})
        assert states() == ["active", "paused", "pending", "inactive"]
        # Their failures are forgotten too: else the breaker would disable them at once.
        trips = EndpointState.objects.order_by("pk").values_list("consecutive_trips", flat=True)
        assert list(trips) == [0, 9, 9, 9]


class TestAuthentication(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    pass


class TestValidation:
    def refuse(self, api: API, path: str, body: Any, message: str) -> None:
        with nothing_changes():
            assert api.put(path, body).error == (400, message)

    @pytest.mark.parametrize("body", [*(body for body, _ in NOT_A_BODY), *UNREADABLE])
    def test_what_is_no_body(self, api: API, path: str, body: bytes) -> None:
        self.refuse(api, path, body, "Invalid request format")

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({}, "Invalid input provided"),
            (b"null", "Invalid input provided"),
            ({"name": ""}, "Invalid input provided"),
            ({"name": " "}, "Invalid input provided"),
            ({"name": "x" * 256}, "Invalid input provided"),
            ({"name": "a\x00b"}, "Invalid input provided"),
            (BODY | {"logo_url": "logo.png"}, "Invalid input provided"),
            (BODY | {"config": {"strategy": {"type": "random"}}}, "Invalid input provided"),
            (BODY | {"config": {"signature": {"header": ""}}}, "Invalid input provided"),
            (BODY | {"config": {"max_payload_read_size": -1}}, "Invalid request format"),
            (BODY | {"config": {"search_policy": "soon"}}, 'time: invalid duration "soon"'),
            (
                BODY | {"config": {"sync_dynamic_event_ack": False}},
                "sync_dynamic_event_ack has been renamed to verify_dynamic_events",
            ),
            (
                BODY | {"config": {"request_id_header": "a b"}},
                "request_id_header must be a valid HTTP header token: invalid character at position 1",
            ),
            (
                BODY | {"config": {"disable_endpoint": True, "meta_event": {"is_enabled": True}}},
                "please provide the endpoint url",
            ),
            (
                BODY
                | {
                    "config": {
                        "ssl": {"enforce_secure_endpoints": True},
                        "meta_event": {"is_enabled": True, "url": "http://example.com"},
                    }
                },
                "only https endpoints allowed",
            ),
        ],
    )
    def test_values_that_are_not_allowed(self, api: API, path: str, body: Any, message: str) -> None:
        self.refuse(api, path, body, message)

    def test_a_circuit_breaker_must_fit_what_is_stored(self, api: API, path: str, project: Project) -> None:
        message = "circuit_breaker.observability_window must be longer than its sample_rate"
        assert api.put(path, BODY | {"config": {"circuit_breaker": {"sample_rate": 120}}}).status == 202
        self.refuse(api, path, BODY | {"config": {"circuit_breaker": {"observability_window": 2}}}, message)

    def test_what_an_older_version_has_stored_does_not_stop_an_update_of_something_else(
        self, api: API, path: str, project: Project
    ) -> None:
        project.config["circuit_breaker"] |= {"sample_rate": 0, "observability_window": 0}
        project.save()
        assert api.put(path, BODY | {"config": {"disable_endpoint": True}}).status == 202

    def test_values_of_another_type(self, api: API, path: str) -> None:
        for value in NOT_TEXT:
            self.refuse(api, path, {"name": value}, "Invalid request format")
            self.refuse(api, path, BODY | {"logo_url": value}, "Invalid request format")
        for value in NOT_AN_OBJECT:
            self.refuse(api, path, BODY | {"config": value}, "Invalid request format")

    def test_a_name_that_is_taken(self, api: API, path: str, other_project: Project) -> None:
        self.refuse(api, path, {"name": other_project.name}, "a project with this name already exists")

    def test_an_incoming_project_keeps_the_default_request_id_header(
        self, api: API, path: str, project: Project
    ) -> None:
        Project.objects.filter(pk=project.pk).update(type="incoming")
        message = "request_id_header can only be customized on outgoing projects"
        self.refuse(api, path, BODY | {"config": {"request_id_header": "X-Key"}}, message)
        assert api.put(path, BODY | {"config": {"request_id_header": ""}}).status == 202


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_no_part_of_a_config_is_lost(self, api: API, path: str) -> None:
        parts: list[dict[str, Any]] = [
            {"disable_endpoint": True},
            {"search_policy": "1h"},
            {"ratelimit": {"count": 1, "duration": 2}},
            {"ssl": {"enforce_secure_endpoints": True}},
            {"request_id_header": "X-Key"},
            {"meta_event": META_EVENT | {"secret": "mine", "type": "http", "event_type": [], "pub_sub": None}},
        ]
        answers = at_once(len(parts), lambda number: api.put(path, BODY | {"config": parts[number]}))
        assert [answer.status for answer in answers] == [202] * len(parts)
        config = api.get(path).data["config"]
        for part in parts:
            assert config.items() >= part.items()


class TestStatements:
    def test_the_key_the_lock_and_the_update(self, api: API, path: str) -> None:
        with statements() as found:
            api.put(path, BODY)
        assert found == ["SELECT projects_apikey", "LOCK projects_project", "UPDATE projects_project"]

    @pytest.mark.parametrize("count", [1, 20])
    def test_waking_endpoints_is_five_more(self, api: API, path: str, make_endpoint: MakeEndpoint, count: int) -> None:
        api.put(path, BODY | {"config": {"disable_endpoint": True}})
        for _ in range(count):
            EndpointState.objects.create(endpoint=make_endpoint())
        Endpoint.objects.update(status="inactive")
        with statements() as found:
            api.put(path, BODY | {"config": {"disable_endpoint": False}})
        assert found[-5:] == [
            "LOCK endpoints_endpointstate",
            "UPDATE endpoints_endpointstate",
            # The endpoints are read for their names in the record of activity.
            "LOCK endpoints_endpoint",
            "UPDATE endpoints_endpoint",
            "INSERT activity_activity",
        ]
        assert len(found) == 8
        assert set(Endpoint.objects.values_list("status", flat=True)) == {"active"}

"""POST /api/v1/projects"""

from typing import Any

import pytest

from core.api.values import ZERO_TIME
from projects.models import APIKey, Project
from tests.concurrency import at_once
from tests.conftest import API
from tests.hostile import (
    HARMLESS_MEMBERS,
    with_raw_member,
)
from tests.projects.bodies import BODY, FLAGS, PATH, with_config
from tests.refusals import Call, RefusesStrangers
from tests.statements import nothing_changes, statements


@pytest.fixture
def call() -> Call:
    return lambda api: api.post(PATH, BODY)


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

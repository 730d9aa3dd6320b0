"""POST /api/v1/projects/{projectID}/portal-links"""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from endpoints.models import Endpoint
from endpoints.rendering import kept
from portal_links.models import PortalLink, PortalSession
from projects.models import Project
from tests.conftest import API, Answer
from tests.locks import last_lock

MakeEndpoint = Callable[..., Endpoint]

SEED_KEYS = {
    *("can_manage_endpoint", "created_at", "deleted_at", "endpoint_count", "endpoints", "endpoints_metadata", "name"),
    *("owner_id", "project_id", "token", "uid", "updated_at", "url"),
}
SEED_ENDPOINT_KEYS = {
    *("advanced_signatures", "authentication", "created_at", "deleted_at", "description", "events", "failure_rate"),
    *("http_timeout", "name", "owner_id", "project_id", "rate_limit", "rate_limit_duration", "secrets"),
    *("slack_webhook_url", "status", "support_email", "uid", "updated_at", "url"),
}
NEW_SCHEMA_KEYS = {"auth_type", "auth_key"}


@pytest.fixture
def path(project: Project) -> str:
    return f"/projects/{project.uid}/portal-links"


def owners() -> dict[str, str]:
    return dict(Endpoint.objects.values_list("uid", "owner_id"))


class TestWorks:
    def test_for_an_owner_the_scope_is_the_owners_endpoints_newest_first(
        self, api: API, path: str, make_endpoint: MakeEndpoint
    ) -> None:
        first, second = make_endpoint(owner_id="acme"), make_endpoint(owner_id="acme")
        make_endpoint(owner_id="somebody else")
        make_endpoint()
        answer = api.post(path, {"name": "Acme", "owner_id": "acme"})
        assert answer.status == 201
        assert answer.message == "Portal link created successfully"
        assert answer.data["owner_id"] == "acme"
        assert answer.data["endpoint_count"] == 2
        assert [endpoint["uid"] for endpoint in answer.data["endpoints_metadata"]] == [second.uid, first.uid]
        assert answer.data["endpoints"] == []

    def test_for_a_list_the_scope_is_exactly_the_list_whoever_owns_it(
        self, api: API, path: str, make_endpoint: MakeEndpoint
    ) -> None:
        owned, free = make_endpoint(owner_id="acme"), make_endpoint()
        make_endpoint(owner_id="acme")
        data = api.post(path, {"name": "Two", "endpoints": [owned.uid, free.uid]}).data
        assert data["owner_id"] == ""
        assert data["endpoints"] == [owned.uid, free.uid]
        assert data["endpoint_count"] == 2
        assert [endpoint["uid"] for endpoint in data["endpoints_metadata"]] == [free.uid, owned.uid]
        assert owners()[free.uid] == ""

    def test_for_both_the_endpoints_are_adopted_and_the_scope_is_the_owners(
        self, api: API, path: str, make_endpoint: MakeEndpoint
    ) -> None:
        mine, free = make_endpoint(owner_id="acme"), make_endpoint()
        data = api.post(path, {"name": "Both", "owner_id": "acme", "endpoints": [free.uid]}).data
        assert owners() == {mine.uid: "acme", free.uid: "acme"}
        assert data["endpoints"] == [free.uid]
        assert [endpoint["uid"] for endpoint in data["endpoints_metadata"]] == [free.uid, mine.uid]
        assert {endpoint["owner_id"] for endpoint in data["endpoints_metadata"]} == {"acme"}

    def test_adopting_what_the_owner_has_already_changes_nothing(
        self, api: API, path: str, make_endpoint: MakeEndpoint
    ) -> None:
        mine = make_endpoint(owner_id="acme")
        data = api.post(path, {"name": "Again", "owner_id": "acme", "endpoints": [mine.uid, mine.uid]}).data
        assert data["endpoint_count"] == 1
        assert Endpoint.objects.get(pk=mine.pk).updated_at == mine.updated_at

    def test_an_owner_without_endpoints_gets_a_link(self, api: API, path: str) -> None:
        data = api.post(path, {"name": "Early", "owner_id": "acme", "endpoints": []}).data
        assert data["endpoint_count"] == 0
        assert data["endpoints_metadata"] == []

    def test_the_answer_has_every_key_of_the_old_and_the_new_schema(
        self, api: API, path: str, make_endpoint: MakeEndpoint
    ) -> None:
        make_endpoint(
            owner_id="acme",
            authentication={"type": "api_key", "api_key": {"header_name": "X-Key", "header_value": "value"}},
        )
        data = api.post(path, {"name": "Acme", "owner_id": "acme", "can_manage_endpoint": True}).data
        assert data.keys() == SEED_KEYS | NEW_SCHEMA_KEYS
        [endpoint] = data["endpoints_metadata"]
        assert endpoint.keys() >= SEED_ENDPOINT_KEYS
        assert endpoint["authentication"] == {
            "type": "api_key",
            "api_key": {"header_name": "X-Key", "header_value": "value"},
        }
        [secret] = endpoint["secrets"]
        assert secret.keys() == {"created_at", "deleted_at", "expires_at", "uid", "updated_at", "value"}
        assert len(secret["value"]) == 25
        assert data["can_manage_endpoint"] is True
        assert data["auth_type"] == "static_token"
        assert data["auth_key"] == ""
        assert data["deleted_at"] is None

    def test_the_url_carries_the_token(self, api: API, path: str, settings: Settings) -> None:
        settings.BASE_URL = "https://hooks.acme.example"
        data = api.post(path, {"name": "Acme", "owner_id": "acme"}).data
        assert len(data["token"]) == 24
        assert data["token"].isalnum()
        assert data["url"] == f"https://hooks.acme.example/portal?token={data['token']}"

    def test_a_refresh_link_comes_with_its_first_token(self, api: API, path: str) -> None:
        data = api.post(path, {"name": "Acme", "owner_id": "acme", "auth_type": "refresh_token"}).data
        assert data["auth_type"] == "refresh_token"
        assert data["auth_key"].startswith("PRT.")
        assert len(data["auth_key"]) == 85
        assert data["url"].endswith(f"/portal?token={data['token']}&auth_token={data['auth_key']}")
        session = PortalSession.objects.get()
        assert (session.expires_at - session.created_at).total_seconds() == 3600

    def test_neither_token_is_stored_in_clear(self, api: API, path: str) -> None:
        data = api.post(path, {"name": "Acme", "owner_id": "acme", "auth_type": "refresh_token"}).data
        with connection.cursor() as cursor:
            cursor.execute("SELECT l.token, l.token_digest, s.token_digest FROM portal_links_portallink l, "
                           "portal_links_portalsession s")  # fmt: skip
            row = cursor.fetchone()
        stored = b"".join(value if isinstance(value, bytes) else value.encode() for value in row)
        assert data["token"].encode() not in stored
        assert data["auth_key"].rsplit(".", 1)[1].encode() not in stored
        # A digest without the pepper would let whoever has the database test guesses.
        assert hashlib.sha256(data["token"].encode()).digest() not in stored

    def test_null_stands_for_what_is_not_sent(self, api: API, path: str) -> None:
        body = {"name": "Acme", "owner_id": "acme", "endpoints": None, "auth_type": None, "can_manage_endpoint": None}
        assert api.post(path, body).status == 201

    def test_two_links_may_have_the_same_name_owner_and_endpoint(
        self, api: API, path: str, make_endpoint: MakeEndpoint
    ) -> None:
        body = {"name": "Acme", "owner_id": "acme", "endpoints": [make_endpoint().uid]}
        first, second = api.post(path, body).data, api.post(path, body).data
        assert first["uid"] != second["uid"]
        assert first["token"] != second["token"]


class TestAuthentication:
    def test_no_key(self, nobody: API, path: str) -> None:
        assert nobody.post(path, {"name": "Acme", "owner_id": "acme"}).error == (401, "Authentication required")
        assert not PortalLink.objects.exists()

    def test_a_viewer_may_not(self, viewer: API, path: str) -> None:
        assert viewer.post(path, {"name": "Acme", "owner_id": "acme"}).error == (403, "Unauthorized")
        assert not PortalLink.objects.exists()

    def test_an_instance_key_may(self, instance: API, path: str) -> None:
        assert instance.post(path, {"name": "Acme", "owner_id": "acme"}).status == 201


class TestAnotherTenant:
    def test_another_projects_key(self, other_api: API, path: str) -> None:
        assert other_api.post(path, {"name": "Acme", "owner_id": "acme"}).error == (404, "project not found")
        assert not PortalLink.objects.exists()

    def test_another_projects_endpoint_is_unknown(
        self, api: API, path: str, other_project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        foreign = make_endpoint(project_id=other_project.uid)
        body: dict[str, Any] = {"name": "Acme", "endpoints": [foreign.uid]}
        refusal = (400, f"failed to find endpoint {foreign.uid}")
        assert api.post(path, body).error == refusal
        assert api.post(path, body | {"owner_id": "acme"}).error == refusal
        assert owners() == {foreign.uid: ""}
        assert not PortalLink.objects.exists()

    def test_another_projects_owner_of_the_same_name(
        self, api: API, path: str, other_project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        make_endpoint(project_id=other_project.uid, owner_id="acme")
        data = api.post(path, {"name": "Acme", "owner_id": "acme"}).data
        assert data["endpoint_count"] == 0
        assert data["endpoints_metadata"] == []


class TestValidation:
    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({}, "Invalid input provided"),
            ({"owner_id": "acme"}, "Invalid input provided"),
            ({"name": "", "owner_id": "acme"}, "Invalid input provided"),
            ({"name": " ", "owner_id": "acme"}, "Invalid input provided"),
            ({"name": None, "owner_id": "acme"}, "Invalid input provided"),
            ({"name": "x" * 256, "owner_id": "acme"}, "Invalid input provided"),
            ({"name": "a\x00b", "owner_id": "acme"}, "Invalid input provided"),
            ({"name": "Acme"}, "Invalid input provided"),
            ({"name": "Acme", "endpoints": []}, "Invalid input provided"),
            ({"name": "Acme", "owner_id": ""}, "Invalid input provided"),
            ({"name": "Acme", "owner_id": "  "}, "Invalid input provided"),
            ({"name": "Acme", "owner_id": "acme", "auth_type": "password"}, "Invalid input provided"),
            ({"name": 1, "owner_id": "acme"}, "Invalid request format"),
            ({"name": "Acme", "owner_id": 1}, "Invalid request format"),
            ({"name": "Acme", "owner_id": ["acme"]}, "Invalid request format"),
            ({"name": "Acme", "endpoints": "all"}, "Invalid request format"),
            ({"name": "Acme", "endpoints": {"a": 1}}, "Invalid request format"),
            ({"name": "Acme", "endpoints": [1]}, "Invalid request format"),
            ({"name": "Acme", "endpoints": [None]}, "Invalid request format"),
            ({"name": "Acme", "owner_id": "acme", "can_manage_endpoint": "true"}, "Invalid request format"),
            ({"name": "Acme", "owner_id": "acme", "can_manage_endpoint": 1}, "Invalid request format"),
            ([], "Invalid request format"),
            ("Acme", "Invalid request format"),
            (b"", "Invalid request format"),
            (b"{", "Invalid request format"),
            (b'{"name": "\\ud800", "owner_id": "acme"}', "Invalid request format"),
            (b'{"name": "Acme", "owner_id": "acme"} trailing', "Invalid request format"),
            (b"\xff\xfe", "Invalid request format"),
        ],
    )
    def test_a_bad_body_changes_nothing(self, api: API, path: str, body: Any, message: str) -> None:
        assert api.post(path, body).error == (400, message)
        assert not PortalLink.objects.exists()

    @pytest.mark.parametrize("uid", ["", "nope", "01JZ8QM5X9C1D3F5G7H9J1K3M5", "ü", "x" * 64])
    def test_an_unknown_endpoint(self, api: API, path: str, uid: str) -> None:
        refusal = (400, f"failed to find endpoint {uid}")
        assert api.post(path, {"name": "Acme", "endpoints": [uid]}).error == refusal
        assert api.post(path, {"name": "Acme", "owner_id": "acme", "endpoints": [uid]}).error == refusal
        assert not PortalLink.objects.exists()

    def test_a_deleted_endpoint_is_unknown(self, api: API, path: str, make_endpoint: MakeEndpoint) -> None:
        gone = make_endpoint()
        api.delete(f"{path.removesuffix('portal-links')}endpoints/{gone.uid}")
        error = api.post(path, {"name": "Acme", "owner_id": "acme", "endpoints": [gone.uid]}).error
        assert error == (400, f"failed to find endpoint {gone.uid}")

    def test_a_conflict_in_the_second_of_two_endpoints_undoes_the_first(
        self, api: API, path: str, make_endpoint: MakeEndpoint
    ) -> None:
        free, taken = make_endpoint(), make_endpoint(owner_id="globex")
        answer = api.post(path, {"name": "Acme", "owner_id": "acme", "endpoints": [free.uid, taken.uid]})
        assert answer.error == (400, f"endpoint {taken.uid} already has owner_id globex")
        assert owners() == {free.uid: "", taken.uid: "globex"}
        assert not PortalLink.objects.exists()

    def test_an_old_client_is_told_in_its_own_words(self, api: API, path: str) -> None:
        answer = api.post(path, {"name": "Acme"}, X_Convoy_Version="2025-11-23")
        assert answer.error == (400, "Invalid request format")

    def test_five_thousand_endpoints_of_which_one_is_unknown(
        self, api: API, path: str, make_endpoint: MakeEndpoint
    ) -> None:
        uid = make_endpoint().uid
        answer = api.post(path, {"name": "Acme", "owner_id": "acme", "endpoints": [uid] * 4999 + ["nope"]})
        assert answer.error == (400, "failed to find endpoint nope")
        assert owners() == {uid: ""}


class TestConcurrency:
    @pytest.mark.django_db(transaction=True)
    def test_of_eight_owners_that_adopt_one_endpoint_exactly_one_wins(
        self, api: API, path: str, make_endpoint: MakeEndpoint
    ) -> None:
        uid = make_endpoint().uid

        def create(number: int) -> Answer:
            try:
                return api.post(path, {"name": "Race", "owner_id": f"owner-{number}", "endpoints": [uid]})
            finally:
                connections.close_all()

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(create, range(8)))
        [winner] = [answer for answer in answers if answer.status == 201]
        assert owners() == {uid: winner.data["owner_id"]}
        assert [link.owner_id for link in PortalLink.objects.all()] == [winner.data["owner_id"]]
        losers = {answer.error for answer in answers if answer.status != 201}
        assert losers == {(400, f"endpoint {uid} already has owner_id {winner.data['owner_id']}")}

    @pytest.mark.django_db(transaction=True)
    def test_the_projects_row_is_not_locked(self, api: API, path: str, project: Project) -> None:
        """PostgreSQL would keep a list of the links that hold the lock at once."""
        before = last_lock(project)
        assert api.post(path, {"name": "Acme", "owner_id": "acme"}).status == 201
        assert last_lock(project) == before


class TestQueryCount:
    """However many endpoints there are: the key with its project, where it is not remembered, and the link with its
    endpoints in one statement; with a list of endpoints the adoption, the endpoints, those of the owner and their
    subscriptions, which have quotas, and the link. One more reads the endpoints that are not kept."""

    @pytest.mark.parametrize("count", [1, 20])
    @pytest.mark.parametrize("auth_type", ["static_token", "refresh_token"])
    def test_for_an_owner(self, api: API, path: str, make_endpoint: MakeEndpoint, count: int, auth_type: str) -> None:
        for _ in range(count):
            make_endpoint(owner_id="acme")
        kept.forget()
        for before, after in ((["SELECT"], ["SELECT"]), ([], [])):
            with CaptureQueriesContext(connection) as queries:
                answer = api.post(path, {"name": "Acme", "owner_id": "acme", "auth_type": auth_type})
            assert answer.data["endpoint_count"] == len(answer.data["endpoints_metadata"]) == count
            assert first_words(queries) == [*before, "WITH", *after]

    @pytest.mark.parametrize("count", [1, 20])
    def test_with_adoption(self, api: API, path: str, make_endpoint: MakeEndpoint, count: int) -> None:
        uids = [make_endpoint().uid for _ in range(count)]
        with CaptureQueriesContext(connection) as queries:
            answer = api.post(path, {"name": "Acme", "owner_id": "acme", "endpoints": uids})
        assert answer.data["endpoint_count"] == count
        # The adoption makes another version of each row, which is not kept.
        assert first_words(queries) == ["SELECT", "WITH", "SELECT", "SELECT", "SELECT", "SELECT", "WITH"]


def first_words(queries: CaptureQueriesContext) -> list[str]:
    """Return the kind of each statement, without the savepoints of the test's own transaction."""
    words = [query["sql"].split()[0] for query in queries.captured_queries]
    return [word for word in words if word not in ("SAVEPOINT", "RELEASE")]

"""The Authorization header: what each shape of it is answered.

Contract: docs/contract/conventions.md#authentication.
"""

import base64
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from portal_links.operations import create_portal_link
from projects.models import APIKey, Project
from projects.operations import create_api_key, delete_project, revoke_api_key
from tests.conftest import API, Answer, Role

NO_CREDENTIAL = (401, "Authentication required")
BAD_CREDENTIAL = (401, "authorization failed")
PORTAL_CREDENTIAL = (401, "unauthorized")


@pytest.fixture
def key(project: Project) -> str:
    return create_api_key(name="admin", role=Role.PROJECT_ADMIN, project=project)[1]


def call(header: str | None, path: str = "/projects") -> Answer:
    headers = {} if header is None else {"Authorization": header}
    return Answer(Client().get(f"/api/v1{path}", headers=headers))


def basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


class TestWorks:
    @pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER ", ""])
    def test_any_letter_case_and_the_bare_key(self, key: str, scheme: str) -> None:
        assert call(f"{scheme}{key}").status == 200

    def test_a_key_that_expires_later(self, project: Project) -> None:
        later = timezone.now() + timedelta(minutes=1)
        _, key = create_api_key(name="k", role=Role.PROJECT_VIEWER, project=project, expires_at=later)
        assert call(f"Bearer {key}").status == 200


@pytest.mark.django_db
class TestShape:
    @pytest.mark.parametrize(
        ("header", "error"),
        [
            (None, NO_CREDENTIAL),
            ("", NO_CREDENTIAL),
            ("Bearer", NO_CREDENTIAL),
            ("Bearer ", NO_CREDENTIAL),
            ("Bearer  CO.a.b", NO_CREDENTIAL),
            ("Bearer CO.a.b more", NO_CREDENTIAL),
            ("something", NO_CREDENTIAL),
            ("Foo CO.a.b", NO_CREDENTIAL),
            ("Basic !!!", NO_CREDENTIAL),
            (basic("no colon"), NO_CREDENTIAL),
            (basic("user:password"), BAD_CREDENTIAL),
            ("Bearer CO.a.b", BAD_CREDENTIAL),
            ("Bearer CO.a", BAD_CREDENTIAL),
            ("Bearer CO.a.b.c", BAD_CREDENTIAL),
            ("Bearer CO.ü.ü", BAD_CREDENTIAL),
            ("Bearer a.b.c", BAD_CREDENTIAL),
            ("Bearer short", BAD_CREDENTIAL),
            ("Bearer PRT.a.b", PORTAL_CREDENTIAL),
            ("PRT.a.b", PORTAL_CREDENTIAL),
            ("Bearer " + "a" * 24, PORTAL_CREDENTIAL),
        ],
    )
    def test_each_wrong_shape_has_its_text(self, header: str | None, error: tuple[int, str]) -> None:
        answer = call(header)
        assert answer.error == error
        assert "WWW-Authenticate" not in answer.headers


class TestRefused:
    def test_what_does_not_work_is_answered_alike_to_the_byte(self, project: Project, key: str) -> None:
        _, expired = create_api_key(
            name="expired", role=Role.PROJECT_ADMIN, project=project, expires_at=timezone.now() - timedelta(hours=1)
        )
        revoked_row, revoked = create_api_key(name="revoked", role=Role.PROJECT_ADMIN, project=project)
        revoke_api_key(revoked_row.uid)
        mask = key.split(".")[1]
        refused = [expired, revoked, f"CO.{'a' * 16}.{'b' * 64}", f"CO.{mask}.{'b' * 64}", key[:-1], key + "x"]
        answers = {call(f"Bearer {credential}").response.content for credential in refused}
        assert len(answers) == 1
        assert call(f"Bearer {expired}").error == BAD_CREDENTIAL

    def test_every_key_of_a_deleted_project(self, project: Project, key: str) -> None:
        delete_project(project.uid)
        assert call(f"Bearer {key}", f"/projects/{project.uid}").error == BAD_CREDENTIAL

    def test_valid_portal_tokens(self, project: Project) -> None:
        created = create_portal_link(project.uid, name="Acme", owner_id="acme", auth_type="refresh_token")
        for token in (created.link.token, created.auth_key):
            assert call(f"Bearer {token}", f"/projects/{project.uid}/portal-links").error == PORTAL_CREDENTIAL

    def test_the_key_itself_is_nowhere_in_the_database(self, key: str) -> None:
        row = APIKey.objects.get(name="admin")
        assert key.split(".")[2] not in f"{row.mask} {bytes(row.digest)!r}"


class TestOrderOfChecks:
    def test_a_wrong_content_type_comes_before_a_missing_key(self, db: None) -> None:
        answer = Answer(Client().post("/api/v1/projects", b"{}", content_type="text/plain"))
        assert answer.status == 415

    @pytest.mark.parametrize("content_type", ["Application/Json", "APPLICATION/JSON; Charset=UTF-8"])
    def test_media_types_ignore_letter_case(self, instance: API, content_type: str) -> None:
        body = b'{"name": "Orders", "type": "outgoing"}'
        sent = instance.client.post("/api/v1/projects", body, content_type=content_type, headers=instance.headers)
        assert sent.status_code == 201

    @pytest.mark.parametrize(("encoding", "status"), [("gzip", 415), ("Br", 415), ("identity", 201), ("", 201)])
    def test_a_content_encoding_is_named(self, instance: API, encoding: str, status: int) -> None:
        body = b'{"name": "Orders", "type": "outgoing"}'
        headers = instance.headers | {"Content-Encoding": encoding}
        answer = Answer(
            instance.client.post("/api/v1/projects", body, content_type="application/json", headers=headers)
        )
        assert answer.status == status
        if status == 415:
            said = f"send the request body without a Content-Encoding: {encoding} is not supported"
            assert answer.error == (415, said)

    def test_any_method_and_any_path_is_checked_for_its_content_type(self, db: None) -> None:
        response = Client().get("/api/v1/nope", headers={"Content-Type": "text/plain"})
        assert response.status_code == 415

    def test_a_missing_key_comes_before_an_unknown_path_or_method(self, nobody: API) -> None:
        assert nobody.get("/nope").error == NO_CREDENTIAL
        assert nobody("PATCH", "/projects").error == NO_CREDENTIAL
        assert nobody("OPTIONS", "/projects").error == NO_CREDENTIAL

    def test_with_a_key_the_path_and_the_method_are_named(self, api: API, project: Project) -> None:
        for path in ("", "/", "/nope", f"/projects/{project.uid}/portal-links/x/"):
            assert api.get(path).error == (404, "404 page not found"), path
        assert api("OPTIONS", "/nope").error == (404, "404 page not found")
        assert api("PATCH", "/projects").error == (405, "method not allowed")
        assert api("OPTIONS", "/projects").headers["Allow"] == "GET, HEAD, POST"

    def test_a_collection_answers_with_and_without_a_slash_and_with_two(self, api: API, project: Project) -> None:
        paths = [f"/projects/{project.uid}/{name}" for name in ("endpoints", "portal-links")]
        for path in ["/projects", *paths]:
            assert api.get(path).data == api.get(f"{path}/").data
            assert api.get(path.replace("/projects", "//projects")).status == 200


class TestHeaders:
    def test_the_request_id_is_echoed_or_made(self, api: API) -> None:
        assert api.get("/projects", X_Request_Id="my-id").headers["X-Request-ID"] == "my-id"
        made = api.get("/projects").headers["X-Request-ID"]
        assert made
        assert made != api.get("/projects").headers["X-Request-ID"]

    @pytest.mark.parametrize("bad", ["a b", "ü", "x" * 129])
    def test_a_request_id_that_could_do_harm_in_a_log_is_replaced(self, api: API, bad: str) -> None:
        assert api.get("/projects", X_Request_Id=bad).headers["X-Request-ID"] != bad

    @pytest.mark.parametrize("asked", ["2023-01-01", "2030-01-01", "nonsense"])
    def test_the_version_is_the_servers_whatever_was_asked_for(self, api: API, asked: str) -> None:
        assert api.get("/projects", X_Convoy_Version=asked).headers["X-Convoy-Version"] == "2025-11-24"

    def test_a_body_without_content_type_is_json(self, instance: API) -> None:
        response = instance.client.generic(
            "POST",
            "/api/v1/projects",
            b'{"name": "New", "type": "outgoing"}',
            content_type="",
            headers=instance.headers,
        )
        assert response.status_code == 201

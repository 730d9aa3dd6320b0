"""POST /api/v1/projects/{projectID}/onboard"""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from endpoints.models import Endpoint
from onboarding.models import OnboardBatch
from projects.models import Project
from projects.operations import create_project
from tests.conftest import API, Answer
from tests.onboarding.conftest import ITEM, items
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers, RefusesViewers
from tests.statements import nothing_changes, statements

NO_CONTROL = "must not hold a line break or another control character"


@pytest.fixture
def call(path: str) -> Call:
    return lambda api: api.post(path, {"items": [ITEM]})


def upload(api: API, path: str, content: bytes, *, field: str = "file", query: str = "") -> Answer:
    body = encode_multipart(BOUNDARY, {field: SimpleUploadedFile("endpoints.csv", content)})
    return send_form(api, path + query, body)


def send_form(api: API, path: str, body: bytes, content_type: str = MULTIPART_CONTENT) -> Answer:
    return Answer(api.client.generic("POST", f"/api/v1{path}", body, content_type=content_type, headers=api.headers))


def failures(answer: Answer) -> list[dict[str, Any]]:
    """The errors of a refusal of items, which is the one refusal with data."""
    assert answer.status == 400
    assert answer.json.keys() == {"status", "message", "data"}
    assert (answer.json["status"], answer.message) == (False, "Validation failed")
    found: list[dict[str, Any]] = answer.json["data"]["errors"]
    return found


class TestAccepted:
    def test_sixty_items_are_two_batches(self, api: API, path: str, project: Project) -> None:
        answer = api.post(path, {"items": items(60)})
        assert (answer.status, answer.message) == (202, "Bulk onboard request accepted")
        rows = list(OnboardBatch.objects.order_by("pk"))
        assert answer.data == {
            "batch_count": 2,
            "total_items": 60,
            "message": "Bulk onboard request accepted for processing",
            "batch_ids": [row.uid for row in rows],
        }
        assert [(row.first_row, row.total_items, len(row.items)) for row in rows] == [(1, 50, 50), (51, 10, 10)]
        assert {row.project_id for row in rows} == {project.uid}
        assert not Endpoint.objects.exists()

    def test_a_thousand_are_the_most(self, api: API, path: str) -> None:
        assert api.post(path, {"items": items(1000)}).data["batch_count"] == 20

    def test_passwords_are_not_plain_in_the_database(self, api: API, path: str) -> None:
        api.post(path, {"items": [ITEM | {"auth_username": "ada", "auth_password": "to look for"}]})
        with connection.cursor() as cursor:
            cursor.execute("SELECT items FROM onboarding_onboardbatch")
            [(stored,)] = cursor.fetchall()
        assert b"to look for" not in bytes(stored)
        assert OnboardBatch.objects.get().items[0]["auth_password"] == "to look for"

    def test_unknown_members_are_ignored(self, api: API, path: str) -> None:
        assert api.post(path, {"items": [ITEM | {"owner_id": "acme"}]}).status == 202

    def test_the_statements_do_not_grow_with_the_items(self, api: API, path: str) -> None:
        for count in (1, 200):
            with statements() as found:
                api.post(path, {"items": items(count)})
            assert found == [
                "SELECT projects_apikey",
                "SELECT projects_project",
                "INSERT onboarding_onboardbatch",
            ]


class TestDryRun:
    def test_a_clean_one(self, api: API, path: str) -> None:
        with nothing_changes():
            answer = api.post(f"{path}?dry_run=true", {"items": items(3)})
        assert (answer.status, answer.message) == (200, "Dry run validation complete")
        assert answer.data == {"total_rows": 3, "valid_count": 3, "errors": []}

    def test_one_with_an_error(self, api: API, path: str) -> None:
        sent = items(3)
        sent[1]["url"] = "ftp://x"
        with nothing_changes():
            data = api.post(f"{path}?dry_run=true", {"items": sent}).data
        assert data == {
            "total_rows": 3,
            "valid_count": 2,
            "errors": [{"row": 2, "field": "url", "message": "invalid endpoint scheme"}],
        }

    @pytest.mark.parametrize("value", ["1", "TRUE", "True", "yes", "", "false"])
    def test_only_the_word_true_counts(self, api: API, path: str, value: str) -> None:
        assert api.post(f"{path}?dry_run={value}", {"items": [ITEM]}).status == 202
        assert OnboardBatch.objects.count() == 1


class TestItems:
    @pytest.mark.parametrize(
        ("changed", "field", "message"),
        [
            ({"name": None}, "name", "name is required"),
            ({"name": "  "}, "name", "name is required"),
            ({"url": None}, "url", "please provide the endpoint url"),
            ({"url": " "}, "url", "please provide the endpoint url"),
            ({"url": "ftp://x"}, "url", "invalid endpoint scheme"),
            ({"url": "example.com"}, "url", "endpoint url must include a valid host"),
            ({"url": "https://"}, "url", "endpoint url must include a valid host"),
            ({"url": "https://{{customer}}.example.com"}, "url", "endpoint URL templates are not enabled"),
            (
                {"auth_username": "ada"},
                "auth_username/auth_password",
                "both auth_username and auth_password must be provided together",
            ),
            *(
                ({"auth_username": "ada", "auth_password": "pw"} | {field: f"a{end}"}, field, f"{field} {NO_CONTROL}")
                for field in ("auth_username", "auth_password")
                for end in ("\n", "\r\n", "\x7f")
            ),
            (
                {"auth_password": "pw"},
                "auth_username/auth_password",
                "both auth_username and auth_password must be provided together",
            ),
        ],
    )
    def test_one_that_is_not_valid(
        self, api: API, path: str, changed: dict[str, Any], field: str, message: str
    ) -> None:
        with nothing_changes():
            answer = api.post(path, {"items": [ITEM, ITEM | changed]})
        assert failures(answer) == [{"row": 2, "field": field, "message": message}]
        assert answer.json["data"] | {"errors": []} == {"total_rows": 2, "valid_count": 1, "errors": []}

    def test_several_errors_of_one_item_make_one_invalid_item(self, api: API, path: str) -> None:
        answer = api.post(path, {"items": [{"auth_username": "ada"}, ITEM]})
        assert [failure["row"] for failure in failures(answer)] == [1, 1, 1]
        assert answer.json["data"]["valid_count"] == 1

    def test_the_project_takes_https_only(self, api: API, path: str, project: Project) -> None:
        project.config["ssl"]["enforce_secure_endpoints"] = True
        project.save()
        answer = api.post(path, {"items": [ITEM | {"url": "http://example.com"}]})
        assert failures(answer)[0]["message"] == "only https endpoints allowed"


class TestRefused:
    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (b"", "Invalid request format"),
            (b"[]", "Invalid request format"),
            (b'{"items":', "Invalid request format"),
            ({"items": "x"}, "Invalid request format"),
            ({"items": ["x"]}, "Invalid request format"),
            ({"items": [[]]}, "Invalid request format"),
            ({"items": [ITEM | {"name": 1}]}, "Invalid request format"),
            ({"items": [ITEM | {"event_type": ["a"]}]}, "Invalid request format"),
            ({"items": [ITEM | {"name": "a\0b"}]}, "Invalid input provided"),
            ({"items": [ITEM | {"name": "a" * 201}]}, "Invalid input provided"),
            ({}, "items list cannot be empty"),
            ({"items": None}, "items list cannot be empty"),
            ({"items": []}, "items list cannot be empty"),
            ({"items": items(1001)}, "items list exceeds maximum size of 1000"),
        ],
    )
    def test_bodies(self, api: API, path: str, body: Any, message: str) -> None:
        with nothing_changes():
            assert api.post(path, body).error == (400, message)

    def test_an_incoming_project(self, instance: API) -> None:
        incoming = create_project(name="In", type="incoming")[0]
        answer = instance.post(f"/projects/{incoming.uid}/onboard", {"items": [ITEM]})
        assert answer.error == (400, "bulk onboard is only supported for outgoing projects")

    @pytest.mark.parametrize("content_type", ["text/csv", "text/plain", "application/x-www-form-urlencoded"])
    def test_another_content_type(self, api: API, path: str, content_type: str) -> None:
        assert send_form(api, path, b"name,url", content_type).error[0] == 415

    def test_a_form_in_other_letter_case(self, api: API, path: str) -> None:
        content_type = MULTIPART_CONTENT.replace("multipart/form-data", "Multipart/Form-Data")
        body = encode_multipart(BOUNDARY, {"file": SimpleUploadedFile("a.csv", b"name,url\na,https://a.example/")})
        assert send_form(api, path, body, content_type).status == 202


class TestCSV:
    def stored(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = OnboardBatch.objects.get().items
        return found

    def test_columns_in_any_order_and_case(self, api: API, path: str) -> None:
        content = b"URL, Name ,note,Event_Type\r\n https://a.example.com , Acme ,x,invoice.paid\r\n\r\n"
        content += b'https://b.example.com,"Glo, ""bex""",,\r\n'
        answer = upload(api, path, content)
        assert (answer.status, answer.data["total_items"]) == (202, 2)
        assert self.stored() == [
            {"url": "https://a.example.com", "name": "Acme", "event_type": "invoice.paid"},
            {"url": "https://b.example.com", "name": 'Glo, "bex"', "event_type": ""},
        ]

    def test_a_byte_order_mark_is_no_part_of_a_name(self, api: API, path: str) -> None:
        upload(api, path, "\ufeffname,url\nÄcme,https://a.example.com\n".encode())
        assert self.stored()[0]["name"] == "Äcme"

    def test_a_dry_run(self, api: API, path: str) -> None:
        with nothing_changes():
            answer = upload(api, path, b"name,url\na,ftp://x\n", query="?dry_run=true")
        assert answer.data["errors"] == [{"row": 1, "field": "url", "message": "invalid endpoint scheme"}]

    def test_errors_have_the_numbers_of_rows(self, api: API, path: str) -> None:
        content = b"name,url,auth_username\n,https://a.example.com,\n" + b"x" * 201 + b",https://b.example.com,\n"
        content += b"c,https://c.example.com,ada\nd\0,https://d.example.com,\n"
        assert [(failure["row"], failure["field"]) for failure in failures(upload(api, path, content))] == [
            (1, "name"),
            (2, "name"),
            (3, "auth_username/auth_password"),
            (4, "name"),
        ]

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "failed to read CSV header"),
            (b"\n\n", "failed to read CSV header"),
            (b"name\na\n", "CSV missing required column: url"),
            (b"url,label\nx,y\n", "CSV missing required column: name"),
            (b"name,url\n", "CSV file is empty or contains only a header row"),
            (b"name,url\na,https://a.example.com\nb\n", "CSV (data row 2): failed to parse row"),
            (b"name,url\na,https://a.example.com,more\n", "CSV (data row 1): failed to parse row"),
            (b'name,url\n"a,https://a.example.com\n', "CSV (data row 1): failed to parse row"),
            (b'name,url\n"a"x,https://a.example.com\n', "CSV (data row 1): failed to parse row"),
            (b"name,url\n" + b"a" * 200_000 + b",https://a.example.com\n", "CSV (data row 1): failed to parse row"),
            (b"name,url\n" + b"a,https://a.example.com\n" * 1001, "CSV file exceeds maximum of 1000 items"),
            (b"name,url\n\xff,https://a.example.com\n", "the CSV file is not in UTF-8"),
        ],
    )
    def test_files_that_are_refused(self, api: API, path: str, content: bytes, message: str) -> None:
        with nothing_changes():
            assert upload(api, path, content).error == (400, message)

    def test_a_thousand_rows(self, api: API, path: str) -> None:
        assert upload(api, path, b"name,url\n" + b"a,https://a.example.com\n" * 1000).data["total_items"] == 1000

    def test_a_form_without_the_file(self, api: API, path: str) -> None:
        assert upload(api, path, b"name,url\n", field="other").error == (400, "failed to read file field")
        body = encode_multipart(BOUNDARY, {"file": "text, and no file"})
        assert send_form(api, path, body).error == (400, "failed to read file field")

    @pytest.mark.parametrize(
        ("content_type", "body"),
        [
            ("multipart/form-data", b"x"),
            ("multipart/form-data; boundary=", b"x"),
            ("multipart/form-data; boundary=\xc3\xbc", b"x"),
            (MULTIPART_CONTENT, b"nonsense"),
            (
                MULTIPART_CONTENT,
                b"".join(
                    b'--%b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' % BOUNDARY.encode()
                    for _ in range(2000)
                ),
            ),
        ],
    )
    def test_forms_that_are_none(self, api: API, path: str, content_type: str, body: bytes) -> None:
        status, message = send_form(api, path, body, content_type).error
        assert status == 400
        assert message in ("failed to parse multipart form", "failed to read file field")

    def test_a_file_that_is_too_large(self, api: API, path: str) -> None:
        assert upload(api, path, b"name,url\n".ljust(2_000_000)).error == (413, "request body is too large")

    def test_no_other_route_takes_a_form(self, api: API, project: Project) -> None:
        answer = send_form(api, f"/projects/{project.uid}/endpoints", b"x")
        assert answer.error == (415, "the request body must be application/json")


class TestAuthentication(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    pass

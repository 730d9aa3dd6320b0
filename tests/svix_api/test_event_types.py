"""Svix's event types: /api/v1/event-type."""

from typing import Any
from urllib.parse import quote

import orjson
import pytest

from projects.models import EventType, Project
from projects.operations import create_project
from subscriptions.openapi_import import EXAMPLE_SPEC
from tests.conftest import Role
from tests.portal_links.calls import Reply, call, each
from tests.statements import nothing_changes, statements
from tests.svix_api.calls import key_of, refusal, wrong_fields

FULL: dict[str, Any] = {
    "name": "order.paid",
    "description": "Paid",
    "schemas": {"1": {"type": "object"}},
    "groupName": "orders",
}


def send(method: str, path: str, key: str, body: Any = None) -> Reply:
    return call(method, f"/api/v1/event-type{path}", body, Authorization=f"Bearer {key}")


def made(key: str, **body: Any) -> dict[str, Any]:
    reply = send("POST", "", key, FULL | body)
    assert reply.status == 201, reply.json
    return dict(reply.json)


def names(reply: Reply) -> list[str]:
    assert reply.status == 200, reply.json
    return [row["name"] for row in reply.json["data"]]


#: More than a document can be written with, and less than one can be read with.
DEEP = b'{"a":' * 1_000 + b"1" + b"}" * 1_000


def test_what_is_nested_deeply_is_refused(key: str) -> None:
    with nothing_changes():
        for schemas in (DEEP, b'{"1":%s}' % DEEP):
            reply = send("POST", "", key, b'{"name":"a","description":"","schemas":%s}' % schemas)
            assert reply.status in (400, 422)
        for spec in (DEEP, b'{"webhooks":{"a":{"post":%s}}}' % DEEP):
            assert send("POST", "/import/openapi", key, b'{"spec":%s}' % spec).status == 400


def test_a_name_that_convoys_api_has_made(key: str, project: Project) -> None:
    """Convoy's names have no rules, and Svix's clients write them into the path as they are."""
    for name in ("user/created", "user//created", "a/", "a?b"):
        EventType.objects.create(project=project, name=name)
        assert send("GET", f"/{quote(name)}", key).json["name"] == name
        assert send("PATCH", f"/{quote(name)}", key, {"description": "New"}).status == 200
        assert EventType.objects.get(name=name).description == "New"


class TestCreate:
    def test_in_full(self, key: str, project: Project) -> None:
        said = made(key)
        stored = EventType.objects.get(name="order.paid")
        assert (stored.project_id, stored.category, stored.json_schema) == (project.uid, "orders", {"type": "object"})
        assert {name: said[name] for name in FULL} == FULL
        assert (said["archived"], said["deprecated"], said["featureFlags"], said["featureFlag"]) == (
            *(False, False, None, None),
        )
        assert said["createdAt"] == said["updatedAt"]

    def test_a_name_that_is_taken(self, key: str) -> None:
        made(key)
        with nothing_changes():
            assert refusal(send("POST", "", key, FULL))[:2] == (409, "conflict")

    def test_an_archived_one_is_replaced(self, key: str) -> None:
        first = made(key)
        send("DELETE", "/order.paid", key)
        again = made(key, description="Again", schemas=None, groupName=None)
        assert (again["description"], again["archived"], again["deprecated"], again["schemas"], again["groupName"]) == (
            *("Again", False, False, None, None),
        )
        assert again["createdAt"] == first["createdAt"]

    def test_deprecated_and_archived_at_once(self, key: str) -> None:
        said = made(key, deprecated=True, archived=True)
        assert (said["deprecated"], said["archived"]) == (True, True)
        back = send("PATCH", "/order.paid", key, {"archived": False}).json
        assert (back["deprecated"], back["archived"]) == (True, False)
        back = send("PATCH", "/order.paid", key, {"deprecated": False}).json
        assert (back["deprecated"], back["archived"]) == (False, False)

    @pytest.mark.parametrize(
        ("sent", "field"),
        [
            *(({"name": wrong}, "name") for wrong in each("", "a b", "a/b", "*", "é", "a\n", 1, "a" * 256)),
            *(({"description": wrong}, "description") for wrong in each(1, [], "a\x00", "a" * 4097)),
            *(({"schemas": wrong}, "schemas") for wrong in each([], "a", {"2": {}}, {"1": {}, "2": {}}, {"1": 1})),
            *(({"groupName": wrong}, "groupName") for wrong in each(1, {}, "a" * 256)),
            *(({"featureFlags": wrong}, "featureFlags") for wrong in each(["beta"], "beta", 1)),
            *(({"archived": wrong}, "archived") for wrong in each("true", 1)),
            *(({"deprecated": wrong}, "deprecated") for wrong in each("true", 1)),
        ],
    )
    def test_wrong_fields(self, key: str, sent: dict[str, Any], field: str) -> None:
        with nothing_changes():
            [(where, _)] = wrong_fields(send("POST", "", key, FULL | sent))
        assert where == ["body", field]

    def test_a_schema_that_is_none(self, key: str) -> None:
        with nothing_changes():
            said = refusal(send("POST", "", key, FULL | {"schemas": {"1": {"type": "nope"}}}))
        assert said[0] == 400
        assert said[2].startswith("invalid JSON schema: type")


class TestChange:
    def test_replacing_empties_what_is_not_sent(self, key: str) -> None:
        made(key, deprecated=True)
        reply = send("PUT", "/order.paid", key, {"description": "New"})
        assert reply.status == 200
        assert (
            reply.json["description"],
            reply.json["groupName"],
            reply.json["schemas"],
            reply.json["deprecated"],
        ) == (*("New", None, None, False),)

    def test_replacing_what_is_not_there_creates_it(self, key: str) -> None:
        assert send("PUT", "/order.lost", key, {"description": ""}).status == 201
        with nothing_changes():
            assert wrong_fields(send("PUT", "/a%20b", key, {"description": ""}))[0][0] == ["path", "event_type_name"]

    def test_changing_keeps_what_is_not_sent(self, key: str) -> None:
        before = made(key)
        after = send("PATCH", "/order.paid", key, {"description": "New"}).json
        assert after == before | {"description": "New", "updatedAt": after["updatedAt"]}
        assert send("PATCH", "/order.paid", key, {"groupName": None, "schemas": None}).json["schemas"] is None


class TestDelete:
    def test_it_is_archived_and_deprecated(self, key: str) -> None:
        made(key)
        assert send("DELETE", "/order.paid", key).status == 204
        stored = EventType.objects.get(name="order.paid")
        assert stored.archived_at is not None
        assert stored.deprecated_at == stored.archived_at
        said = send("GET", "/order.paid", key).json
        assert (said["archived"], said["deprecated"]) == (True, False)
        assert send("DELETE", "/order.paid", key).status == 204

    def test_it_is_deleted(self, key: str) -> None:
        made(key)
        assert send("DELETE", "/order.paid?expunge=true", key).status == 204
        assert not EventType.objects.filter(name="order.paid").exists()
        for path in ("/order.paid?expunge=true", "/order.paid", "/*", "/*?expunge=true"):
            with nothing_changes():
                assert refusal(send("DELETE", path, key)) == (404, "not_found", "event type not found")


class TestList:
    def test_pages_by_name(self, key: str) -> None:
        for name in ("c", "a", "b"):
            made(key, name=name)
        first = send("GET", "?limit=2", key)
        assert names(first) == ["a", "b"]
        assert not first.json["done"]
        second = send("GET", f"?limit=2&iterator={first.json['iterator']}", key)
        assert (names(second), second.json["done"]) == (["c"], True)
        assert names(send("GET", f"?iterator={second.json['prevIterator']}", key)) == ["a", "b"]
        assert names(send("GET", "?order=descending", key)) == ["c", "b", "a"]
        assert send("GET", "", key).json["data"][0]["schemas"] is None
        assert send("GET", "?with_content=true", key).json["data"][0]["schemas"] == FULL["schemas"]

    def test_archived_ones_and_all_types(self, key: str, project: Project) -> None:
        EventType.objects.get_or_create(project=project, name="*")
        made(key)
        send("DELETE", "/order.paid", key)
        assert names(send("GET", "", key)) == []
        assert names(send("GET", "?include_archived=true", key)) == ["order.paid"]
        assert refusal(send("GET", "/*", key))[0] == 404

    @pytest.mark.parametrize("query", ["limit=0", "limit=x", "order=up", "iterator=a", "iterator=-name"])
    def test_wrong_parameters(self, key: str, query: str) -> None:
        assert wrong_fields(send("GET", f"?{query}", key))[0][0] == ["query", query.partition("=")[0]]

    def test_another_projects(self, key: str) -> None:
        other = key_of(create_project(name="Another", type="outgoing")[0])
        made(key)
        assert names(send("GET", "", other)) == []
        assert refusal(send("GET", "/order.paid", other))[0] == 404

    @pytest.mark.slow
    def test_statements(self, key: str) -> None:
        def count() -> int:
            with statements() as made_of:
                send("GET", "", key)
            return len(made_of)

        made(key, name="first")
        one = count()
        for number in range(20):
            made(key, name=f"more.{number}")
        assert count() == one == 2


class TestImport:
    def test_it_replaces_all(self, key: str) -> None:
        made(key)
        looked = send("POST", "/import/openapi", key, {"specRaw": EXAMPLE_SPEC, "dryRun": True}).json["data"]
        assert (looked["modified"], [row["name"] for row in looked["to_modify"]]) == ([], ["order.created"])
        assert names(send("GET", "", key)) == ["order.paid"]
        done = send("POST", "/import/openapi", key, {"specRaw": EXAMPLE_SPEC, "replaceAll": True}).json["data"]
        assert done == {"modified": ["order.created"], "to_modify": None}
        assert names(send("GET", "", key)) == ["order.created"]

    def test_an_object_brings_an_archived_one_back(self, key: str) -> None:
        made(key)
        send("DELETE", "/order.paid", key)
        spec = {"openapi": "3.1.0", "webhooks": {"order.paid": {"post": {"description": "From the document"}}}}
        assert send("POST", "/import/openapi", key, {"spec": spec}).status == 200
        said = send("GET", "/order.paid", key).json
        assert (said["archived"], said["deprecated"], said["description"]) == (False, False, "From the document")

    @pytest.mark.parametrize(
        "sent", [{}, {"spec": {}, "specRaw": "{}"}, {"spec": {}}, {"specRaw": ""}, {"specRaw": "[]"}], ids=orjson.dumps
    )
    def test_no_document(self, key: str, sent: dict[str, Any]) -> None:
        with nothing_changes():
            assert refusal(send("POST", "/import/openapi", key, sent))[:2] == (400, "bad_request")


def test_a_key_of_one_owner_reads(project: Project, key: str) -> None:
    made(key)
    owners = key_of(project, Role.PROJECT_ADMIN, owner_id="acme", scopes=["webhooks:manage"])
    assert names(send("GET", "", owners)) == ["order.paid"]
    for method, path, body in (("POST", "", FULL), ("PATCH", "/order.paid", {}), ("DELETE", "/order.paid", None)):
        with nothing_changes():
            assert refusal(send(method, path, owners, body))[:2] == (403, "permission_denied")

"""The operations under /api/v1/projects/{projectID}/event-types"""

from collections.abc import Callable
from typing import Any

import pytest

from projects.models import EventType, Project
from tests.conftest import API, as_text
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers, RefusesViewers
from tests.statements import nothing_changes, statements

SCHEMA = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "required": ["id"]}


class TestCreate(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    @pytest.fixture
    def call(self, event_types: str) -> Call:
        return lambda api: api.post(event_types, {"name": "order.created"})

    def test_in_full(self, api: API, event_types: str) -> None:
        body = {"name": "order.created", "category": "orders", "description": "placed", "json_schema": SCHEMA}
        answer = api.post(event_types, body)
        assert (answer.status, answer.message) == (201, "Event type created successfully")
        row = EventType.objects.get(name="order.created")
        assert answer.data == {"uid": row.uid, **body, "deprecated_at": None}

    def test_by_its_name_alone(self, api: API, event_types: str) -> None:
        data = api.post(event_types, {"name": "a"}).data
        assert {"category": "", "description": "", "json_schema": None}.items() <= data.items()

    @pytest.mark.parametrize("name", ["", " ", None])
    def test_without_a_name(self, api: API, event_types: str, name: str | None) -> None:
        with nothing_changes():
            answer = api.post(event_types, {"name": name})
        assert answer.error == (400, "name:please provide a name for this event type")

    def test_a_name_that_is_taken_is_said_in_words(self, api: API, event_types: str) -> None:
        for name in ("*", "order.created", "Order.created"):
            api.post(event_types, {"name": name})
        assert EventType.objects.count() == 3
        with nothing_changes():
            assert api.post(event_types, {"name": "*"}).error == (
                400,
                "an event type with this name already exists",
            )

    def test_two_projects_may_have_the_same_name(
        self, api: API, event_types: str, other_api: API, other_project: Project
    ) -> None:
        assert api.post(event_types, {"name": "a"}).status == 201
        assert other_api.post(f"/projects/{other_project.uid}/event-types", {"name": "a"}).status == 201

    @pytest.mark.parametrize(
        "schema",
        [
            {"type": "text"},
            {"type": 5},
            {"required": "id"},
            {"properties": []},
            {"minLength": -1},
            {"required": ["a", "a"]},
            {"type": [{"number": number} for number in range(5000)]},
            {"dependencies": {"a": [{"number": number} for number in range(5000)]}},
            {"description": "\x00"},
            {"\x00": {}},
            {"properties": {"a": {"description": "a" * 200_000}}},
        ],
        ids=as_text,
    )
    def test_what_is_not_a_json_schema(self, api: API, event_types: str, schema: dict[str, Any]) -> None:
        with nothing_changes():
            status, message = api.post(event_types, {"name": "a", "json_schema": schema}).error
        assert status == 400
        assert message.startswith("invalid JSON schema: ")

    def test_a_schema_that_is_too_deep(self, api: API, event_types: str) -> None:
        for depth in (70, 300, 1000):
            schema = b'{"not":' * depth + b"{}" + b"}" * depth
            with nothing_changes():
                assert api.post(event_types, b'{"name":"a","json_schema":' + schema + b"}").error[0] == 400

    def test_a_schema_may_name_others_that_nobody_fetches(self, api: API, event_types: str) -> None:
        schema = {"$ref": "http://127.0.0.1:1/schema.json", "$schema": "http://127.0.0.1:1/draft"}
        assert api.post(event_types, {"name": "a", "json_schema": schema}).data["json_schema"] == schema

    def test_numbers_of_any_size_come_back(self, api: API, event_types: str) -> None:
        body = b'{"name":"a","json_schema":{"const":1e300,"maximum":12345678901234567890123}}'
        assert api.post(event_types, body).status == 201
        assert api.get(event_types).data[0]["json_schema"] == {"const": 1e300, "maximum": 12345678901234567890123.0}


class TestList(RefusesStrangers, RefusesOtherProjects):
    @pytest.fixture
    def call(self, event_types: str) -> Call:
        return lambda api: api.get(event_types)

    def test_newest_first_with_the_star_and_the_deprecated(self, api: API, viewer: API, event_types: str) -> None:
        made = [api.post(event_types, {"name": name}).data for name in ("a", "b", "c")]
        deprecated = api.post(f"{event_types}/{made[1]['uid']}/deprecate").data
        answer = viewer.get(event_types)
        assert (answer.status, answer.message) == (200, "Event types fetched successfully")
        assert answer.data[:3] == [made[2], deprecated, made[0]]
        assert [row["name"] for row in answer.data] == ["c", "b", "a", "*"]

    @pytest.mark.parametrize("rows", [1, 20])
    def test_statements(self, api: API, event_types: str, make_event_types: Callable[..., None], rows: int) -> None:
        make_event_types(*(f"type {number}" for number in range(rows)))
        with statements() as run:
            assert len(api.get(event_types).data) == rows + 1
        # The key with its project, then the rows.
        assert run == ["SELECT projects_apikey", "SELECT projects_eventtype"]


class TestUpdate(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    @pytest.fixture
    def path(self, project: Project, event_types: str) -> str:
        row = EventType.objects.create(
            project=project, name="order.created", category="orders", description="placed", json_schema=SCHEMA
        )
        return f"{event_types}/{row.uid}"

    @pytest.fixture
    def call(self, path: str) -> Call:
        return lambda api: api.put(path, {"description": "paid"})

    def test_what_is_sent_changes_and_the_name_stays(self, api: API, path: str) -> None:
        answer = api.put(path, {"name": "renamed", "description": "paid", "json_schema": {}})
        assert (answer.status, answer.message) == (202, "Event type created successfully")
        assert answer.data == {
            "uid": path.rpartition("/")[2],
            "name": "order.created",
            "category": "orders",
            "description": "paid",
            "json_schema": {},
            "deprecated_at": None,
        }

    def test_what_is_empty_is_kept(self, api: API, path: str) -> None:
        data = api.put(path, {"category": "", "description": "", "json_schema": None}).data
        assert (data["category"], data["description"], data["json_schema"]) == ("orders", "placed", SCHEMA)

    def test_a_schema_is_checked_here_too(self, api: API, path: str) -> None:
        with nothing_changes():
            status, message = api.put(path, {"description": "new", "json_schema": {"type": "text"}}).error
        assert (status, message.partition(": ")[0]) == (400, "invalid JSON schema")

    def test_one_that_is_not_there(self, api: API, event_types: str) -> None:
        assert api.put(f"{event_types}/nope", {"description": "new"}).error == (400, "event type not found")


class TestDeprecate(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    @pytest.fixture
    def path(self, project: Project, event_types: str) -> str:
        return f"{event_types}/{EventType.objects.create(project=project, name='order.created').uid}"

    @pytest.fixture
    def call(self, path: str) -> Call:
        return lambda api: api.post(f"{path}/deprecate")

    def test_once_and_again(self, api: API, path: str) -> None:
        first = api.post(f"{path}/deprecate")
        assert (first.status, first.message) == (200, "Event type deprecated successfully")
        assert first.data["deprecated_at"] < api.post(f"{path}/deprecate").data["deprecated_at"]

    def test_it_changes_nothing_in_matching(
        self, api: API, path: str, make_subscription: Callable[..., Any], subscriptions: str
    ) -> None:
        subscription = make_subscription("order.created")
        api.post(f"{path}/deprecate")
        test = f"{subscriptions}/{subscription.uid}/filters/test/order.created"
        assert api.post(test, {"payload": {}}).data == {"is_match": True}

    def test_one_that_is_not_there(self, api: API, event_types: str) -> None:
        assert api.post(f"{event_types}/nope/deprecate").error == (400, "event type not found")


SPEC = """
openapi: 3.1.0
webhooks:
  order.created:
    post:
      description: placed
      requestBody: {content: {application/json: {schema: {type: object, properties: {id: {type: string}}}}}}
  order.paid:
    post: {}
"""


class TestImport(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    @pytest.fixture
    def call(self, event_types: str) -> Call:
        return lambda api: api.post(f"{event_types}/import", {"spec": SPEC})

    def test_new_and_known_names(self, api: API, event_types: str) -> None:
        old = api.post(event_types, {"name": "order.paid", "category": "orders", "description": "by hand"}).data
        answer = api.post(f"{event_types}/import", {"spec": SPEC})
        assert (answer.status, answer.message) == (200, "Event types imported successfully")
        created, updated = answer.data
        assert (created["name"], created["description"]) == ("order.created", "placed")
        assert created["json_schema"]["properties"] == {"id": {"type": "string"}}
        assert updated == old
        again = api.post(f"{event_types}/import", {"spec": SPEC}).data
        assert [row["uid"] for row in again] == [created["uid"], old["uid"]]
        assert EventType.objects.count() == 3

    @pytest.mark.parametrize(
        ("spec", "said"),
        [
            ("", "no webhooks found in OpenAPI spec"),
            (" \n", "no webhooks found in OpenAPI spec"),
            ("{", "error loading OpenAPI spec: "),
            ("openapi: 3.1.0", "no webhooks found in OpenAPI spec"),
            ('openapi: 3.1.0\nwebhooks: {"a\\0": {post: {}}}', "error loading OpenAPI spec: "),
            ("openapi: 3.1.0\nwebhooks: {" + "a" * 300 + ": {post: {}}}", "error loading OpenAPI spec: "),
        ],
    )
    def test_what_cannot_be_imported(self, api: API, event_types: str, spec: str, said: str) -> None:
        with nothing_changes():
            status, message = api.post(f"{event_types}/import", {"spec": spec}).error
        assert status == 400
        assert message.startswith(said)

    @pytest.mark.parametrize("count", [1, 300])
    def test_statements(self, api: API, event_types: str, count: int) -> None:
        """They do not grow with the number of event types."""
        hooks = ",".join(f'"type.{number}":{{"post":{{}}}}' for number in range(count))
        with statements() as run:
            api.post(f"{event_types}/import", {"spec": f'{{"openapi":"3.1.0","webhooks":{{{hooks}}}}}'})
        assert run == [
            "SELECT projects_apikey",
            "SELECT projects_eventtype",
            "INSERT projects_eventtype",
            "LOCK projects_eventtype",
            "INSERT projects_eventtype",
        ]

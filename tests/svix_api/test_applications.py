"""Svix's applications: /api/v1/app."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from activity.models import Activity
from applications.models import Application
from applications.operations import create_application, get_or_create_application
from endpoints.models import Endpoint
from endpoints.operations import create_endpoint
from meta_events.models import MetaEvent
from portal_links.models import PortalLink
from portal_links.operations import create_portal_link
from projects.models import Project
from projects.operations import create_project
from tests.conftest import Role
from tests.portal_links.calls import Reply, call, each
from tests.statements import nothing_changes, statements
from tests.svix_api.calls import ACCESS, key_of, lives, refusal, token_of, wrong_fields

APPS = "/api/v1/app"
FULL = {"name": "Acme", "uid": "acme", "metadata": {"plan": "gold"}, "throttleRate": 100}


def send(method: str, path: str, key: str, body: Any = None) -> Reply:
    return call(method, f"/api/v1/app{path}", body, Authorization=f"Bearer {key}")


def made(key: str, **body: Any) -> dict[str, Any]:
    reply = send("POST", "", key, {"name": "Acme"} | body)
    assert reply.status == 201, reply.json
    return dict(reply.json)


def endpoint_of(project: Project, owner_id: str) -> Endpoint:
    return create_endpoint(project.uid, name="In", url="https://hooks.example.com/in", owner_id=owner_id)


@pytest.mark.parametrize("owner_id", ["a/b", "a//b", "a/", "/a", "a/msgs/b", "x?y", "a%b c"])
class TestOwnersOfAnySpelling:
    """The ids of owners have no rules; Svix's clients write them into the path as they are."""

    def test_every_operation_finds_the_owner(self, key: str, project: Project, owner_id: str) -> None:
        endpoint, app = endpoint_of(project, owner_id), f"/{quote(owner_id)}"
        assert send("GET", app, key).json["uid"] == owner_id
        [listed] = send("GET", f"{app}/endpoint", key).json["data"]
        assert listed["id"] == f"ep_{endpoint.uid}"
        assert send("GET", f"{app}/endpoint/{listed['id']}/headers", key).status == 200
        sent = send("POST", f"{app}/msg", key, {"eventType": "invoice.paid", "payload": {}})
        assert sent.status == 202
        assert send("GET", f"{app}/msg/{sent.json['id']}/attempt", key).status == 404
        assert send("GET", f"{app}/attempt/endpoint/{listed['id']}", key).status == 200
        assert send("PUT", app, key, {"name": "Acme"}).status == 201
        assert Application.objects.get().owner_id == owner_id
        assert send("DELETE", app, key).status == 204
        assert not Endpoint.objects.for_project(project.uid).filter(owner_id=owner_id).exists()

    def test_the_path_of_an_operation_that_is_not_there_is_no_owner(self, key: str, owner_id: str) -> None:
        with nothing_changes():
            for rest in ("integration", "integration/x", "poller/x", "destination", "autoconfig/x/rotate"):
                path = f"/{quote(owner_id)}/{rest}"
                assert refusal(send("PUT", path, key, {"name": "Acme"}))[:2] == (404, "not_found")


class TestCreate:
    def test_in_full(self, key: str, project: Project) -> None:
        said = made(key, **FULL)
        stored = Application.objects.get()
        assert (stored.project_id, stored.owner_id, stored.metadata) == (project.uid, "acme", {"plan": "gold"})
        assert said["id"] == f"app_{stored.uid}"
        assert said["createdAt"] == said["updatedAt"]
        assert {name: said[name] for name in FULL} == FULL
        assert said["rateLimit"] == 100

    def test_without_a_uid_the_owner_is_the_id(self, key: str) -> None:
        said = made(key)
        assert (said["uid"], said["metadata"], said["rateLimit"], said["throttleRate"]) == (None, {}, None, None)
        assert Application.objects.get().owner_id == said["id"]

    def test_one_that_exists(self, key: str) -> None:
        first = made(key, **FULL)
        with nothing_changes():
            assert refusal(send("POST", "", key, FULL))[:2] == (409, "conflict")
            again = send("POST", "?get_if_exists=true", key, FULL | {"name": "Another"})
        assert (again.status, again.json) == (200, first)

    def test_get_or_create_creates(self, key: str) -> None:
        assert send("POST", "?get_if_exists=true", key, FULL).status == 201
        assert send("POST", "?get_if_exists=true", key, {"name": "Nameless"}).status == 201

    def test_the_same_uid_in_two_projects(self, key: str) -> None:
        made(key, **FULL)
        assert made(key_of(create_project(name="Another", type="outgoing")[0]), **FULL)["uid"] == "acme"

    def test_a_uid_that_is_an_id(self, key: str) -> None:
        taken = made(key)["id"]
        for uid in (taken, taken.removeprefix("app_"), "app_01JZ8QK3V7M2N4P6R8T0W2Y4A6"):
            with nothing_changes():
                assert refusal(send("POST", "", key, {"name": "A", "uid": uid}))[0] == 400

    @pytest.mark.parametrize(
        ("sent", "field"),
        [
            ({}, "name"),
            *(({"name": wrong}, "name") for wrong in each("", "  ", 1, [], "a" * 256, "a\x00")),
            *(({"name": "A", "uid": wrong}, "uid") for wrong in each("", "a b", "a/b", "é", "a\n", 1, "a" * 256)),
            *(({"name": "A", "metadata": wrong}, "metadata") for wrong in each([], "a", {"a": 1}, {"a": None})),
            ({"name": "A", "metadata": dict.fromkeys(map(str, range(51)), "")}, "metadata"),
            *(({"name": "A", name: wrong}, name) for name in ("rateLimit", "throttleRate") for wrong in each(-1, "1")),
        ],
    )
    def test_a_wrong_field(self, key: str, sent: dict[str, Any], field: str) -> None:
        with nothing_changes():
            [(where, _)] = wrong_fields(send("POST", "", key, sent))
        assert where == ["body", field]


class TestFind:
    def test_by_id_by_bare_id_and_by_uid(self, key: str) -> None:
        said = made(key, **FULL)
        for name in (said["id"], said["id"].removeprefix("app_"), "acme"):
            assert send("GET", f"/{name}", key).json == said

    def test_none_and_one_of_another_project(self, key: str, project: Project) -> None:
        other = create_application(create_project(name="Another", type="outgoing")[0].uid, owner_id="far", name="Far")
        for name in ("nope", "far", other.public_id, other.uid):
            for method in ("GET", "PATCH", "DELETE"):
                with nothing_changes():
                    assert refusal(send(method, f"/{name}", key, {} if method == "PATCH" else None))[0] == 404

    def test_an_owner_without_an_application(self, key: str, project: Project) -> None:
        endpoint_of(project, "globex")
        with nothing_changes():
            said = send("GET", "/globex", key).json
        assert (said["id"], said["uid"], said["name"], said["metadata"]) == ("globex", "globex", "globex", {})
        assert send("GET", "", key).json["data"] == []
        changed = send("PATCH", "/globex", key, {"metadata": {"plan": "gold"}}).json
        assert (changed["id"], changed["name"]) == (f"app_{Application.objects.get().uid}", "globex")

    def test_the_portal_by_the_id(self, key: str) -> None:
        token = token_of(key, path=f"/api/v1/auth/app-portal-access/{made(key, **FULL)['id']}")
        assert lives(token)
        assert send("DELETE", "/acme", key).status == 204
        assert not lives(token)


class TestChange:
    def test_replacing_empties_what_is_not_sent(self, key: str) -> None:
        first = made(key, **FULL)
        said = send("PUT", f"/{first['id']}", key, {"name": "Acme Inc."}).json
        assert (said["id"], said["uid"], said["name"]) == (first["id"], "acme", "Acme Inc.")
        assert (said["metadata"], said["rateLimit"]) == ({}, None)
        assert said["updatedAt"] > said["createdAt"]

    def test_replacing_creates(self, key: str) -> None:
        reply = send("PUT", "/acme", key, {"name": "Acme"})
        assert (reply.status, reply.json["uid"]) == (201, "acme")

    def test_changing_keeps_what_is_not_sent(self, key: str) -> None:
        made(key, **FULL)
        said = send("PATCH", "/acme", key, {"name": "Acme Inc.", "uid": "acme"}).json
        assert (said["name"], said["metadata"], said["rateLimit"]) == ("Acme Inc.", {"plan": "gold"}, 100)
        assert send("PATCH", "/acme", key, {"throttleRate": None}).json["rateLimit"] is None

    @pytest.mark.parametrize("method", ["PUT", "PATCH"])
    def test_another_uid(self, key: str, method: str) -> None:
        made(key, **FULL)
        with nothing_changes():
            assert refusal(send(method, "/acme", key, {"name": "A", "uid": "globex"}))[:2] == (400, "bad_request")


class TestDelete:
    def test_its_endpoints_and_sessions(self, key: str, project: Project) -> None:
        for owner in ("acme", "globex"):
            endpoint_of(project, owner)
            made(key, name=owner, uid=owner)
        link = create_portal_link(project.uid, name="Acme", owner_id="acme").link
        acme, globex = token_of(key), token_of(key, path=ACCESS.replace("acme", "globex"))
        assert send("DELETE", "/acme", key).status == 204
        assert [endpoint.owner_id for endpoint in Endpoint.objects.for_project(project.uid)] == ["globex"]
        assert [application.owner_id for application in Application.objects.all()] == ["globex"]
        assert (lives(acme), lives(globex)) == (False, True)
        assert PortalLink.objects.get(pk=link.pk).deleted_at is None
        with nothing_changes():
            assert refusal(send("DELETE", "/acme", key))[0] == 404

    @pytest.mark.parametrize("count", [1, 20])
    def test_statements(self, key: str, project: Project, count: int) -> None:
        """As many for any number of endpoints, each of which has its row of activity and its meta event."""
        project.meta_event |= {
            "is_enabled": True,
            "event_type": ["endpoint.deleted"],
            "url": "https://hooks.example.com/meta",
        }
        project.save(update_fields=["meta_event"])
        endpoint_of(project, "globex")
        made(key, **FULL)
        uids = [endpoint_of(project, "acme").uid for _ in range(count)]
        with statements() as found:
            assert send("DELETE", "/acme", key).status == 204
        assert found == [
            *("SELECT projects_apikey", "SELECT applications_application", "LOCK endpoints_endpoint"),
            *("SELECT projects_project", "SELECT endpoints_endpoint", "INSERT meta_events_metaevent"),
            *("UPDATE endpoints_endpoint", "INSERT activity_activity"),
            *("LOCK portal_links_portalsession", "DELETE applications_application"),
        ]
        rows = Activity.objects.filter(verb="endpoint.deleted").order_by("pk")
        assert list(rows.values_list("object_uid", "endpoint_id", "owner_id", "object_name")) == [
            (uid, uid, "acme", "In") for uid in uids
        ]
        told = [json.loads(body)["data"]["uid"] for body in MetaEvent.objects.values_list("body", flat=True)]
        assert sorted(told) == uids


class TestList:
    def test_pages(self, key: str) -> None:
        ids = [made(key, name=name)["id"] for name in "abcde"]

        def page(query: str) -> tuple[list[str], dict[str, Any]]:
            said = send("GET", query, key).json
            return [one["id"] for one in said["data"]], said

        for order, expected in (("ascending", ids), ("descending", ids[::-1])):
            first, said = page(f"?limit=2&order={order}")
            assert (first, said["done"]) == (expected[:2], False)
            second, said = page(f"?limit=2&order={order}&iterator={said['iterator']}")
            assert (second, said["done"]) == (expected[2:4], False)
            back, _ = page(f"?limit=2&order={order}&iterator={said['prevIterator']}")
            assert back == first
            third, said = page(f"?limit=2&order={order}&iterator={said['iterator']}")
            assert (third, said["done"]) == (expected[4:], True)
            end, beyond = page(f"?limit=2&order={order}&iterator={said['iterator']}")
            assert (end, beyond["iterator"], beyond["prevIterator"]) == ([], said["iterator"], None)
        assert page("")[0] == ids

    @pytest.mark.parametrize(
        ("query", "name"),
        [
            *((f"limit={wrong}", "limit") for wrong in ("0", "251", "-1", "a", "", "1.5", "٣", "9" * 5000)),
            *((f"iterator={wrong}", "iterator") for wrong in ("a", "-", "app_", "ep_01JZ8QK3V7M2N4P6R8T0W2Y4A6")),
            *((f"order={wrong}", "order") for wrong in ("", "Ascending", "a")),
        ],
    )
    def test_a_wrong_parameter(self, key: str, query: str, name: str) -> None:
        [(where, _)] = wrong_fields(send("GET", f"?{query}", key))
        assert where == ["query", name]

    def test_only_ones_own(self, key: str, project: Project) -> None:
        made(key, **FULL)
        made(key, uid="globex")
        create_application(create_project(name="Another", type="outgoing")[0].uid, owner_id="far", name="Far")
        assert [one["uid"] for one in send("GET", "", key).json["data"]] == ["acme", "globex"]
        bound = key_of(project, owner_id="globex")
        assert [one["uid"] for one in send("GET", "", bound).json["data"]] == ["globex"]
        assert refusal(send("GET", "/acme", bound))[:2] == (403, "permission_denied")

    def test_a_refusal_quotes_the_beginning_of_a_long_name(self, key: str) -> None:
        made(key, uid="acme")
        for path, body in (
            ("", {"name": "A", "metadata": {"a." * 400_000: 1}}),
            ("/acme/endpoint", {"url": "https://hooks.example.com/in", "headers": {"a." * 400_000: 1}}),
        ):
            reply = send("POST", path, key, body)
            assert reply.status == 422
            assert len(reply.content) < 1_000

    @pytest.mark.parametrize("rows", [1, 20])
    def test_three_statements(self, key: str, project: Project, rows: int) -> None:
        """The key, the sizes of the rows, and the page."""
        for number in range(rows):
            create_application(project.uid, owner_id=f"o{number}", name="A")
        with statements() as sent:
            assert len(send("GET", "", key).json["data"]) == rows
        assert sent == ["SELECT projects_apikey", *["SELECT applications_application"] * 2]


class TestCallers:
    def test_a_viewer_reads(self, key: str, project: Project) -> None:
        made(key, **FULL)
        viewer = key_of(project, Role.PROJECT_VIEWER)
        assert send("GET", "/acme", viewer).status == 200
        with nothing_changes():
            for method, path in (("POST", ""), ("PUT", "/acme"), ("PATCH", "/acme"), ("DELETE", "/acme")):
                assert refusal(send(method, path, viewer, None if method == "DELETE" else FULL))[0] == 403

    def test_a_key_bound_to_an_owner_changes_nothing(self, key: str, project: Project) -> None:
        made(key, **FULL)
        bound = key_of(project, owner_id="acme", scopes=["webhooks:manage"])
        with nothing_changes():
            for method, path in (("POST", ""), ("PUT", "/acme"), ("PATCH", "/acme"), ("DELETE", "/acme")):
                assert refusal(send(method, path, bound, None if method == "DELETE" else FULL))[0] == 403

    def test_an_instance_key_has_no_applications(self, db: None) -> None:
        assert refusal(send("GET", "", key_of(None, Role.INSTANCE_ADMIN)))[:2] == (400, "bad_request")


def test_get_or_create_of_a_stored_one(project: Project) -> None:
    first = create_application(project.uid, owner_id="acme", name="Acme")
    assert get_or_create_application(project.uid, owner_id="acme", name="Other") == (first, False)
    assert Application.objects.get().name == "Acme"

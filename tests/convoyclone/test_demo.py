"""The demo of the first start: what it makes, once, all of it or nothing."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from convoyclone import demo_content, quickstart
from convoyclone.private_files import write_private
from convoyclone.quickstart import ensure_demo, receiver_port
from endpoints.models import Endpoint
from endpoints.operations import create_endpoint, delete_endpoint
from events.models import Event, EventDelivery
from portal_links.models import PortalLink
from portal_links.operations import revoke_portal_link
from projects.models import APIKey, EventType, Project
from projects.operations import create_project, delete_project
from subscriptions.models import Subscription

pytestmark = pytest.mark.django_db

RECEIVER = "http://127.0.0.1:21000"
MODELS = (Project, APIKey, EventType, Endpoint, Subscription, Event, EventDelivery, PortalLink)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the demo is described."""
    return tmp_path / "quickstart.json"


def rows() -> dict[str, list[Any]]:
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in MODELS}


class TestFirstStart:
    @pytest.mark.slow
    def test_event_types_in_three_groups_are_described(self, path: Path) -> None:
        demo = ensure_demo(path, RECEIVER)
        types = list(EventType.objects.filter(project=demo["project_id"]).exclude(name="*"))
        assert len(types) == 10
        assert {one.category for one in types} == {"Orders", "Invoices", "Customers"}
        assert all(one.description and one.json_schema for one in types)
        assert [one.name for one in types if one.deprecated_at] == ["invoice.settled"]

    @pytest.mark.slow
    def test_one_endpoint_works_one_fails_one_is_paused(self, path: Path) -> None:
        demo = ensure_demo(path, RECEIVER)
        endpoints = [Endpoint.objects.get(pk=uid) for uid in demo["endpoint_ids"]]
        assert {one.owner_id for one in endpoints} == {demo["owner_id"]} == {"acme"}
        assert [(one.url, one.status) for one in endpoints] == [
            (f"{RECEIVER}/works/orders", "active"),
            (f"{RECEIVER}/fails/billing", "active"),
            (f"{RECEIVER}/works/newsletter", "paused"),
        ]
        assert all(Subscription.objects.filter(endpoint=one).count() == 1 for one in endpoints)

    @pytest.mark.slow
    def test_deliveries_wait_for_the_worker(self, path: Path) -> None:
        demo = ensure_demo(path, RECEIVER)
        found = Counter(EventDelivery.objects.values_list("endpoint__name", "status"))
        assert found == {("Orders", "Scheduled"): 4, ("Billing", "Scheduled"): 2, ("Newsletter", "Discarded"): 2}
        assert set(EventDelivery.objects.values_list("num_trials", flat=True)) == {0}
        assert set(Event.objects.values_list("owner_id", flat=True)) == {demo["owner_id"]}

    @pytest.mark.slow
    def test_the_link_opens_the_portal_of_the_customer(self, path: Path) -> None:
        demo = ensure_demo(path, RECEIVER)
        link = PortalLink.objects.get(pk=demo["portal_link_id"])
        assert demo["portal_url"].endswith(f"/portal?token={link.token}")
        assert (link.owner_id, link.can_manage_endpoint, link.auth_type) == ("acme", True, "static_token")

    def test_a_database_with_projects_gets_none(self, path: Path) -> None:
        create_project(name="Ours", type=Project.Type.OUTGOING)
        before = rows()
        assert ensure_demo(path, RECEIVER) == {}
        assert rows() == before
        assert not path.exists()


@pytest.mark.parametrize(
    ("name", "data"), [*demo_content.EVENTS, demo_content.TRIED], ids=lambda value: str(value)[:20]
)
def test_an_event_fits_the_schema_of_its_type(name: str, data: dict[str, Any], db: None) -> None:
    [schema] = [one.json_schema for one in demo_content.EVENT_TYPES if one.name == name]
    jsonschema.validate(data, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(dict(list(data.items())[1:]), schema)


class TestSecondStart:
    def test_makes_nothing_again(self, path: Path) -> None:
        first = ensure_demo(path, RECEIVER)
        before = rows()
        assert ensure_demo(path, RECEIVER) == first == json.loads(path.read_text())
        assert rows() == before

    @pytest.mark.slow
    def test_brings_nothing_back_that_was_deleted(self, path: Path) -> None:
        first = ensure_demo(path, RECEIVER)
        for uid in first["endpoint_ids"]:
            delete_endpoint(first["project_id"], uid)
        EventType.objects.all().delete()
        ensure_demo(path, RECEIVER)
        assert not Endpoint.objects.for_project(first["project_id"]).exists()
        assert not EventType.objects.exists()

    @pytest.mark.slow
    @pytest.mark.parametrize("lacking", [[], ["receiver_url", "portal_link_id"]], ids=["", "earlier version"])
    def test_a_deleted_project_is_no_demo_any_more(self, path: Path, lacking: list[str]) -> None:
        known = ensure_demo(path, RECEIVER)
        path.write_text(json.dumps({name: value for name, value in known.items() if name not in lacking}))
        delete_project(known["project_id"])
        before, described = rows(), path.read_text()
        assert ensure_demo(path, "http://127.0.0.1:22000") == {}
        assert (rows(), path.read_text()) == (before, described)

    @pytest.mark.slow
    def test_a_revoked_link_is_replaced(self, path: Path) -> None:
        first = ensure_demo(path, RECEIVER)
        revoke_portal_link(first["project_id"], first["portal_link_id"])
        second = ensure_demo(path, RECEIVER)
        assert second["portal_url"] != first["portal_url"]
        assert second == json.loads(path.read_text())
        assert [link.pk for link in PortalLink.objects.for_project(first["project_id"])] == [second["portal_link_id"]]

    @pytest.mark.slow
    def test_endpoints_follow_a_receiver_whose_port_was_taken(self, path: Path) -> None:
        first = ensure_demo(path, RECEIVER)
        assert receiver_port(path) == 21000
        elsewhere = create_endpoint(first["project_id"], url="http://127.0.0.1:2100/works", name="Not the receiver's")
        ensure_demo(path, "http://127.0.0.1:22000")
        assert receiver_port(path) == 22000
        urls = dict(Endpoint.objects.values_list("name", "url"))
        assert urls == {
            "Orders": "http://127.0.0.1:22000/works/orders",
            "Billing": "http://127.0.0.1:22000/fails/billing",
            "Newsletter": "http://127.0.0.1:22000/works/newsletter",
            elsewhere.name: "http://127.0.0.1:2100/works",
        }

    @pytest.mark.slow
    def test_the_demo_of_an_earlier_version_gets_what_it_lacks(self, path: Path) -> None:
        project, _, key = create_project(name="Demo", type=Project.Type.OUTGOING)
        theirs = create_endpoint(project.uid, url="https://hooks.example.com/", name="Theirs", owner_id="acme")
        EventType.objects.create(project=project, name="order.created", description="Ours")
        known = {"project_id": project.uid, "api_key": key, "owner_id": "acme", "endpoint_ids": [theirs.uid]}
        path.write_text(json.dumps(known))
        assert receiver_port(path) is None
        demo = ensure_demo(path, RECEIVER)
        assert (demo["project_id"], demo["api_key"]) == (project.uid, key)
        assert demo["endpoint_ids"][0] == theirs.uid
        assert len(demo["endpoint_ids"]) == 4
        assert EventType.objects.get(name="order.created").description == "Ours"
        before = rows()
        assert ensure_demo(path, RECEIVER) == demo
        assert rows() == before


class Crash(BaseException):
    """Stands for the process being killed in the middle of the first start."""


class TestCrash:
    @pytest.mark.slow
    @pytest.mark.parametrize(
        "step",
        ["create_project", "create_event_type", "pause_endpoint", "create_fanout_event", "create_portal_link"],
    )
    def test_before_the_description_is_written(self, path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
        before = rows()
        with monkeypatch.context() as patched:
            patched.setattr(quickstart, step, self.crash)
            with pytest.raises(Crash):
                ensure_demo(path, RECEIVER)
        assert rows() == before
        assert not path.exists()
        self.starts(path)

    @pytest.mark.slow
    def test_between_the_description_and_the_commit(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def write_and_crash(path: Path, content: dict[str, Any]) -> None:
            write_private(path, content)
            raise Crash

        before = rows()
        with monkeypatch.context() as patched:
            patched.setattr(quickstart, "write_private", write_and_crash)
            with pytest.raises(Crash):
                ensure_demo(path, RECEIVER)
        assert rows() == before
        assert path.exists()
        self.starts(path)

    @pytest.mark.slow
    def test_while_endpoints_follow_the_receiver(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        known = ensure_demo(path, RECEIVER)

        def write_and_crash(path: Path, content: dict[str, Any]) -> None:
            write_private(path, content)
            raise Crash

        for port in (22000, 23000):
            with monkeypatch.context() as patched:
                patched.setattr(quickstart, "write_private", write_and_crash)
                with pytest.raises(Crash):
                    ensure_demo(path, f"http://127.0.0.1:{port}")
        assert receiver_port(path) == 23000
        assert set(Endpoint.objects.filter(url__startswith=f"{RECEIVER}/").values_list("pk", flat=True)) == set(
            known["endpoint_ids"]
        )
        moved = ensure_demo(path, "http://127.0.0.1:23000")
        assert moved == json.loads(path.read_text()) == known | {"receiver_url": "http://127.0.0.1:23000"}
        assert Endpoint.objects.filter(url__startswith="http://127.0.0.1:23000/").count() == 3

    @staticmethod
    def crash(*_: Any, **__: Any) -> None:
        raise Crash

    @staticmethod
    def starts(path: Path) -> None:
        demo = ensure_demo(path, RECEIVER)
        assert Project.objects.get().pk == demo["project_id"]
        assert Endpoint.objects.count() == 3
        assert Event.objects.count() == len(demo_content.EVENTS)
        assert PortalLink.objects.count() == 1

"""The event catalogue, and the page of an event type."""

import gzip
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from deliveries.reads import COUNTED_AT_MOST
from endpoints.models import Endpoint
from portal.catalogue import MOST_MOVED
from portal_links.capabilities import EVERYTHING, MANAGE_SUBSCRIPTIONS, READ_ONLY, VIEW_DELIVERIES
from projects.models import EventType, Project
from subscriptions.models import Filter
from subscriptions.operations import create_subscription
from tests.portal.customers import OWNER, Customer, MakeEndpoint
from tests.statements import nothing_changes, statements
from tests.test_held_interpreter import MOST_SECONDS
from tests.test_hostile_requests import costs_little

Login = Callable[..., Customer]
HOSTILE = '"><script>alert(1)</script>'
ODD = ["\0", "a\0b", "\U0001f984", "'", "\\", "x" * 5_000]
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "string", "description": "The order's ID.", "examples": ["ord_1"]},
        "lines": {"type": "array", "minItems": 1, "items": {"type": "object", "properties": {"sku": {"const": 7}}}},
        "channel": {"enum": ["web", "app"]},
        "gift": {"type": "boolean", "default": False},
        "email": {"type": ["string", "null"], "maxLength": 80},
    },
}


@pytest.fixture(autouse=True)
def types(project: Project) -> None:
    schema = {"order.created": SCHEMA}
    EventType.objects.bulk_create(
        EventType(project=project, name=name, description=f"About {name}.", json_schema=schema.get(name))
        for name in ("order.created", "order.paid", "invoice.paid", "ping")
    )


@pytest.fixture
def subscribe(project: Project) -> Callable[..., None]:
    def make(endpoint: Endpoint, *names: str) -> None:
        config = {"event_types": list(names)} if names else None
        create_subscription(project.uid, name="Events", endpoint_id=endpoint.uid, filter_config=config)

    return make


def rows(html: str) -> list[str]:
    return re.findall(r'class="main cut".*?<code>(.*?)</code>', html)


class TestCatalogue:
    def test_groups_by_prefix(self, login: Login) -> None:
        html = login().html("events")
        assert re.findall(r"<h2.*?>(.*?)</h2>", html)[:3] == ["Invoice", "Order", "Other events"]
        assert rows(html) == ["invoice.paid", "order.created", "order.paid", "ping"]
        assert "About order.paid." in html

    @pytest.mark.parametrize(
        ("q", "found"),
        [
            ("PAID", ["invoice.paid", "order.paid"]),
            ("about order", ["order.created", "order.paid"]),
            ("channel", ["order.created"]),
            ("%", []),
            ("nothing", []),
        ],
    )
    def test_search(self, login: Login, q: str, found: list[str]) -> None:
        html = login().html("events", q=q)
        assert rows(html) == found
        assert f'data-announce="{len(found)} event type{"" if len(found) == 1 else "s"}"' in html
        assert ("No event type found" in html) is (found == [])

    @pytest.mark.slow
    def test_more_types_than_can_be_counted_cost_little(self, login: Login, project: Project) -> None:
        EventType.objects.bulk_create(
            EventType(project=project, name=f"many.{number:05}") for number in range(COUNTED_AT_MOST + 1)
        )
        customer = login()
        for query in ({}, {"group": "many"}, {"q": "many"}):
            costs_little(lambda query=query: customer.get("events", **query), status=200)  # type: ignore[misc]
        html = customer.html("events", q="many")
        assert 'data-announce="10,000+ event types"' in html
        assert "There are more." in html

    @pytest.mark.slow
    def test_mine_are_found_behind_many_others(
        self, login: Login, project: Project, endpoint: Endpoint, subscribe: Callable[..., None]
    ) -> None:
        EventType.objects.bulk_create(
            EventType(project=project, name=f"many.{number:05}") for number in range(COUNTED_AT_MOST + 1)
        )
        subscribe(endpoint, "ping")
        assert rows(login().html("events", mine="1")) == ["ping"]

    @pytest.mark.parametrize("text", ODD)
    def test_a_search_for_no_text(self, login: Login, text: str) -> None:
        assert login().get("events", q=text, group=text).status_code == 200

    def test_who_listens(
        self, login: Login, endpoint: Endpoint, make_endpoint: MakeEndpoint, subscribe: Callable[..., None]
    ) -> None:
        subscribe(endpoint, "order.paid")
        subscribe(make_endpoint(owner_id=OWNER), "order.paid", "ping")
        subscribe(make_endpoint(owner_id=OWNER))
        subscribe(make_endpoint(owner_id="globex"), "order.paid", "invoice.paid")
        html = login().html("events")
        listening = re.findall(r'c3 small muted">(.*?)</td>', html)
        assert listening == ["1 endpoint", "1 endpoint", "3 endpoints", "2 endpoints"]

    def test_only_what_my_endpoints_listen_to(
        self, login: Login, endpoint: Endpoint, subscribe: Callable[..., None]
    ) -> None:
        subscribe(endpoint, "order.paid")
        assert rows(login().html("events", mine="1")) == ["order.paid"]

    @pytest.mark.slow  # thousands of rows
    def test_two_thousand_types(self, project: Project, login: Login) -> None:
        """One group at a time, and the page stays small."""
        EventType.objects.bulk_create(
            EventType(project=project, name=f"group{number // 100:02}.type{number}", description="Something " * 9)
            for number in range(2_000)
        )
        customer = login()
        html = customer.html("events")
        assert len(rows(html)) == 100
        assert "?group=group19" in html
        assert len(rows(customer.html("events", group="group19"))) == 100
        assert rows(customer.html("events", group="*")) == ["ping"]
        assert len(rows(customer.html("events", q="something"))) == 150
        assert "There are more." in customer.html("events", q="something")
        assert len(gzip.compress(html.encode())) < 80_000

    def test_a_project_without_types_has_no_entry_in_the_menu(self, project: Project, login: Login) -> None:
        assert "Event catalogue" in login().html()
        EventType.objects.exclude(name="*").delete()
        assert "Event catalogue" not in login().html()
        assert "No event type found" in login().html("events")

    @pytest.mark.slow
    def test_statements(
        self, project: Project, login: Login, make_endpoint: MakeEndpoint, subscribe: Callable[..., None]
    ) -> None:
        customer, counts = login(), []
        customer.html("events")
        for count in (1, 50):
            for number in range(count):
                EventType.objects.create(project=project, name=f"more.{count}.{number}")
            subscribe(make_endpoint(owner_id=OWNER), f"more.{count}.0")
            with statements() as made:
                customer.html("events")
            counts.append(made)
        assert counts[0] == counts[1]
        assert counts[0].count("SELECT projects_eventtype") == 2  # the types, and whether there is a catalogue


class TestEventType:
    def test_fields_and_example(self, login: Login) -> None:
        html = login().html("events/order.created")
        table = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html[html.index("<tbody") : html.index("</tbody>")]))
        assert table.strip().startswith("id string The order&#x27;s ID. gift ")
        assert "one of 2 optional web , app" in table
        assert "boolean optional false if absent." in table
        assert "string or null optional At most 80 characters." in table
        assert "list of objects optional At least 1 item." in table
        assert '<span class="k">"id"</span>: <span class="s">"ord_1"</span>' in html

    def test_numbers_that_no_64_bits_hold(self, project: Project, login: Login) -> None:
        total = {"type": "number", "maximum": 1.7976931348623157e308, "default": 1e24}
        schema = {"type": "object", "properties": {"total": total}}
        EventType.objects.filter(project=project, name="order.created").update(json_schema=schema)
        assert "1000000000000000000000000" in login().html("events/order.created")

    def test_no_schema(self, login: Login) -> None:
        html = login().html("events/ping")
        assert "Its fields are not described." in html
        assert "Example" not in html

    @pytest.mark.parametrize("name", ["*", "nope", "order", "order.created/x", "a" * 300])
    def test_unknown(self, login: Login, name: str) -> None:
        assert login().get(f"events/{name}").status_code == 404

    def test_of_another_project(self, login: Login, other_project: Project) -> None:
        EventType.objects.create(project=other_project, name="theirs")
        assert login().get("events/theirs").status_code == 404

    @pytest.mark.parametrize("name", ["a/b", "a b", "ä.ö", "a%2Fb", "x/add", "?q=1", "#"])
    def test_names_of_any_kind(self, project: Project, login: Login, name: str) -> None:
        EventType.objects.create(project=project, name=name)
        customer = login()
        link = re.search(rf'href="([^"]+)" title="{re.escape(name)}"', customer.html("events"))
        assert link is not None
        response = customer.client.get(link[1], headers=customer.headers)
        assert response.status_code == 200
        assert f'<h1 tabindex="-1"><code>{name}</code></h1>' in response.content.decode()

    @pytest.mark.slow
    def test_hostile_texts(self, project: Project, login: Login, endpoint: Endpoint) -> None:
        schema = {
            "properties": {HOSTILE: {"type": HOSTILE, "description": HOSTILE, "enum": [HOSTILE], "format": HOSTILE}},
            "x-replaced-by": HOSTILE,
            "x-sent-until": HOSTILE,
        }
        EventType.objects.create(
            project=project,
            name=HOSTILE,
            description=HOSTILE,
            json_schema=schema,
            deprecated_at=timezone.now(),
        )
        Endpoint.objects.update(name=HOSTILE)
        create_subscription(
            project.uid, name="x", endpoint_id=endpoint.uid, filter_config={"event_types": ["ping", HOSTILE]}
        )
        customer = login()
        for path in ("events", f"events/{HOSTILE}", "events/ping", "events"):
            html = customer.html(path, q=HOSTILE)
            assert "<script" not in html
            assert "&lt;script&gt;" in html

    def test_who_listens_and_how(
        self, login: Login, endpoint: Endpoint, make_endpoint: MakeEndpoint, subscribe: Callable[..., None]
    ) -> None:
        subscribe(endpoint, "order.paid")
        Filter.objects.filter(event_type="order.paid").update(conditions={"body": {"total": {"$gte": 100}}})
        subscribe(make_endpoint(owner_id=OWNER, name="Data lake"))
        subscribe(make_endpoint(owner_id="globex", name="Of globex"))
        html = login().html("events/order.paid")
        assert re.findall(r'class="main cut" .*?title="(.*?)".*?small muted" title="(.*?)"', html, re.DOTALL) == [
            ("Data lake", "All events"),
            ("Orders in", "if total ≥ 100"),
        ]

    @pytest.mark.slow
    def test_statements(
        self, login: Login, make_endpoint: MakeEndpoint, subscribe: Callable[..., None], endpoint: Endpoint
    ) -> None:
        customer, counts = login(), []
        customer.html("events/ping")
        for count in (1, 49):
            for _ in range(count):
                subscribe(make_endpoint(owner_id=OWNER), "ping")
            with statements() as made:
                customer.html("events/ping")
            counts.append(made)
        assert counts[0] == counts[1]


class TestAdding:
    def test_an_endpoint_that_listens_to_others(
        self, login: Login, endpoint: Endpoint, subscribe: Callable[..., None]
    ) -> None:
        subscribe(endpoint, "order.paid")
        customer = login()
        assert endpoint.uid in customer.html("events/ping")
        response = customer.post("listen/ping", to=endpoint.uid)
        assert "Orders in listens to ping now." in response.content.decode()
        assert set(Filter.objects.values_list("event_type", flat=True)) == {"order.paid", "ping"}
        assert response["HX-Push-Url"].endswith("/events/ping")

    def test_an_endpoint_without_a_subscription(self, login: Login, endpoint: Endpoint) -> None:
        assert login().post("listen/ping", to=endpoint.uid).status_code == 200
        assert set(Filter.objects.values_list("event_type", flat=True)) == {"ping"}

    @pytest.mark.parametrize("capabilities", [READ_ONLY, EVERYTHING - {MANAGE_SUBSCRIPTIONS}])
    def test_who_may_not(self, login: Login, endpoint: Endpoint, capabilities: frozenset[str]) -> None:
        customer = login(capabilities)
        assert "Add to an endpoint" not in customer.html("events/ping")
        with nothing_changes():
            assert customer.post("listen/ping", to=endpoint.uid).status_code == 403
            assert customer.post("move/ping").status_code == 403

    def test_an_endpoint_of_another_customer(self, login: Login, make_endpoint: MakeEndpoint) -> None:
        other, customer = make_endpoint(owner_id="globex"), login()
        customer.html()
        with nothing_changes():
            for uid in (other.uid, "", "nope", "a\x00b"):
                assert customer.post("listen/ping", to=uid).status_code == 404

    def test_deliveries_are_linked_for_those_who_see_them(self, login: Login) -> None:
        assert ">Deliveries</a>" not in login(EVERYTHING - {VIEW_DELIVERIES}).html("events/ping")


class TestDeprecated:
    @pytest.fixture
    def old(self, project: Project) -> EventType:
        return EventType.objects.create(
            project=project,
            name="order.updated",
            json_schema={"x-replaced-by": "order.paid", "x-sent-until": "2027-03-01"},
            deprecated_at=timezone.now(),
        )

    def test_what_takes_its_place(
        self, login: Login, old: EventType, endpoint: Endpoint, subscribe: Callable[..., None]
    ) -> None:
        subscribe(endpoint, "order.updated")
        customer = login()
        assert '<span class="tag">Deprecated</span>' in customer.html("events")
        html = customer.html("events/order.updated")
        assert "Sent until March 1, 2027." in html
        assert "<code>order.paid</code></a> in its place." in html
        assert "1 of your endpoints still listens to it." in html
        assert "Move 1 endpoint" in html
        assert "Add to an endpoint" not in html

    @pytest.mark.slow
    def test_without_further_facts(self, login: Login, old: EventType) -> None:
        for schema in (None, {}, {"x-replaced-by": "nope", "x-sent-until": 5}, {"x-replaced-by": ["a"]}):
            EventType.objects.filter(pk=old.pk).update(json_schema=schema)
            html = login().html("events/order.updated")
            assert "Deprecated since" in html
            assert "in its place" not in html

    def test_moving_keeps_conditions_and_the_other_types(
        self, login: Login, old: EventType, endpoint: Endpoint, subscribe: Callable[..., None]
    ) -> None:
        subscribe(endpoint, "order.updated", "ping")
        conditions = {"body": {"total": {"$gte": 100}}}
        Filter.objects.filter(event_type="order.updated").update(conditions=conditions)
        response = login().post("move/order.updated")
        assert "1 endpoint was moved." in response.content.decode()
        found = dict(Filter.objects.filter(enabled_at__isnull=False).values_list("event_type", "conditions"))
        assert found == {"order.paid": conditions, "ping": {}}

    @pytest.mark.slow
    def test_no_more_are_moved_at_once_than_take_a_second(
        self, login: Login, old: EventType, make_endpoint: MakeEndpoint, subscribe: Callable[..., None]
    ) -> None:
        for number in range(MOST_MOVED + 2):
            subscribe(make_endpoint(owner_id=OWNER, name=f"E{number}"), "order.updated")
        customer = login()
        assert f"Move {MOST_MOVED} endpoints" in customer.html("events/order.updated")
        begun = time.thread_time()
        html = customer.post("move/order.updated").content.decode()
        assert time.thread_time() - begun < MOST_SECONDS
        assert f"{MOST_MOVED} endpoints were moved." in html
        assert "2 of your endpoints still listen to it." in html
        assert "Move 2 endpoints" in html
        assert "2 endpoints were moved." in customer.post("move/order.updated").content.decode()

    @pytest.mark.slow
    def test_those_that_hear_all_events_hold_up_no_others(
        self, login: Login, old: EventType, make_endpoint: MakeEndpoint, subscribe: Callable[..., None]
    ) -> None:
        """They hear the replacement already, and stop hearing the old one with no choice of types."""
        for number in range(MOST_MOVED):
            subscribe(make_endpoint(owner_id=OWNER, name=f"E{number}"), "*", "order.updated")
        Filter.objects.filter(event_type="order.updated").update(conditions={"body": {"a": 1}})
        last = make_endpoint(owner_id=OWNER, name="Last")
        subscribe(last, "order.updated")
        before = set(Filter.objects.exclude(subscription__endpoint=last).values_list("pk", "event_type"))
        customer = login()
        html = customer.html("events/order.updated")
        assert "1 of your endpoints still listens to it." in html
        assert "Move 1 endpoint" in html
        html = customer.post("move/order.updated").content.decode()
        assert "1 endpoint was moved." in html
        assert "still listen" not in html
        assert list(Filter.objects.filter(subscription__endpoint=last).values_list("event_type")) == [("order.paid",)]
        assert set(Filter.objects.exclude(subscription__endpoint=last).values_list("pk", "event_type")) == before

    def test_endpoints_of_others_are_not_moved(
        self, login: Login, old: EventType, make_endpoint: MakeEndpoint, subscribe: Callable[..., None]
    ) -> None:
        subscribe(make_endpoint(owner_id="globex"), "order.updated")
        login().post("move/order.updated")
        assert set(Filter.objects.values_list("event_type", flat=True)) == {"order.updated"}

    def test_nothing_to_move_to(self, login: Login, endpoint: Endpoint, subscribe: Callable[..., None]) -> None:
        subscribe(endpoint, "ping")
        assert login().post("move/ping").status_code == 404
        assert set(Filter.objects.values_list("event_type", flat=True)) == {"ping"}

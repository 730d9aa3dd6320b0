"""The filter of an event type on the pages: rows and JSON, trials on recent events, saving and removing."""

import re
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from django.utils.html import strip_tags

from endpoints.models import Endpoint
from events.models import Event
from portal_links.capabilities import EVERYTHING, MANAGE_SUBSCRIPTIONS, VIEW_PAYLOADS
from projects.models import EventType, Project
from subscriptions.choice import filters_of, set_conditions
from subscriptions.models import Filter
from subscriptions.operations import create_subscription
from tests.portal.customers import OWNER, Customer, MakeEndpoint
from tests.statements import statements

Login = Callable[..., Customer]
MakeEvent = Callable[..., Event]
ROWS = {"as": "1", "any": "", "json": ""}
BIG = {"field": ["total"], "comparison": ["at_least"], "value": ["100"]}


@pytest.fixture
def listening(project: Project, endpoint: Endpoint) -> Endpoint:
    """An endpoint that listens to two types."""
    create_subscription(
        project.uid,
        name="mine",
        endpoint_id=endpoint.uid,
        filter_config={"event_types": ["order.created", "order.paid"]},
    )
    return endpoint


@pytest.fixture
def path(listening: Endpoint) -> str:
    return f"endpoints/{listening.uid}/settings/filters/order.created"


@pytest.fixture
def trial(listening: Endpoint) -> str:
    return f"endpoints/{listening.uid}/filters/try"


@pytest.fixture
def make_event(project: Project, endpoint: Endpoint) -> MakeEvent:
    """Return a function that stores an event that went to the endpoint."""

    def make(data: Any, event_type: str = "order.created", **fields: Any) -> Event:
        given = {"endpoints": [endpoint.uid], "channel": Event.Channel.DIRECT, "status": "Success"} | fields
        text = data if isinstance(data, str) else orjson.dumps(data).decode()
        return Event.objects.create(**{"project": project, "event_type": event_type, "data": text} | given)

    return make


def conditions(endpoint: Endpoint) -> dict[str, Any]:
    return {row.event_type: row.conditions for row in filters_of(endpoint.project_id, endpoint.uid)}


def trials(html: str) -> list[tuple[str, str]]:
    """Return the outcome of a trial: the pill's word and the reason."""
    found = re.findall(
        r'<span class="pill[^>]*>(.*?)</span>.*?<span class="why small">(.*?)</span></li>', html, re.DOTALL
    )
    return [(strip_tags(pill).strip(), strip_tags(why)) for pill, why in found]


class TestShow:
    def test_no_condition_yet(self, login: Login, path: str) -> None:
        html = login().html(path)
        assert '<h1 tabindex="-1">Filter for <code>order.created</code></h1>' in html
        assert html.count('class="cond"') == 4  # an empty row each for body and headers, and the two templates
        assert "every <code>order.created</code> is sent." in html
        assert "There are no recent events of this type." in html
        assert "Remove filter" not in html

    def test_rows(self, login: Login, listening: Endpoint, path: str) -> None:
        stored = {"body": {"$or": [{"a": 1}, {"b": {"$gte": 2}}]}, "headers": {"X-Region": "eu"}}
        set_conditions(listening.project_id, listening.uid, "order.created", stored)
        html = login().html(path)
        assert re.findall(r'name="(?:header_)?field"[^>]*? value="([^"]+)"', html) == ["a", "b", "X-Region"]
        assert '<option value="1" selected>any of these holds' in html
        assert "is sent if <code>a</code> is 1 or <code>b</code> is at least 2" in html
        assert "Remove filter" in html

    def test_what_is_too_complex_for_rows_opens_as_json(self, login: Login, listening: Endpoint, path: str) -> None:
        stored = {"body": {"$or": [{"a": 1, "b": 2}, {"c": 3}]}, "headers": {"$or": [{"a": "1"}, {"b": "2"}]}}
        set_conditions(listening.project_id, listening.uid, "order.created", stored)
        html = login().html(path)
        assert 'name="as" value="2" checked' in html
        assert 'id="as-rows" disabled' in html
        assert "it meets a filter of 5 conditions" in html
        assert 'name="header_as" value="kept"' in html

    @pytest.mark.slow
    def test_a_type_with_any_name(self, login: Login, project: Project, endpoint: Endpoint) -> None:
        name = "order/é <b>?#"
        create_subscription(project.uid, name="n", endpoint_id=endpoint.uid, filter_config={"event_types": [name]})
        customer = login()
        response = customer.get(f"endpoints/{endpoint.uid}/settings/filters", event_type=name)
        assert response.status_code == 200
        assert "<b>?#" not in response.content.decode()
        there = response["HX-Push-Url"].removeprefix(customer.home)
        assert customer.post(there, **ROWS | BIG).status_code == 200
        assert conditions(endpoint) == {name: {"body": {"total": {"$gte": 100}}}}

    @pytest.mark.slow
    def test_refusals(self, login: Login, listening: Endpoint, path: str, make_endpoint: MakeEndpoint) -> None:
        theirs = make_endpoint(owner_id="globex")
        customer, viewer = login(), login(EVERYTHING - {MANAGE_SUBSCRIPTIONS})
        for there, data in (
            (path, ROWS | BIG),
            (f"endpoints/{listening.uid}/filters/try", {"event_type": "order.created"}),
        ):
            assert viewer.post(there, **data).status_code == 403
            assert customer.post(there.replace(listening.uid, theirs.uid), **data).status_code == 404
        assert viewer.get(path).status_code == 403
        assert customer.get(path.replace("order.created", "order.lost")).status_code == 404
        assert path not in viewer.html(f"endpoints/{listening.uid}/settings")
        assert conditions(listening) == {"order.created": {}, "order.paid": {}}


class TestSave:
    def test_rows(self, login: Login, listening: Endpoint, path: str) -> None:
        sent = {
            "field": ["total", "", "currency"],
            "comparison": ["at_least", "is", "one_of"],
            "value": ["100", "", "EUR, CHF"],
            "header_field": ["X-Region"],
            "header_comparison": ["is"],
            "header_value": ["eu"],
        }
        response = login().post(path, **ROWS | sent)
        assert "The filter was saved." in response.content.decode()
        assert response["HX-Push-Url"].endswith(f"/endpoints/{listening.uid}/settings")
        assert conditions(listening) == {
            "order.created": {
                "body": {"total": {"$gte": 100}, "currency": {"$in": ["EUR", "CHF"]}},
                "headers": {"X-Region": "eu"},
            },
            "order.paid": {},
        }
        assert "if <code>total</code> ≥ 100 and" in response.content.decode()

    @pytest.mark.slow
    def test_any_and_json(self, login: Login, listening: Endpoint, path: str) -> None:
        customer = login()
        sent = {"field": ["a", "b"], "comparison": ["is", "there"], "value": ["1", ""], "any": "1"}
        customer.post(path, **ROWS | sent)
        assert conditions(listening)["order.created"] == {"body": {"$or": [{"a": 1}, {"b": {"$exist": True}}]}}
        customer.post(path, **ROWS | {"as": "2", "json": '{"a": {"b": [{"$gte": 1}][0]}}'})
        assert conditions(listening)["order.created"] == {"body": {"$or": [{"a": 1}, {"b": {"$exist": True}}]}}
        customer.post(path, **ROWS | {"as": "2", "json": '{"a": {"$or": 1, "b": 2}}'})
        customer.post(path, **ROWS | {"as": "2", "json": '{"$and": [{"$or": [{"a": 1}, {"b": 2}]}]}'})
        assert conditions(listening)["order.created"] == {"body": {"$and": [{"$or": [{"a": 1}, {"b": 2}]}]}}

    @pytest.mark.slow
    def test_the_view_that_was_edited_last_counts(
        self, login: Login, listening: Endpoint, path: str, trial: str
    ) -> None:
        customer = login()
        both = ROWS | BIG | {"json": '{"total": {"$lt": 50}}', "event_type": "order.created"}
        html = customer.post(trial, **both | {"as": "1", "latest": "2"}).content.decode()
        assert re.findall(r'<option value="(\w+)" selected', html) == ["less_than"]
        assert 'name="json"' not in html
        html = customer.post(trial, **both | {"as": "2", "latest": "1"}).content.decode()
        assert "&quot;$gte&quot;: 100" in html.partition('name="json"')[2]
        for latest, stored in (("2", {"$lt": 50}), ("1", {"$gte": 100})):
            customer.post(path, **both | {"latest": latest})
            assert conditions(listening)["order.created"] == {"body": {"total": stored}}

    @pytest.mark.parametrize(
        ("sent", "said"),
        [
            ({"field": ["total"], "comparison": ["at_least"], "value": ["much"]}, "This comparison needs a number."),
            ({"field": [""], "comparison": ["is"], "value": ["1"]}, "Name the field of each condition."),
            ({"field": ["$or"], "comparison": ["is"], "value": ["1"]}, "The name of a field does not begin with $."),
            ({"field": ["a"], "comparison": ["matches"], "value": ["("]}, "The pattern of $regex is not valid"),
            ({"as": "2", "json": '{"a": 1,\n}'}, "This is not valid JSON: look at line 1, character 8."),
            ({"as": "2", "json": "[1]"}, "A filter is a JSON object."),
            ({"as": "2", "json": '{"a": {"$near": 1}}'}, "Unknown operator $near."),
            (
                {"header_field": ["a.$.b"], "header_comparison": ["is"], "header_value": ["1"]},
                "The wildcard $ is for the",
            ),
        ],
    )
    def test_what_is_wrong_is_said_and_kept(
        self, login: Login, listening: Endpoint, path: str, sent: dict[str, Any], said: str
    ) -> None:
        response = login().post(path, **ROWS | sent)
        html = response.content.decode()
        assert response.status_code == 422
        assert said in html
        for value in (sent.get("value", []) + sent.get("header_field", [])) or ["<textarea"]:
            assert value.replace('"', "&quot;") in html
        assert conditions(listening)["order.created"] == {}

    @pytest.mark.slow
    def test_what_has_no_field_is_kept(self, login: Login, listening: Endpoint, path: str) -> None:
        stored = {"query": {"q": "1"}, "headers": {"$or": [{"a": "1"}, {"b": "2"}]}}
        set_conditions(listening.project_id, listening.uid, "order.created", stored)
        html = login().html(path)
        assert "There are conditions on query or path too." in html
        login().post(path, **ROWS | BIG | {"header_as": "kept"})
        assert conditions(listening)["order.created"] == stored | {"body": {"total": {"$gte": 100}}}

    def test_remove(self, login: Login, listening: Endpoint, path: str) -> None:
        set_conditions(listening.project_id, listening.uid, "order.created", {"body": {"a": 1}})
        response = login().post(path, **ROWS | BIG | {"remove": "1"})
        assert "The filter was removed." in response.content.decode()
        assert conditions(listening) == {"order.created": {}, "order.paid": {}}

    @pytest.mark.slow
    def test_a_type_of_all_events(self, login: Login, project: Project, endpoint: Endpoint) -> None:
        EventType.objects.create(project=project, name="order.created")
        create_subscription(project.uid, name="all", endpoint_id=endpoint.uid)
        customer = login()
        assert '<option value="order.created">' in customer.html(f"endpoints/{endpoint.uid}/settings")
        customer.post(f"endpoints/{endpoint.uid}/settings/filters/order.created", **ROWS | BIG)
        assert conditions(endpoint) == {"*": {}, "order.created": {"body": {"total": {"$gte": 100}}}}


class TestTrial:
    def test_each_recent_event_with_its_reason(self, login: Login, trial: str, make_event: MakeEvent) -> None:
        make_event({"id": "ord_1", "total": 249})
        make_event({"id": "ord_2", "total": 38.5})
        make_event({"id": "ord_3"})
        make_event({"total": 500}, event_type="order.paid")
        html = login().post(trial, event_type="order.created", **ROWS | BIG).content.decode()
        assert trials(html) == [
            ("Not sent", "total is not there"),
            ("Not sent", "total is 38.5, not at least 100"),
            ("Sent", "total is 249"),
        ]
        assert "1 of the last 3 would be sent" in html
        assert "is sent if <code>total</code> is at least 100." in html
        assert "ord_1" in html
        assert not Filter.objects.exclude(conditions={}).exists()

    def test_events_of_others_are_not_tried(
        self, login: Login, trial: str, make_event: MakeEvent, make_endpoint: MakeEndpoint
    ) -> None:
        theirs = make_endpoint(owner_id="globex")
        make_event({"id": "theirs", "total": 1}, endpoints=[theirs.uid])
        make_event({"id": "theirs", "total": 1}, endpoints=[], owner_id="globex", channel=Event.Channel.FANOUT)
        make_event({"id": "mine", "total": 1}, endpoints=[], owner_id=OWNER, channel=Event.Channel.FANOUT)
        html = login().post(trial, event_type="order.created", **ROWS).content.decode()
        assert "theirs" not in html
        assert len(trials(html)) == 1

    def test_an_event_or_a_payload_of_ones_choice(
        self, login: Login, trial: str, make_event: MakeEvent, make_endpoint: MakeEndpoint
    ) -> None:
        customer = login()
        mine = make_event({"total": 7}, event_type="order.paid")
        theirs = make_event({"total": 8}, endpoints=[make_endpoint(owner_id="globex").uid])
        given = ROWS | BIG | {"event_type": "order.created"}
        for own, said in (
            (mine.uid, "total is 7, not at least 100"),
            ('{"total": 300}', "total is 300"),
            (theirs.uid, "There is no such event."),
            ("{", "This is not valid JSON: look at line 1, character 2."),
        ):
            assert said in strip_tags(customer.post(trial, **given, own=own).content.decode())

    def test_who_may_not_see_payloads_learns_nothing_of_them(
        self, login: Login, trial: str, path: str, make_event: MakeEvent
    ) -> None:
        event = make_event({"id": "ord_1", "total": 249.75})
        customer = login(EVERYTHING - {VIEW_PAYLOADS})
        given = ROWS | BIG | {"event_type": "order.created"}
        for html in (
            customer.html(path),
            customer.post(trial, **given).content.decode(),
            customer.post(trial, **given, own=event.uid).content.decode(),
        ):
            assert trials(html) == []
            assert "ord_1" not in html
            assert "249.75" not in html  # a number that no id holds by chance
        assert trials(customer.post(trial, **given, own='{"total": 1}').content.decode()) == [
            ("Not sent", "total is 1, not at least 100")
        ]

    def test_values_of_headers_are_not_shown(self, login: Login, trial: str, make_event: MakeEvent) -> None:
        make_event({"a": 1}, headers={"X-Token": ["the token"]})
        sent = {"header_field": ["X-Token"], "header_comparison": ["is"], "header_value": ["a guess"]}
        html = login().post(trial, event_type="order.created", **ROWS | sent).content.decode()
        assert trials(html) == [("Not sent", "header X-Token is not as asked for")]
        assert "the token" not in html

    def test_long_and_broken_payloads_are_left_out(self, login: Login, trial: str, make_event: MakeEvent) -> None:
        make_event('{"a":"' + "x" * 70_000 + '"}')
        make_event("no json")
        make_event({"a": 1})
        html = login().post(trial, event_type="order.created", **ROWS).content.decode()
        assert trials(html) == [("Sent", "All conditions hold.")]

    @pytest.mark.slow
    def test_texts_of_strangers_stay_texts(self, login: Login, trial: str, path: str, make_event: MakeEvent) -> None:
        hostile = "<img src=x onerror=alert(1)>"
        make_event({"id": hostile, hostile: {hostile: hostile}})
        sent = {"field": [f"{hostile}.{hostile}"], "comparison": ["is"], "value": [hostile]}
        customer = login()
        for html in (
            customer.post(trial, event_type="order.created", **ROWS | sent).content.decode(),
            customer.post(path, **ROWS | sent | {"as": "2", "json": f'["{hostile}"]'}).content.decode(),
            customer.html(path),
        ):
            assert "<img" not in html

    @pytest.mark.parametrize("rows", [1, 50])
    def test_statements(self, login: Login, trial: str, make_event: MakeEvent, rows: int) -> None:
        for index in range(rows):
            make_event({"id": index})
        customer = login()
        customer.post(trial, event_type="order.created", **ROWS)
        with statements() as made:
            customer.post(trial, event_type="order.created", **ROWS | BIG)
        assert made[-4:] == [
            "SELECT endpoints_endpoint",  # the endpoint of the page
            "SELECT subscriptions_filter",  # the filter that decides now
            "SELECT endpoints_endpoint",  # the customer's endpoints
            "SELECT events_event",
        ]
        assert "SELECT projects_eventtype" not in made  # the menu, which needs to know of a catalogue, is not in it


@pytest.mark.slow
def test_numbers_that_no_64_bits_hold(project: Project, login: Login, listening: Endpoint, path: str) -> None:
    set_conditions(project.uid, listening.uid, "order.created", {"body": {"total": {"$gt": 1e24}}})
    customer = login()
    assert "1000000000000000000000000" in customer.html(path)
    assert "it meets a filter of 1 condition" in customer.html(f"endpoints/{listening.uid}/settings")
    assert customer.get(f"endpoints/{listening.uid}").status_code == 200
    assert customer.post(path, **ROWS | BIG).status_code == 200


@pytest.mark.parametrize("name", ["", "%00"])
def test_no_type(project: Project, login: Login, endpoint: Endpoint, name: str) -> None:
    create_subscription(project.uid, name="all", endpoint_id=endpoint.uid)
    assert login().get(f"endpoints/{endpoint.uid}/settings/filters?event_type={name}").status_code == 404


def test_a_subscription_to_a_type_with_a_line_break(project: Project, login: Login, endpoint: Endpoint) -> None:
    names = {"event_types": ["order\ncreated"], "filter": {"body": {"total": 1}}}
    create_subscription(project.uid, name="mine", endpoint_id=endpoint.uid, filter_config=names)
    customer = login()
    assert "filters/order%0Acreated" in customer.html(f"endpoints/{endpoint.uid}/settings")
    assert customer.get(f"endpoints/{endpoint.uid}/settings/filters/order%0Acreated").status_code == 200

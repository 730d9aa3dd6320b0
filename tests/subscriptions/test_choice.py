"""The event types that an endpoint listens to: each choice, and the conditions that it keeps."""

from collections.abc import Callable

import pytest

from endpoints.models import Endpoint
from projects.models import Project
from subscriptions.choice import choose_event_types, deciding, filters_of, set_conditions
from subscriptions.exceptions import (
    ConditionsRefused,
    EventTypeUnknown,
    FilterNotFound,
    NoEventTypes,
    SubscribedEndpointNotFound,
)
from subscriptions.filter_operations import update_filter
from subscriptions.models import Filter, Subscription
from tests.subscriptions.conftest import MakeSubscription
from tests.subscriptions.conftest import filters_of as rows_of

BIG = {"body": {"total": {"$gte": 100}}}
EUR = {"body": {"currency": "EUR"}}


@pytest.fixture(autouse=True)
def types(make_event_types: Callable[..., None]) -> None:
    make_event_types("order.created", "order.paid", "invoice.paid")


def choose(endpoint: Endpoint, *names: str) -> None:
    choose_event_types(endpoint.project_id, endpoint.uid, names)


def conditions(endpoint: Endpoint) -> dict[str, object]:
    """The conditions of the endpoint's enabled filters, by event type."""
    found = filters_of(endpoint.project_id, endpoint.uid)
    assert len({row.event_type for row in found}) == len(found)
    return {row.event_type: row.conditions for row in found}


def disable(subscription: Subscription, name: str) -> None:
    row = Filter.objects.get(subscription=subscription, event_type=name)
    update_filter(subscription.project_id, subscription.uid, row.uid, enabled_at=None)


class TestChoose:
    def test_an_endpoint_without_a_subscription_gets_one(self, endpoint: Endpoint) -> None:
        choose(endpoint, "order.paid", "order.created", "order.paid")
        subscription = Subscription.objects.get()
        assert (subscription.name, subscription.event_types) == (endpoint.name, ["order.paid", "order.created"])
        assert conditions(endpoint) == {"order.created": {}, "order.paid": {}}

    def test_types_come_and_go_and_the_others_keep_their_conditions(
        self, endpoint: Endpoint, make_subscription: MakeSubscription
    ) -> None:
        subscription = make_subscription("order.created", "order.paid", endpoint=endpoint)
        set_conditions(endpoint.project_id, endpoint.uid, "order.paid", BIG)
        choose(endpoint, "order.paid", "invoice.paid")
        assert conditions(endpoint) == {"order.paid": BIG, "invoice.paid": {}}
        subscription.refresh_from_db()
        assert sorted(subscription.event_types) == ["invoice.paid", "order.paid"]

    def test_a_new_type_has_the_conditions_of_the_subscription(
        self, endpoint: Endpoint, make_subscription: MakeSubscription
    ) -> None:
        make_subscription("order.created", endpoint=endpoint, **EUR)
        choose(endpoint, "order.created", "order.paid")
        assert conditions(endpoint) == {"order.created": EUR, "order.paid": EUR}

    def test_the_conditions_of_all_events_pass_to_the_types_in_their_place(
        self, endpoint: Endpoint, make_subscription: MakeSubscription
    ) -> None:
        make_subscription("*", "order.paid", endpoint=endpoint)
        set_conditions(endpoint.project_id, endpoint.uid, "*", EUR)
        set_conditions(endpoint.project_id, endpoint.uid, "order.paid", BIG)
        choose(endpoint, "order.created", "order.paid")
        assert conditions(endpoint) == {"order.created": EUR, "order.paid": BIG}

    def test_all_events_replace_the_types_without_conditions(
        self, endpoint: Endpoint, make_subscription: MakeSubscription
    ) -> None:
        make_subscription("order.created", "order.paid", endpoint=endpoint)
        set_conditions(endpoint.project_id, endpoint.uid, "order.paid", BIG)
        choose(endpoint, "order.created", "*")
        assert conditions(endpoint) == {"*": {}, "order.paid": BIG}

    def test_all_events_stay_as_they_are(self, endpoint: Endpoint, make_subscription: MakeSubscription) -> None:
        make_subscription("*", "order.created", endpoint=endpoint)
        set_conditions(endpoint.project_id, endpoint.uid, "*", EUR)
        choose(endpoint, "*")
        assert conditions(endpoint) == {"*": EUR, "order.created": {}}

    def test_all_events_under_conditions_hide_no_type(
        self, endpoint: Endpoint, make_subscription: MakeSubscription
    ) -> None:
        make_subscription("order.created", endpoint=endpoint, **EUR)
        set_conditions(endpoint.project_id, endpoint.uid, "order.created", {})
        choose(endpoint, "*")
        assert conditions(endpoint) == {"*": EUR, "order.created": {}}

    def test_a_disabled_filter_is_enabled_by_choice_alone(
        self, endpoint: Endpoint, make_subscription: MakeSubscription
    ) -> None:
        subscription = make_subscription("order.created", "order.paid", endpoint=endpoint, **BIG)
        disable(subscription, "order.paid")
        choose(endpoint, "order.created")
        assert rows_of(subscription)["order.paid"] == (False, BIG)
        choose(endpoint, "order.paid")
        assert conditions(endpoint) == {"order.paid": BIG}

    def test_disabled_all_events_are_enabled(self, endpoint: Endpoint, make_subscription: MakeSubscription) -> None:
        disable(make_subscription("*", endpoint=endpoint, **EUR), "*")
        choose(endpoint, "*")
        assert conditions(endpoint) == {"*": EUR}

    def test_several_subscriptions(
        self, project: Project, endpoint: Endpoint, make_subscription: MakeSubscription
    ) -> None:
        project.config["multiple_endpoint_subscriptions"] = True
        project.save()
        one = make_subscription("*", endpoint=endpoint, **EUR)
        two = make_subscription("order.paid", endpoint=endpoint, **BIG)
        three = make_subscription("invoice.paid", endpoint=endpoint)
        choose(endpoint, "order.created", "order.paid")
        # An order is still taken where the one or the other took it.
        assert rows_of(one) == {"order.created": (True, EUR), "order.paid": (True, EUR)}
        assert rows_of(two) == {"order.paid": (True, BIG)}
        three.refresh_from_db()
        assert three.deleted_at is not None

    def test_refusals(self, endpoint: Endpoint, make_subscription: MakeSubscription) -> None:
        make_subscription("order.created", endpoint=endpoint)
        with pytest.raises(NoEventTypes):
            choose(endpoint)
        with pytest.raises(EventTypeUnknown, match=r"order\.lost"):
            choose(endpoint, "order.created", "order.lost")
        assert conditions(endpoint) == {"order.created": {}}
        with pytest.raises(SubscribedEndpointNotFound):
            choose_event_types(endpoint.project_id, endpoint.uid, ["*"], scope=Endpoint.objects.none())


class TestSetConditions:
    def test_a_type_under_all_events_gets_a_filter_and_loses_it(
        self, endpoint: Endpoint, make_subscription: MakeSubscription
    ) -> None:
        subscription = make_subscription("*", endpoint=endpoint)
        set_conditions(endpoint.project_id, endpoint.uid, "order.paid", BIG | {"headers": {}})
        assert conditions(endpoint) == {"*": {}, "order.paid": BIG}
        subscription.refresh_from_db()
        assert subscription.event_types == ["*", "order.paid"]
        set_conditions(endpoint.project_id, endpoint.uid, "order.paid", {})
        set_conditions(endpoint.project_id, endpoint.uid, "order.created", {})
        assert conditions(endpoint) == {"*": {}}

    def test_all_of_a_type_beside_all_events_under_conditions(
        self, endpoint: Endpoint, make_subscription: MakeSubscription
    ) -> None:
        make_subscription("*", endpoint=endpoint, **EUR)
        set_conditions(endpoint.project_id, endpoint.uid, "order.paid", {})
        assert conditions(endpoint) == {"*": EUR, "order.paid": {}}

    def test_refusals(self, endpoint: Endpoint, make_subscription: MakeSubscription) -> None:
        make_subscription("order.created", endpoint=endpoint)
        with pytest.raises(FilterNotFound):
            set_conditions(endpoint.project_id, endpoint.uid, "order.paid", BIG)
        with pytest.raises(ConditionsRefused, match="unknown operator"):
            set_conditions(endpoint.project_id, endpoint.uid, "order.created", {"body": {"a": {"$near": 1}}})
        assert conditions(endpoint) == {"order.created": {}}


def test_the_deciding_filter(endpoint: Endpoint, make_subscription: MakeSubscription) -> None:
    make_subscription("*", "order.paid", endpoint=endpoint)
    found = filters_of(endpoint.project_id, endpoint.uid)
    assert [getattr(deciding(found, name), "event_type", None) for name in ("order.paid", "x")] == ["order.paid", "*"]
    assert deciding([], "x") is None

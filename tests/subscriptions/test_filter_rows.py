"""The operations under /api/v1/projects/{projectID}/subscriptions/{subscriptionID}/filters"""

from collections.abc import Callable
from typing import Any

import pytest

from projects.models import EventType, Project
from subscriptions.models import Subscription
from tests.conftest import API
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers, RefusesViewers
from tests.statements import nothing_changes, statements
from tests.subscriptions.conftest import MakeSubscription, filters_of

GOLD = {"customer": {"tier": "gold"}}
NO_SUBSCRIPTION = (404, "subscription not found")
NO_FILTER = (404, "filter not found")


@pytest.fixture
def subscription(make_subscription: MakeSubscription, make_event_types: Callable[..., None]) -> Subscription:
    """A subscription to the event type "a", in a project that has "b" and "c" too."""
    make_event_types("b", "c")
    return make_subscription("a")


@pytest.fixture
def path(subscriptions: str, subscription: Subscription) -> str:
    return f"{subscriptions}/{subscription.uid}/filters"


@pytest.fixture
def one(path: str, subscription: Subscription) -> str:
    """The path of the filter for "a"."""
    return f"{path}/{subscription.filters.get(event_type='a').uid}"


def types_of(subscription: Subscription) -> list[str]:
    subscription.refresh_from_db()
    assert set(subscription.event_types) == filters_of(subscription).keys()
    return subscription.event_types


class TestCreate(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    @pytest.fixture
    def call(self, path: str) -> Call:
        return lambda api: api.post(path, {"event_type": "b"})

    def test_enabled_now(self, api: API, path: str, subscription: Subscription) -> None:
        answer = api.post(path, {"event_type": "b", "body": GOLD, "path": {}})
        assert (answer.status, answer.message) == (201, "Filter created successfully")
        row = subscription.filters.get(event_type="b")
        assert answer.data == {
            "uid": row.uid,
            "subscription_id": subscription.uid,
            "event_type": "b",
            "enabled_at": answer.data["enabled_at"],
            "body": {"customer.tier": "gold"},
            "headers": {},
            "query": {},
            "path": {},
            "raw_body": GOLD,
            "raw_headers": None,
            "raw_query": None,
            "raw_path": {},
        }
        read = api.get(f"{path}/{row.uid}").data
        assert read == {name: {} if value is None else value for name, value in answer.data.items()}
        assert read["enabled_at"] > "2026"
        assert types_of(subscription) == ["a", "b"]

    @pytest.mark.parametrize(
        ("sent", "shown"),
        [
            (None, None),
            ("2026-07-03T09:41:00Z", "2026-07-03T09:41:00Z"),
            ("2026-07-03T11:41:00.25+02:00", "2026-07-03T09:41:00.25Z"),
            ({"set": True, "time": "2026-07-03T09:41:00Z"}, "2026-07-03T09:41:00Z"),
            ({"set": True}, None),
        ],
    )
    def test_enabled_since(self, api: API, path: str, sent: Any, shown: str | None) -> None:
        assert api.post(path, {"event_type": "b", "enabled_at": sent}).data["enabled_at"] == shown

    @pytest.mark.parametrize(
        "sent",
        [
            *("", "now", "2026-07-03", "2026-07-03T09:41:00", "2026-13-03T09:41:00Z", "0001-01-01T00:00:00+01:00"),
            *(5, True, [], {"set": "yes"}, {"set": True, "time": 5}, {"set": False, "time": "x"}),
            "2026-07-03T09:41:00Z\n",
        ],
    )
    def test_what_is_not_a_time(self, api: API, path: str, sent: Any) -> None:
        with nothing_changes():
            assert api.post(path, {"event_type": "b", "enabled_at": sent}).error[0] == 400

    @pytest.mark.parametrize(
        ("sent", "refusal"),
        [
            ({"event_type": "a"}, (400, "filter with this event type already exists")),
            ({"event_type": "B"}, (404, "event type does not exist")),
            ({}, (404, "event type does not exist")),
            ({"event_type": "b", "body": {"a": {"$x": 1}}}, (400, "failed to create filter: unknown operator $x")),
            ({"event_type": "b", "body": []}, (400, 'body contains incorrect JSON type for field "body"')),
        ],
    )
    def test_what_is_wrong(self, api: API, path: str, sent: dict[str, Any], refusal: tuple[int, str]) -> None:
        with nothing_changes():
            assert api.post(path, sent).error == refusal

    @pytest.mark.parametrize("scope", ["headers", "query", "path"])
    def test_wildcards_are_for_the_body(self, api: API, path: str, scope: str) -> None:
        with nothing_changes():
            assert api.post(path, {"event_type": "b", scope: {"items.$.a": 1}}).error[0] == 400
        assert api.post(path, {"event_type": "b", "body": {"items.$.a": 1}}).status == 201

    def test_of_a_subscription_that_is_not_there(self, api: API, subscriptions: str) -> None:
        assert api.post(f"{subscriptions}/nope/filters", {"event_type": "b"}).error == NO_SUBSCRIPTION


class TestRead(RefusesStrangers, RefusesOtherProjects):
    @pytest.fixture
    def call(self, path: str) -> Call:
        return lambda api: api.get(path)

    def test_a_plain_list_newest_first(self, viewer: API, api: API, path: str, one: str) -> None:
        second = api.post(path, {"event_type": "b"}).data["uid"]
        answer = viewer.get(path)
        assert (answer.status, answer.message) == (200, "Filters retrieved successfully")
        assert answer.data == [viewer.get(way).data for way in (f"{path}/{second}", one)]
        assert viewer.get(one).message == "Filter retrieved successfully"

    def test_what_is_not_there(
        self, api: API, subscriptions: str, path: str, one: str, make_subscription: MakeSubscription
    ) -> None:
        other = make_subscription("a").filters.get()
        assert api.get(f"{subscriptions}/nope/filters").error == NO_SUBSCRIPTION
        assert api.get(f"{subscriptions}/nope/filters/{other.uid}").error == NO_SUBSCRIPTION
        for uid in ("nope", other.uid):
            assert api.get(f"{path}/{uid}").error == NO_FILTER

    @pytest.mark.parametrize("rows", [1, 20])
    def test_statements(
        self,
        api: API,
        subscriptions: str,
        make_subscription: MakeSubscription,
        rows: int,
    ) -> None:
        subscription = make_subscription(*(str(number) for number in range(rows)), body=GOLD)
        with statements() as run:
            assert len(api.get(f"{subscriptions}/{subscription.uid}/filters").data) == rows
        assert run == ["SELECT projects_apikey", "SELECT subscriptions_subscription", "SELECT subscriptions_filter"]


class TestUpdate(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    @pytest.fixture
    def call(self, one: str) -> Call:
        return lambda api: api.put(one, {"body": GOLD})

    def test_what_is_sent_changes(self, api: API, one: str, subscription: Subscription) -> None:
        api.put(one, {"body": GOLD, "headers": {"X": "1"}})
        answer = api.put(one, {"event_type": "b", "headers": {}, "query": None, "is_flattened": True})
        assert (answer.status, answer.message) == (200, "Filter updated successfully")
        assert answer.data == api.get(one).data
        assert filters_of(subscription) == {"b": (True, {"body": GOLD})}
        assert types_of(subscription) == ["b"]

    def test_null_disables_and_absence_keeps(self, api: API, one: str) -> None:
        before = api.get(one).data["enabled_at"]
        assert api.put(one, {}).data["enabled_at"] == before
        assert api.put(one, {"enabled_at": {"set": False}}).data["enabled_at"] == before
        assert api.put(one, {"enabled_at": None}).data["enabled_at"] is None
        assert api.put(one, {"body": {}}).data["enabled_at"] is None
        assert api.put(one, {"enabled_at": before}).data["enabled_at"] == before

    def test_what_is_wrong(self, api: API, path: str, one: str) -> None:
        api.post(path, {"event_type": "b"})
        for sent, refusal in (
            ({"event_type": "b"}, (400, "filter with this event type already exists")),
            ({"event_type": "nope"}, (404, "event type does not exist")),
            ({"body": {"$x": 1}}, (400, "failed to update filter: unknown operator $x")),
        ):
            with nothing_changes():
                assert api.put(one, {"enabled_at": None} | sent).error == refusal
        assert api.put(f"{path}/nope", {}).error == NO_FILTER


class TestDelete(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    @pytest.fixture
    def call(self, one: str) -> Call:
        return lambda api: api.delete(one)

    def test_its_event_type_goes_with_it(self, api: API, path: str, one: str, subscription: Subscription) -> None:
        api.post(path, {"event_type": "b"})
        answer = api.delete(one)
        assert (answer.status, answer.message, answer.data) == (200, "Filter deleted successfully", None)
        assert types_of(subscription) == ["b"]
        assert api.delete(one).error == NO_FILTER


class TestBulkCreate(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    @pytest.fixture
    def call(self, path: str) -> Call:
        return lambda api: api.post(f"{path}/bulk", [{"event_type": "b"}, {"event_type": "c"}])

    def test_in_the_order_of_the_request(self, api: API, path: str, subscription: Subscription) -> None:
        answer = api.post(f"{path}/bulk", [{"event_type": "c", "body": GOLD}, {"event_type": "b", "enabled_at": None}])
        assert (answer.status, answer.message) == (201, "Filters created successfully")
        assert [(row["event_type"], row["body"]) for row in answer.data] == [
            ("c", {"customer.tier": "gold"}),
            ("b", {}),
        ]
        assert filters_of(subscription) == {"a": (True, {}), "b": (False, {}), "c": (True, {"body": GOLD})}
        assert types_of(subscription) == ["a", "c", "b"]

    @pytest.mark.parametrize(
        ("last", "refusal"),
        [
            ({"event_type": "nope"}, (404, "event type nope does not exist")),
            ({"event_type": "b"}, (400, "duplicate event type b in request")),
            ({"event_type": "a"}, (400, "filter for event type a already exists")),
            ({"event_type": "c", "body": {"$x": 1}}, (400, "failed to create filters: unknown operator $x")),
        ],
    )
    def test_all_or_none(self, api: API, path: str, last: dict[str, Any], refusal: tuple[int, str]) -> None:
        with nothing_changes():
            assert api.post(f"{path}/bulk", [{"event_type": "b"}, last]).error == refusal

    @pytest.mark.parametrize("rows", [1, 300])
    def test_statements(self, api: API, path: str, make_event_types: Callable[..., None], rows: int) -> None:
        names = [f"type {number}" for number in range(rows)]
        make_event_types(*names)
        with statements() as run:
            assert api.post(f"{path}/bulk", [{"event_type": name} for name in names]).status == 201
        assert run == [
            "SELECT projects_apikey",
            "LOCK subscriptions_subscription",
            "SELECT projects_eventtype",
            "SELECT subscriptions_filter",
            "INSERT subscriptions_filter",
            "UPDATE subscriptions_subscription",
            "INSERT activity_activity",
        ]


@pytest.mark.parametrize("method", ["POST", "PUT"])
class TestBulkUpdate(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    """By the verb that is published and by the one that the original takes."""

    @pytest.fixture
    def call(self, path: str, one: str, method: str) -> Call:
        return lambda api: api(method, f"{path}/bulk_update", [{"uid": one.rpartition("/")[2], "enabled_at": None}])

    @pytest.mark.slow
    def test_in_the_order_of_the_request(
        self, api: API, path: str, one: str, subscription: Subscription, method: str
    ) -> None:
        first, second = one.rpartition("/")[2], api.post(path, {"event_type": "b"}).data["uid"]
        sent = [{"uid": second, "event_type": "c", "body": GOLD}, {"uid": first, "enabled_at": None}]
        answer = api(method, f"{path}/bulk_update", sent)
        assert (answer.status, answer.message) == (200, "Filters updated successfully")
        assert answer.data == [api.get(f"{path}/{uid}").data for uid in (second, first)]
        assert filters_of(subscription) == {"a": (False, {}), "c": (True, {"body": GOLD})}
        assert types_of(subscription) == ["a", "c"]

    @pytest.mark.slow
    def test_all_or_none(self, api: API, path: str, one: str, method: str, make_subscription: MakeSubscription) -> None:
        uid, other = one.rpartition("/")[2], api.post(path, {"event_type": "b"}).data["uid"]
        foreign = make_subscription("a").filters.get().uid
        for last, refusal in (
            ({"uid": foreign}, (404, f"filter {foreign} not found")),
            ({"uid": other, "event_type": "nope"}, (404, "event type nope does not exist")),
            ({"uid": other, "event_type": "a"}, (400, "filter for event type a already exists")),
            ({"uid": uid}, (400, f"failed to update filters: filter {uid} is there twice")),
            ({"uid": ""}, (400, "uid:please provide the id of each filter")),
            ({"uid": other, "body": {"$x": 1}}, (400, "failed to update filters: unknown operator $x")),
        ):
            with nothing_changes():
                assert api(method, f"{path}/bulk_update", [{"uid": uid, "enabled_at": None}, last]).error == refusal
        twice = [{"uid": uid, "event_type": "c"}, {"uid": other, "event_type": "c"}]
        with nothing_changes():
            assert api(method, f"{path}/bulk_update", twice).error == (400, "duplicate event type c in request")


class TestTest(RefusesStrangers, RefusesOtherProjects):
    @pytest.fixture
    def call(self, path: str) -> Call:
        return lambda api: api.post(f"{path}/test/a", {"payload": {}})

    @pytest.mark.parametrize(
        ("rows", "expected"),
        [
            ({}, True),
            ({"b": True}, True),
            ({"a": True}, True),
            ({"a": False}, False),
            ({"*": True}, True),
            ({"*": False}, False),
            ({"a": False, "*": True}, True),
            ({"a": False, "*": False}, False),
            ({"A": False}, True),
        ],
    )
    def test_which_filter_counts(
        self, api: API, path: str, subscription: Subscription, rows: dict[str, bool], expected: bool
    ) -> None:
        """The exact one if it is enabled, else the one for all."""
        subscription.filters.all().delete()
        for name, enabled in rows.items():
            subscription.filters.create(event_type=name, enabled_at=subscription.created_at if enabled else None)
        with nothing_changes():
            answer = api.post(f"{path}/test/a", {"payload": {}})
        assert (answer.status, answer.message, answer.data) == (200, "Filter test completed", {"is_match": expected})

    def test_the_exact_filter_wins_over_the_one_for_all(
        self, api: API, path: str, one: str, subscription: Subscription
    ) -> None:
        subscription.filters.create(event_type="*", enabled_at=subscription.created_at)
        api.put(one, {"body": {"n": 1}})
        assert api.post(f"{path}/test/a", {"payload": {"n": 2}}).data == {"is_match": False}
        assert api.post(f"{path}/test/other", {"payload": {"n": 2}}).data == {"is_match": True}
        api.put(one, {"enabled_at": None})
        assert api.post(f"{path}/test/a", {"payload": {"n": 2}}).data == {"is_match": True}

    def test_all_scopes(self, viewer: API, api: API, path: str, one: str) -> None:
        api.put(one, {"body": {"n": 1}, "headers": {"X-A": "1"}, "query": {"q": "2"}, "path": {"path": "/in"}})
        request = {"body": {"n": 1}, "headers": {"x-a": "1"}, "query": {"q": "2"}, "path": {"path": "/in"}}
        matches = [({"request": request}, True), ({"payload": {"n": 1}}, False)]
        matches += [({"request": {"header": {"X-A": ["1", "2"]}} | {**request, "headers": None}}, True)]
        matches += [({"request": {**request, name: {}}}, False) for name in request]
        matches += [({"request": request, "payload": {"n": 2}}, True)]
        for sent, expected in matches:
            assert viewer.post(f"{path}/test/a", sent).data == {"is_match": expected}, sent

    def test_a_type_with_a_slash(self, api: API, project: Project, path: str) -> None:
        EventType.objects.create(project=project, name="user/created")
        created = api.post(path, {"event_type": "user/created", "body": {"n": 1}})
        assert created.status == 201
        for written in ("user%2Fcreated", "user/created"):
            for n in (1, 2):
                answer = api.post(f"{path}/test/{written}", {"payload": {"n": n}})
                assert answer.data == {"is_match": n == 1}

    @pytest.mark.parametrize("payload", [None, 1, "text", [], [1], True, {"a": {"$b": 1}}])
    def test_any_payload(self, api: API, path: str, payload: Any) -> None:
        assert api.post(f"{path}/test/a", {"payload": payload}).data == {"is_match": True}

    def test_of_a_subscription_that_is_not_there(self, api: API, subscriptions: str) -> None:
        assert api.post(f"{subscriptions}/nope/filters/test/a", {}).error == NO_SUBSCRIPTION


class TestTestFilter(RefusesStrangers, RefusesOtherProjects):
    """POST /subscriptions/test_filter"""

    @pytest.fixture
    def call(self, subscriptions: str) -> Call:
        return lambda api: api.post(f"{subscriptions}/test_filter", {"request": {}, "schema": {}})

    @pytest.mark.parametrize(
        ("request_", "schema", "expected"),
        [
            ({"body": {"amount": "150"}}, {"body": {"amount": {"$gte": 100}}}, True),
            ({"body": {"amount": 1}}, {"body": {"amount": {"$gte": 100}}}, False),
            ({"header": {"X-A": "1"}}, {"header": {"X-A": "1"}}, True),
            ({"headers": {"X-A": "1"}}, {"header": {"X-A": "1"}}, False),
            ({}, {"body": None}, True),
            ({"body": None}, {"body": {}}, False),
            ({"body": {"a": 1}}, {"body": {}}, True),
            ({"body": {"a": 1}}, {"body": {"a": 1}, "query": {"b": "2"}}, False),
            (None, None, True),
        ],
    )
    def test_whether_it_matches(
        self, viewer: API, subscriptions: str, request_: Any, schema: Any, expected: bool
    ) -> None:
        answer = viewer.post(f"{subscriptions}/test_filter", {"request": request_, "schema": schema})
        assert (answer.status, answer.message) == (200, "Filter validated successfully")
        assert answer.data is expected

    @pytest.mark.parametrize("schema", [{"body": {"a": {"$x": 1}}}, {"body": {"$or": {}}}, {"header": []}])
    def test_what_cannot_be_evaluated(self, api: API, subscriptions: str, schema: Any) -> None:
        status, message = api.post(f"{subscriptions}/test_filter", {"request": {}, "schema": schema}).error
        assert (status, message.partition(": ")[0]) == (400, "failed to validate subscription filter")


def test_functions_are_refused(api: API, subscriptions: str, project: Project) -> None:
    """No value that is sent runs a stranger's code."""
    for body in ({}, {"payload": {}, "function": "function transform(p){return p}", "type": ""}):
        status, message = api.post(f"{subscriptions}/test_function", body).error
        assert (status, message) == (
            400,
            "functions are not supported: no JavaScript is run here, leave the function empty",
        )

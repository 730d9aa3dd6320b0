"""GET, DELETE and toggle_status of /api/v1/projects/{projectID}/subscriptions/{subscriptionID}, and the list"""

from collections.abc import Callable

import pytest

from endpoints.models import Endpoint
from endpoints.operations import delete_endpoint, update_endpoint
from projects.models import Project
from subscriptions.models import Subscription
from tests.conftest import API, Answer
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers, RefusesViewers
from tests.statements import nothing_changes, statements
from tests.subscriptions.conftest import MakeSubscription

MakeEndpoint = Callable[..., Endpoint]
GONE = (404, "failed to find subscription")


@pytest.fixture
def subscription(make_subscription: MakeSubscription, endpoint: Endpoint) -> Subscription:
    return make_subscription("order.created", endpoint=endpoint, body={"amount": {"$gte": 1e300}}, path={"a": {"b": 1}})


@pytest.fixture
def path(subscriptions: str, subscription: Subscription) -> str:
    return f"{subscriptions}/{subscription.uid}"


class TestGet(RefusesStrangers, RefusesOtherProjects):
    @pytest.fixture
    def call(self, path: str) -> Call:
        return lambda api: api.get(path)

    def test_with_its_endpoint_and_none_of_the_secrets(
        self, api: API, project: Project, path: str, endpoint: Endpoint
    ) -> None:
        update_endpoint(
            project.uid, endpoint.uid, url="https://a.example.com/", name="A", support_email="ops@example.com"
        )
        answer = api.get(path)
        assert (answer.status, answer.message) == (200, "Subscription fetched successfully")
        data = answer.data
        shown = {name: value for name, value in data["endpoint_metadata"].items() if value}
        assert shown == {
            "uid": endpoint.uid,
            "name": "A",
            "project_id": project.uid,
            "url": "https://a.example.com/",
            "status": "active",
            "owner_id": "acme",
            "support_email": "ops@example.com",
            "created_at": "0001-01-01T00:00:00Z",
            "updated_at": "0001-01-01T00:00:00Z",
        }
        assert data["endpoint_metadata"]["secrets"] == []
        assert "the signing secret" not in answer.response.content.decode()
        assert "endpoint_id" not in data
        assert data["function"] is None

    def test_conditions_come_back_as_they_were_sent(self, api: API, path: str) -> None:
        """`query` and `path` too, and numbers that PostgreSQL writes out in three hundred digits."""
        assert api.get(path).data["filter_config"] == {
            "event_types": ["order.created"],
            "filter": {
                "is_flattened": True,
                "headers": {},
                "body": {"amount": {"$gte": 1e300}},
                "query": {},
                "path": {"a": {"b": 1}},
            },
        }

    def test_one_that_is_not_there(self, api: API, subscriptions: str, path: str) -> None:
        api.delete(path)
        for gone in (path, f"{subscriptions}/nope", f"{subscriptions}/{'a' * 5000}"):
            assert api.get(gone).error == GONE

    def test_deleting_the_endpoint_takes_it_along(
        self, api: API, project: Project, subscriptions: str, path: str, endpoint: Endpoint
    ) -> None:
        delete_endpoint(project.uid, endpoint.uid)
        assert api.get(path).error == GONE
        assert api.put(path, {"name": "new"}).error == (400, GONE[1])
        assert api.get(f"{path}/filters").error == (404, "subscription not found")
        assert api.get(subscriptions).data["content"] == []


class TestDelete(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    @pytest.fixture
    def call(self, path: str) -> Call:
        return lambda api: api.delete(path)

    def test_once(self, api: API, path: str, subscription: Subscription) -> None:
        answer = api.delete(path)
        assert (answer.status, answer.message, answer.data) == (200, "Subscription deleted successfully", None)
        subscription.refresh_from_db()
        assert subscription.deleted_at is not None
        assert api.delete(path).error == GONE


class TestToggle(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    @pytest.fixture
    def call(self, path: str) -> Call:
        return lambda api: api.put(f"{path}/toggle_status")

    def test_it_does_nothing(self, api: API, path: str) -> None:
        with nothing_changes():
            answer = api.put(f"{path}/toggle_status")
        assert (answer.status, answer.message) == (202, "Subscription status updated successfully")
        assert answer.data == {}

    def test_one_that_is_not_there(self, api: API, subscriptions: str) -> None:
        assert api.put(f"{subscriptions}/nope/toggle_status").error == GONE


def names(answer: Answer) -> list[str]:
    return [row["name"] for row in answer.data["content"]]


class TestList(RefusesStrangers, RefusesOtherProjects):
    @pytest.fixture
    def call(self, subscriptions: str) -> Call:
        return lambda api: api.get(subscriptions)

    def test_newest_first(self, viewer: API, subscriptions: str, make_subscription: MakeSubscription) -> None:
        made = [make_subscription("a", name=name) for name in ("first", "gone", "last")]
        Subscription.objects.filter(pk=made[1].pk).update(deleted_at=made[1].created_at)
        answer = viewer.get(subscriptions)
        assert (answer.status, answer.message) == (200, "Subscriptions fetched successfully")
        assert answer.data["content"] == [viewer.get(f"{subscriptions}/{made[n].uid}").data for n in (2, 0)]
        assert answer.data["pagination"]["has_next_page"] is False

    @pytest.mark.slow
    def test_pages(self, api: API, subscriptions: str, make_subscription: MakeSubscription) -> None:
        for number in range(5):
            make_subscription("a", name=str(number))
        first = api.get(f"{subscriptions}?perPage=2")
        cursor = first.data["pagination"]["next_page_cursor"]
        second = api.get(f"{subscriptions}?perPage=2&next_page_cursor={cursor}")
        assert (names(first), names(second)) == (["4", "3"], ["2", "1"])

    def test_of_some_endpoints(self, api: API, subscriptions: str, make_subscription: MakeSubscription) -> None:
        one, two, _ = (make_subscription("a", name=name) for name in ("one", "two", "three"))
        query = f"endpointId={one.endpoint_id}&endpointId={two.endpoint_id}&endpointId="
        assert names(api.get(f"{subscriptions}?{query}")) == ["two", "one"]
        assert names(api.get(f"{subscriptions}?endpointId=%20{one.endpoint_id}%20")) == ["one"]
        assert names(api.get(f"{subscriptions}?endpointId=nope")) == []
        assert len(names(api.get(f"{subscriptions}?endpointId="))) == 3

    @pytest.mark.parametrize(
        ("sent", "found"),
        [("ORDER", ["Orders"]), ("%25", ["100%"]), ("_", []), ("%20", ["100%", "Orders"]), ("nothing", [])],
    )
    def test_by_a_part_of_the_name(
        self, api: API, subscriptions: str, make_subscription: MakeSubscription, sent: str, found: list[str]
    ) -> None:
        for name in ("Orders", "100%"):
            make_subscription("a", name=name)
        assert names(api.get(f"{subscriptions}?name={sent}")) == found

    @pytest.mark.parametrize("rows", [1, 20])
    def test_statements(self, api: API, subscriptions: str, make_subscription: MakeSubscription, rows: int) -> None:
        for _ in range(rows):
            make_subscription("a", body={"a": 1})
        with statements() as run:
            assert len(api.get(f"{subscriptions}?perPage=20").data["content"]) == rows
        # The key with its project, the ids and sizes of the page, then its rows with their endpoints.
        assert run == ["SELECT projects_apikey", *["SELECT subscriptions_subscription"] * 2]

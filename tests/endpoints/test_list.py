"""GET /api/v1/projects/{projectID}/endpoints"""

from collections.abc import Callable

import pytest

from endpoints.models import Endpoint
from endpoints.operations import delete_endpoint
from projects.models import Project
from tests.conftest import API, Answer
from tests.endpoints.bodies import API_KEY, SHARED_SECRET
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers
from tests.statements import nothing_changes, statements

MakeEndpoint = Callable[..., Endpoint]


@pytest.fixture
def call(collection: str) -> Call:
    return lambda api: api.get(collection)


def names(answer: Answer) -> list[str]:
    return [entry["name"] for entry in answer.data["content"]]


class TestWorks:
    def test_newest_first_without_the_deleted(self, api: API, collection: str, make_endpoint: MakeEndpoint) -> None:
        first, gone, last = (make_endpoint(name=name) for name in ("first", "gone", "last"))
        delete_endpoint(gone.project_id, gone.uid)
        answer = api.get(collection)
        assert (answer.status, answer.message) == (200, "Endpoints fetched successfully")
        assert answer.data == {
            "content": [api.get(f"{collection}/{endpoint.uid}").data for endpoint in (last, first)],
            "pagination": {
                "per_page": 20,
                "has_next_page": False,
                "has_prev_page": False,
                "prev_page_cursor": last.uid,
                "next_page_cursor": first.uid,
            },
        }

    def test_of_a_project_without_endpoints(self, api: API, collection: str) -> None:
        assert api.get(collection).data == {
            "content": [],
            "pagination": {
                "per_page": 20,
                "has_next_page": False,
                "has_prev_page": False,
                "prev_page_cursor": "",
                "next_page_cursor": "",
            },
        }

    def test_pages_forth_and_back(self, api: API, collection: str, make_endpoint: MakeEndpoint) -> None:
        for number in range(5):
            make_endpoint(name=str(number))
        first = api.get(f"{collection}?perPage=2")
        cursor = first.data["pagination"]["next_page_cursor"]
        second = api.get(f"{collection}?perPage=2&next_page_cursor={cursor}&direction=next")
        assert (names(first), names(second)) == (["4", "3"], ["2", "1"])
        cursor = second.data["pagination"]["prev_page_cursor"]
        assert names(api.get(f"{collection}?perPage=2&prev_page_cursor={cursor}&direction=prev")) == ["4", "3"]

    def test_a_slash_at_the_end(self, api: API, collection: str, endpoint: Endpoint) -> None:
        assert api.get(f"{collection}/").data == api.get(collection).data

    def test_before_2024_04_endpoints_have_other_names(self, api: API, collection: str, endpoint: Endpoint) -> None:
        (seen,) = api.get(collection, X_Convoy_Version="2024-03-31").data["content"]
        assert (seen["target_url"], seen["title"]) == (endpoint.url, endpoint.name)
        assert seen.keys().isdisjoint({"url", "name"})
        assert seen["http_timeout"] == 0

    def test_before_2024_01_durations_are_text(self, api: API, collection: str, make_endpoint: MakeEndpoint) -> None:
        make_endpoint(http_timeout=90)
        (seen,) = api.get(collection, X_Convoy_Version="2023-12-31").data["content"]
        assert (seen["http_timeout"], seen["rate_limit_duration"]) == ("1m30s", "0s")


class TestFilters:
    @pytest.fixture(autouse=True)
    def rows(self, make_endpoint: MakeEndpoint) -> None:
        for name, owner in (("Orders", "acme"), ("orders again", "globex"), ("50% off_", "acme"), ("Ümläut", "")):
            make_endpoint(name=name, owner_id=owner)

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("", ["Ümläut", "50% off_", "orders again", "Orders"]),
            ("?q=order", ["orders again", "Orders"]),
            ("?q=%20ORDER%20", ["orders again", "Orders"]),
            ("?q=", ["Ümläut", "50% off_", "orders again", "Orders"]),
            ("?q=%20", ["Ümläut", "50% off_", "orders again", "Orders"]),
            ("?q=%25", ["50% off_"]),
            ("?q=_", ["50% off_"]),
            ("?q=\\", []),
            ("?q='", []),
            ("?q=%C3%9CML", ["Ümläut"]),
            ("?q=hooks.example.com", []),
            ("?ownerId=acme", ["50% off_", "Orders"]),
            ("?ownerId=ACME", []),
            ("?ownerId=acm", []),
            ("?ownerId=", ["Ümläut", "50% off_", "orders again", "Orders"]),
            ("?ownerId=acme&q=order", ["Orders"]),
            ("?q=nope&q=order", ["orders again", "Orders"]),
            ("?sort=ASC", ["Ümläut", "50% off_", "orders again", "Orders"]),
            ("?perPage=1&q=order", ["orders again"]),
            ("?q=%FF%ED%A0%80", []),
            ("?q=" + "x" * 5000, []),
        ],
    )
    def test_name_and_owner(self, api: API, collection: str, query: str, found: list[str]) -> None:
        assert names(api.get(collection + query)) == found

    def test_they_hold_for_what_comes_before_and_after(self, api: API, collection: str) -> None:
        first = api.get(f"{collection}?ownerId=acme&perPage=1").data
        assert first["pagination"]["has_next_page"] is True
        assert first["pagination"]["has_prev_page"] is False
        cursor = first["pagination"]["next_page_cursor"]
        last = api.get(f"{collection}?ownerId=acme&perPage=1&next_page_cursor={cursor}")
        assert names(last) == ["Orders"]
        assert last.data["pagination"]["has_prev_page"] is True
        assert last.data["pagination"]["has_next_page"] is False

    @pytest.mark.parametrize("query", ["?q=%00", "?ownerId=a%00b", "?next_page_cursor=%00", "?%00"])
    def test_a_nul_in_the_query(self, api: API, collection: str, query: str) -> None:
        with nothing_changes():
            assert api.get(collection + query).error == (400, "the request URL contains a NUL character")


class TestAuthentication(RefusesStrangers, RefusesOtherProjects):
    def test_a_viewer_may_and_sees_no_secret(
        self, api: API, viewer: API, collection: str, make_endpoint: MakeEndpoint
    ) -> None:
        make_endpoint(secret="the signing secret", authentication=API_KEY)
        make_endpoint(secret="the signing secret", authentication=SHARED_SECRET)
        seen = viewer.get(collection)
        for endpoint in seen.data["content"]:
            assert [secret["value"] for secret in endpoint["secrets"]] == ["[REDACTED]"]
        for hidden in (b"the signing secret", b"the value", b"the client secret"):
            assert hidden not in seen.response.content
        shown = api.get(collection).response.content
        assert b"the signing secret" in shown
        assert b"the value" in shown
        assert b"the client secret" not in shown


class TestAnotherTenant:
    def test_sees_its_own_alone(
        self,
        api: API,
        other_api: API,
        collection: str,
        project: Project,
        other_project: Project,
        make_endpoint: MakeEndpoint,
    ) -> None:
        make_endpoint(name="ours", owner_id="acme")
        make_endpoint(name="theirs", owner_id="acme", project_id=other_project.uid)
        elsewhere = collection.replace(project.uid, other_project.uid)
        for query in ("", "?q=s", "?ownerId=acme"):
            assert names(api.get(collection + query)) == ["ours"]
            assert names(other_api.get(elsewhere + query)) == ["theirs"]

    def test_a_cursor_into_another_project_is_only_compared(
        self, api: API, collection: str, other_project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        older = make_endpoint(name="ours")
        foreign = make_endpoint(project_id=other_project.uid)
        page = api.get(f"{collection}?next_page_cursor={foreign.uid}")
        assert [entry["uid"] for entry in page.data["content"]] == [older.uid]
        assert page.data["pagination"]["has_prev_page"] is False


class TestStatements:
    @pytest.mark.parametrize("count", [1, 20])
    def test_the_key_the_page_and_its_documents(
        self, api: API, collection: str, make_endpoint: MakeEndpoint, count: int
    ) -> None:
        for _ in range(count):
            make_endpoint(authentication=API_KEY)
        with statements() as found:
            answer = api.get(f"{collection}?q=orders")
        assert len(answer.data["content"]) == count
        assert found == ["SELECT projects_apikey", "SELECT endpoints_endpoint", "SELECT endpoints_endpoint"]

    def test_an_empty_page_needs_no_documents(self, api: API, collection: str) -> None:
        with statements() as found:
            api.get(collection)
        assert found == ["SELECT projects_apikey", "SELECT endpoints_endpoint"]

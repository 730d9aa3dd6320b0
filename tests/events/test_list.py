"""GET /api/v1/projects/{projectID}/events, and GET …/events/{eventID}"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from core.api.values import wire_time
from core.ulid import first_ulid_at
from endpoints.models import Endpoint
from events import views
from events.documents import NO_SOURCE
from events.models import Event
from projects.models import Project
from tests.conftest import API, Answer
from tests.events.conftest import MakeSubscription, Post, newest
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers
from tests.statements import nothing_changes, statements

MakeEndpoint = Callable[..., Endpoint]
MakeEvent = Callable[..., Event]

CONNECTING = ("dbname", "user", "password", "host", "port")


@pytest.fixture
def call(path: str) -> Call:
    return lambda api: api.get(path)


@pytest.fixture
def make_event(project: Project) -> MakeEvent:
    """Makes an event that came in `at` a moment."""

    def make(*, at: datetime | None = None, **fields: Any) -> Event:
        if at is not None:
            # The lowest id of that millisecond, or the one after those that are there.
            taken = Event.objects.filter(pk__startswith=first_ulid_at(at)[:10]).count()
            fields |= {"uid": f"{first_ulid_at(at)[:-4]}{taken:04}", "created_at": at, "updated_at": at}
        given = {"project": project, "channel": "direct", "event_type": "a", "data": "{}", "status": "Success"}
        return Event.objects.create(**given | fields)

    return make


def uids(answer: Answer) -> list[str]:
    return [event["uid"] for event in answer.data["content"]]


class TestDocument:
    def test_an_event(self, api: API, path: str, post: Post, project: Project, endpoint: Endpoint) -> None:
        answer = api.post(
            path,
            b'{"endpoint_id":"%s","event_type":"invoice.paid","data": { "b": 1.50, "a": [1e3] },'
            b'"custom_headers":{"X-Tenant":"acme"},"idempotency_key":"key"}' % endpoint.uid.encode(),
        )
        event = newest()
        created_at = wire_time(event.created_at)
        seen = api.get(f"{path}/{answer.data['uid']}")
        assert (seen.status, seen.message) == (200, "Endpoint event fetched successfully")
        assert seen.data == {
            "uid": event.uid,
            "event_type": "invoice.paid",
            "project_id": project.uid,
            "endpoints": [endpoint.uid],
            "headers": {"X-Tenant": ["acme"]},
            "source_metadata": NO_SOURCE,
            "url_query_params": "",
            "url_path": "",
            "idempotency_key": "key",
            "is_duplicate_event": False,
            "data": {"b": 1.5, "a": [1000.0]},
            "status": "Success",
            "acknowledged_at": created_at,
            "created_at": created_at,
            "updated_at": created_at,
            "deleted_at": None,
        }
        assert b'"data":{"b":1.50,"a":[1e3]}' in seen.response.content
        assert api.get(path).data["content"] == [seen.data]

    def test_one_that_has_failed_says_why(
        self, api: API, path: str, post: Post, endpoint: Endpoint, subscribe: MakeSubscription
    ) -> None:
        subscribe(endpoint, {"other": {}})
        uid = post(endpoint_id=endpoint.uid).data["uid"]
        assert api.get(f"{path}/{uid}").data["failure_reason"] == "no subscription matched this event"

    def test_one_that_is_not_there(self, api: API, path: str, make_event: MakeEvent, other_project: Project) -> None:
        foreign = make_event(project=other_project)
        for uid in ("unknown", foreign.uid):
            assert api.get(f"{path}/{uid}").error == (404, "event not found")


class TestPages:
    def test_newest_first(self, api: API, path: str, make_event: MakeEvent) -> None:
        rows = [make_event().uid for _ in range(3)]
        answer = api.get(f"{path}?perPage=2")
        assert (answer.status, answer.message) == (200, "App events fetched successfully")
        assert uids(answer) == [rows[2], rows[1]]
        assert answer.data["pagination"] == {
            "per_page": 2,
            "has_next_page": True,
            "has_prev_page": False,
            "prev_page_cursor": rows[2],
            "next_page_cursor": rows[0],
        }
        second = api.get(f"{path}?perPage=2&next_page_cursor={rows[0]}")
        assert uids(second) == [rows[0]]
        assert second.data["pagination"]["has_prev_page"] is True

    def test_oldest_first(self, api: API, path: str, make_event: MakeEvent) -> None:
        rows = [make_event().uid for _ in range(3)]
        first = api.get(f"{path}?perPage=2&sort=asc")
        assert uids(first) == rows[:2]
        cursor = first.data["pagination"]["next_page_cursor"]
        assert uids(api.get(f"{path}?perPage=2&sort=ASC&next_page_cursor={cursor}")) == rows[2:]

    def test_a_slash_at_the_end(self, api: API, path: str, make_event: MakeEvent) -> None:
        make_event()
        assert api.get(f"{path}/").data == api.get(path).data


class TestWindow:
    def test_seven_days_and_today(self, api: API, path: str, make_event: MakeEvent) -> None:
        midnight = timezone.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        start = midnight - timedelta(days=7)
        make_event(at=start - timedelta(seconds=1))
        inside = [make_event(at=start).uid, make_event(at=midnight + timedelta(days=1, seconds=-1)).uid]
        make_event(at=midnight + timedelta(days=1))
        assert uids(api.get(path)) == inside[::-1]

    def test_both_bounds_belong_to_it(self, api: API, path: str, make_event: MakeEvent) -> None:
        def at(second: int, microsecond: int = 0) -> datetime:
            return datetime(2026, 1, 2, 3, 4, second, microsecond, tzinfo=UTC)

        make_event(at=at(4, 999_000))
        inside = [make_event(at=at(5)).uid, make_event(at=at(7)).uid, make_event(at=at(7, 999_000)).uid]
        make_event(at=at(8))
        query = "startDate=2026-01-02T03:04:05&endDate=2026-01-02T03:04:07"
        assert uids(api.get(f"{path}?{query}")) == inside[::-1]

    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ("startDate=2026-01-02", "please specify a startDate in the format 2006-01-02T15:04:05"),
            ("startDate=2026-01-02T03:04:05Z", "please specify a startDate in the format 2006-01-02T15:04:05"),
            ("startDate=2026-02-30T03:04:05", "please specify a startDate in the format 2006-01-02T15:04:05"),
            ("endDate=x", "please specify a correct endDate in the format 2006-01-02T15:04:05 or none at all"),
            (
                "startDate=2026-01-02T03:04:05&endDate=2026-01-01T03:04:05",
                "startDate cannot be greater than endDate",
            ),
        ],
    )
    def test_what_is_no_window(self, api: API, path: str, query: str, message: str) -> None:
        for where in (path, f"{path}/countbatchreplayevents"):
            assert api.get(f"{where}?{query}").error == (400, message)
        with nothing_changes():
            assert api.post(f"{path}/batchreplay?{query}").error == (400, message)

    @pytest.mark.parametrize("query", ["startDate=0001-01-01T00:00:00&endDate=9999-12-31T23:59:59"])
    def test_all_times(self, api: API, path: str, make_event: MakeEvent, query: str) -> None:
        make_event()
        assert len(uids(api.get(f"{path}?{query}"))) == 1


class TestFilters:
    @pytest.fixture(autouse=True)
    def rows(self, make_event: MakeEvent, make_endpoint: MakeEndpoint) -> dict[str, str]:
        acme, globex = make_endpoint(owner_id="acme"), make_endpoint(owner_id="globex")
        made = {
            "first": make_event(endpoints=[acme.uid], idempotency_key="Key-1", event_type="invoice.paid"),
            "second": make_event(endpoints=[globex.uid, acme.uid, acme.uid], event_type="invoice.Sent"),
            "third": make_event(endpoints=[globex.uid], headers={"X-Broker-Message-Id": ["m1"]}),
            "fourth": make_event(headers={"x-broker-message-id": ["m1", "m2"]}, data='{"50%_":{"b":[1,"x"]},"n":null}'),
        }
        return {name: row.uid for name, row in made.items()} | {"acme": acme.uid, "globex": globex.uid}

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("endpointId={acme}", "second first"),
            ("endpointId={acme}&endpointId={globex}", "third second first"),
            ("endpointId=%20{acme}%20", "second first"),
            ("endpointId=nope", ""),
            ("endpointId=", "fourth third second first"),
            ("endpointId={globex}&endpointId=", "third second"),
            ("ownerId=globex", "third second"),
            ("ownerId=nobody", ""),
            ("sourceId=x", ""),
            ("sourceId=", "fourth third second first"),
            ("idempotencyKey=Key-1", "first"),
            ("idempotencyKey=key-1", ""),
            ("brokerMessageId=m1", "fourth third"),
            ("brokerMessageId=m3", ""),
            ("query={second}", "second"),
            ("query=key", "first"),
            ("query=INVOICE", "second first"),
            ("query=invoice&endpointId={globex}", "second"),
            ("query=%25", ""),
            ("query=_", ""),
            ("query=nope", ""),
            ('query={{"n":null}}', "fourth"),
            ('query=a {{"n":null}}', "fourth"),
            ('query=b {{"n":null}}', ""),
            ("query={{}}", ""),
            ("query={{nonsense}}", ""),
            ('body={{"50%25_":{{"b":[1]}}}}', "fourth"),
            ('body={{"50%25_":{{"b":[1.0]}}}}', "fourth"),
            ('body={{"50%25_":{{"b":["x",1]}}}}', "fourth"),
            ('body={{"50%25_":{{"b":["1"]}}}}', ""),
            ('body={{"n":"\\u0000"}}', ""),
            ('body={{"n":1e-99999}}', ""),
            ('body={{"n":null}}&query={{"x":1}}', ""),
            ('body={{"n":null}}&idempotencyKey=x', ""),
        ],
    )
    def test_what_is_found(self, api: API, path: str, rows: dict[str, str], query: str, found: str) -> None:
        answer = api.get(f"{path}?{quote(query.format(**rows), safe='=&%')}")
        assert uids(answer) == [rows[name] for name in found.split()]

    @pytest.mark.parametrize("body", ["{}", "[]", "1", "x", "null", '{"a":', '{"a":1e999}', '{"a":"\\ud800"}'])
    def test_a_body_that_is_no_object(self, api: API, path: str, body: str) -> None:
        assert api.get(f"{path}?body={quote(body)}").error == (400, "body must be a nonempty JSON object")

    def test_payloads_that_jsonb_cannot_hold_are_passed_over(
        self, api: API, path: str, make_event: MakeEvent, rows: dict[str, str]
    ) -> None:
        nul, zero, tiny = r'{"n":null,"a":"\u0000"}', '{"n":null,"a":0e99999}', '{"n":null,"a":1e-99999}'
        for data in (nul, zero, tiny, "[" * 1000 + "]" * 1000):
            make_event(data=data)
        wanted = quote('{"n":null}')
        found = uids(api.get(f"{path}?body={wanted}"))
        assert rows["fourth"] in found
        assert len(uids(api.get(path))) == 8


@pytest.mark.django_db(transaction=True)
def test_a_search_that_takes_too_long_is_given_up(
    api: API, path: str, make_event: MakeEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another transaction holds the table, so that the search has to wait for longer than it may."""
    make_event()
    parameters = {name: value for name, value in connection.get_connection_params().items() if name in CONNECTING}
    with psycopg.connect(**parameters) as other, monkeypatch.context() as patch:
        patch.setattr(views, "SECONDS_TO_SEARCH", 0.5)
        other.execute("LOCK TABLE events_event IN ACCESS EXCLUSIVE MODE")
        answer = api.get(f"{path}?query=x")
    assert answer.error == (504, "Search took too long. Narrow the time range or search term.")
    assert api.get(f"{path}?query=x").status == 200


class TestAuthentication(RefusesStrangers, RefusesOtherProjects):
    def test_a_viewer_may(self, viewer: API, path: str, make_event: MakeEvent) -> None:
        event = make_event()
        assert uids(viewer.get(path)) == [event.uid]
        assert viewer.get(f"{path}/{event.uid}").status == 200


class TestAnotherTenant:
    def test_sees_its_own_alone(
        self, api: API, path: str, make_event: MakeEvent, other_api: API, other_project: Project
    ) -> None:
        ours, theirs = make_event(), make_event(project=other_project)
        for query in ("", "?query=a", '?body={"a":1}', f"?endpointId={ours.uid}"):
            assert theirs.uid not in api.get(path + query).response.content.decode()
        assert uids(other_api.get(f"/projects/{other_project.uid}/events")) == [theirs.uid]


class TestStatements:
    @pytest.mark.parametrize("count", [1, 20])
    def test_the_key_the_page_and_its_documents(self, api: API, path: str, make_event: MakeEvent, count: int) -> None:
        for _ in range(count):
            make_event()
        with statements() as found:
            answer = api.get(path)
        assert len(uids(answer)) == count
        # The limit of time is set, and in a test's transaction taken back.
        assert [found for found in found if found != "SELECT"] == [
            "SELECT projects_apikey",
            "SELECT events_event",
            "SELECT events_event",
        ]
        assert len(found) == 5

    def test_one_event(self, api: API, path: str, make_event: MakeEvent) -> None:
        event = make_event()
        with statements() as found:
            api.get(f"{path}/{event.uid}")
        assert found == ["SELECT projects_apikey", "SELECT events_event"]

"""Callers that a process remembers: what they do without a lookup, and that nothing outlives the rights of a key.

Contract: docs/contract/conventions.md#authentication; docs/adr/0016.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from django.db import connection
from django.db.backends.signals import connection_created
from django.db.models import QuerySet
from django.urls import get_resolver
from django.utils import timezone
from pytest_django import Settings

from activity.models import Activity
from core.api.values import REDACTED
from core.share import MOST_SLOW
from core.tokens import digest
from endpoints.operations import create_endpoint
from events.models import Event, EventDelivery
from portal_links.models import PortalLink, PortalSession
from portal_links.operations import create_portal_link, revoke_portal_link
from portal_links.views import PortalLinkDetail
from projects import authentication, remembered, request_limit
from projects.convoy_view import ConvoyView
from projects.exceptions import OwnerKey, ReadOnlyKey
from projects.keys import Caller, find_caller, make_key
from projects.models import APIKey, Project
from projects.operations import create_api_key, delete_project, revoke_api_key
from projects.remembered import Callers, callers
from subscriptions.operations import create_subscription
from tests.concurrency import at_once
from tests.conftest import API, Answer, Role
from tests.statements import nothing_changes, statements

UNAUTHORIZED = (401, "authorization failed")


class Call(NamedTuple):
    """A call whose caller may be remembered."""

    method: str
    path: str
    body: Any
    #: Its own statements once the caller is remembered.
    statements: list[str]


def calls(project: Project) -> dict[str, Call]:
    """A call that succeeds of each handler that proves its caller, by its view and method."""
    root = f"/projects/{project.uid}"
    link = create_portal_link(project.uid, name="Acme", owner_id="acme").link
    new = {"name": "Acme", "owner_id": "acme"}
    endpoint = create_endpoint(project.uid, url="https://example.com/hook", name="Globex", owner_id="globex")
    create_subscription(project.uid, name="All", endpoint_id=endpoint.uid)
    event = {"endpoint_id": endpoint.uid, "event_type": "order.paid", "data": {"id": 1}}
    fanout = {"owner_id": "globex", "event_type": "order.paid", "data": {"id": 1}}
    return {
        "PortalLinks POST": Call("POST", f"{root}/portal-links", new, ["WITH portal_links_portallink"]),
        "PortalLinkDetail GET": Call(
            "GET", f"{root}/portal-links/{link.uid}", None, ["SELECT portal_links_portallink"]
        ),
        "Events POST": Call("POST", f"{root}/events", event, ["WITH projects_project"]),
        "FanoutEvents POST": Call("POST", f"{root}/events/fanout", fanout, ["WITH projects_project"]),
    }


NAMES = ["Events POST", "FanoutEvents POST", "PortalLinks POST", "PortalLinkDetail GET"]


@pytest.fixture(autouse=True)
def nobody_remembered() -> Iterator[None]:
    """Begin and end each test with nobody remembered."""
    callers.forget()
    yield
    callers.forget()


@pytest.fixture
def key(api: API) -> APIKey:
    """The key that `api` calls with."""
    return APIKey.objects.get(name="admin")


@pytest.fixture(params=NAMES)
def call(request: pytest.FixtureRequest, project: Project) -> Call:
    """Each of the calls."""
    return calls(project)[request.param]


@pytest.fixture
def warm(api: API, call: Call) -> Callable[[], Answer]:
    """Have the caller of `call` remembered; returns the call, to be made again."""

    def again() -> Answer:
        return api(call.method, call.path, call.body)

    assert again().status in (200, 201)
    return again


def test_every_handler_that_proves_its_caller_has_a_row(project: Project) -> None:
    def all_of(view: type[ConvoyView]) -> Iterator[type[ConvoyView]]:
        for one in view.__subclasses__():
            yield one
            yield from all_of(one)

    assert get_resolver().url_patterns, "this has read every view"
    # A view of another surface that inherits a handler authenticates by itself, and remembers nobody.
    proving = {f"{view.__name__} {method}" for view in all_of(ConvoyView) for method in view.__dict__.get("proves", ())}
    assert proving == set(NAMES) == set(calls(project))


class TestWorks:
    def test_the_key_is_read_once(self, warm: Callable[[], Answer], call: Call) -> None:
        for _ in range(2):
            with statements() as found:
                assert warm().status in (200, 201)
            assert found == call.statements

    def test_a_key_of_the_instance(self, project: Project, call: Call) -> None:
        api = API(create_api_key(name="instance", role=Role.INSTANCE_ADMIN)[1])
        api(call.method, call.path, call.body)
        with statements() as found:
            assert api(call.method, call.path, call.body).status in (200, 201)
        assert found == call.statements

    def test_others_are_looked_up_each_time(self, viewer: API, project: Project) -> None:
        call = calls(project)["PortalLinkDetail GET"]
        for _ in range(2):
            with statements() as found:
                viewer(call.method, call.path)
            assert found == ["SELECT projects_apikey", *call.statements]

    def test_the_activity_names_the_key(self, warm: Callable[[], Answer], key: APIKey, project: Project) -> None:
        warm()
        made = Activity.objects.filter(project=project, actor_kind="api_key")
        assert set(made.values_list("actor_uid", "actor_name")) <= {(key.uid, key.name)}


class TestWhatEndsAKey:
    """The next request of a caller that is remembered is refused, and changes nothing."""

    @pytest.fixture
    def keys(self, key: APIKey) -> "QuerySet[APIKey]":
        return APIKey.objects.filter(pk=key.pk)

    def refused(self, again: Callable[[], Answer], error: tuple[int, str]) -> None:
        for _ in range(2):
            with nothing_changes():
                assert again().error == error

    def test_it_is_revoked(self, warm: Callable[[], Answer], key: APIKey) -> None:
        revoke_api_key(key.uid)
        self.refused(warm, UNAUTHORIZED)

    def test_it_is_deleted(self, warm: Callable[[], Answer], keys: "QuerySet[APIKey]") -> None:
        keys.delete()
        self.refused(warm, UNAUTHORIZED)

    def test_its_time_is_over(
        self, warm: Callable[[], Answer], api: API, project: Project, keys: "QuerySet[APIKey]"
    ) -> None:
        # In a test's transaction now() stands still. The row is written, and its version remembered nevertheless.
        keys.update(expires_at=timezone.now() - timedelta(hours=1))
        key = api.headers["Authorization"].removeprefix("Bearer ")
        place = digest(key), project.uid
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT concat(pg_postmaster_start_time(), k.xmin, k.ctid, t.xmin, t.ctid) "
                "FROM projects_apikey k, projects_project t "
                "WHERE k.name = 'admin' AND t.uid = %s",
                [project.uid],
            )
            [(version,)] = cursor.fetchall()
        callers._known[place] = replace(callers._known[place], version=version)
        self.refused(warm, UNAUTHORIZED)
        assert place not in callers._known

    def test_its_project_is_deleted(self, warm: Callable[[], Answer], project: Project) -> None:
        delete_project(project.uid)
        self.refused(warm, UNAUTHORIZED)

    def test_the_project_of_a_call_by_an_instance_key_is_deleted(self, project: Project, call: Call) -> None:
        api = API(create_api_key(name="instance", role=Role.INSTANCE_ADMIN)[1])
        api(call.method, call.path, call.body)
        delete_project(project.uid)
        self.refused(lambda: api(call.method, call.path, call.body), (404, "project not found"))

    def test_it_may_only_read(self, warm: Callable[[], Answer], call: Call, keys: "QuerySet[APIKey]") -> None:
        keys.update(role=Role.PROJECT_VIEWER)
        if call.method == "POST":
            self.refused(warm, (403, ReadOnlyKey.message))
        else:
            assert warm().data["token"] == REDACTED

    def test_it_is_bound_to_an_owner(self, warm: Callable[[], Answer], keys: "QuerySet[APIKey]") -> None:
        keys.update(owner_id="acme")
        self.refused(warm, (403, OwnerKey.message))

    def test_it_moves_to_another_project(
        self, warm: Callable[[], Answer], other_project: Project, keys: "QuerySet[APIKey]"
    ) -> None:
        keys.update(project=other_project)
        self.refused(warm, (404, "project not found"))

    def test_another_key_takes_its_row(self, warm: Callable[[], Answer], keys: "QuerySet[APIKey]") -> None:
        keys.update(digest=b"x" * 32)
        self.refused(warm, UNAUTHORIZED)

    def test_it_is_not_counted(self, warm: Callable[[], Answer], keys: "QuerySet[APIKey]", settings: Settings) -> None:
        settings.API_RATE_LIMIT = 1
        keys.delete()
        with nothing_changes():
            assert warm().error == UNAUTHORIZED

    def test_it_is_refused_for_that_and_not_for_a_limit(
        self, warm: Callable[[], Answer], key: APIKey, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(request_limit, "WINDOW_SECONDS", 1)
        settings.API_RATE_LIMIT = 1
        assert [warm().status in (200, 201), warm().status] == [True, 429]
        revoke_api_key(key.uid)
        self.refused(warm, UNAUTHORIZED)

    def test_it_is_refused_for_that_where_its_project_is_too_busy(
        self, warm: Callable[[], Answer], key: APIKey, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(MOST_SLOW, "project", 0)
        assert warm().status == 429
        revoke_api_key(key.uid)
        self.refused(warm, UNAUTHORIZED)

    def test_it_is_revoked_after_it_was_remembered_and_before_the_work(
        self, warm: Callable[[], Answer], key: APIKey, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        find = Callers.find

        def find_and_revoke(self: Callers, *found: str) -> Caller | None:
            caller = find(self, *found)
            APIKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now())
            return caller

        monkeypatch.setattr(Callers, "find", find_and_revoke)
        with nothing_is_made():
            assert warm().error == UNAUTHORIZED

    @pytest.mark.django_db(transaction=True)
    def test_it_is_revoked_while_others_call(self, warm: Callable[[], Answer], key: APIKey) -> None:
        is_revoked = threading.Event()

        def last(number: int) -> Answer:
            if number == 0:
                try:
                    assert {warm().status for _ in range(20)} <= {200, 201}
                    revoke_api_key(key.uid)
                finally:
                    is_revoked.set()
            while not is_revoked.is_set():
                assert warm().status in (200, 201, 401)
            return warm()

        assert [answer.error for answer in at_once(4, last)] == [UNAUTHORIZED] * 4


class TestNobodyIsRefusedForBeingRemembered:
    def test_a_change_of_the_key_or_the_project_is_read(
        self, warm: Callable[[], Answer], key: APIKey, project: Project, call: Call
    ) -> None:
        for row in (key, project):
            row.save()
            with statements() as found:
                assert warm().status in (200, 201)
            assert found[-len(call.statements) - 1 :] == ["SELECT projects_apikey", *call.statements]
            with statements() as found:
                assert warm().status in (200, 201)
            assert found == ["SELECT projects_apikey", *call.statements], "it was forgotten, and read now"
            with statements() as found:
                assert warm().status in (200, 201)
            assert found == call.statements

    @pytest.mark.parametrize("is_known", [False, True], ids=["not yet known", "known"])
    def test_a_change_between_the_lookup_and_the_work(
        self, is_known: bool, api: API, project: Project, call: Call, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if is_known:
            assert api(call.method, call.path, call.body).status in (200, 201)
            project.save()

        def find_and_save(*args: Any, **named: Any) -> Caller | None:
            caller = find_caller(*args, **named)
            project.save()
            return caller

        for module in (remembered, authentication):
            monkeypatch.setattr(module, "find_caller", find_and_save)
        assert api(call.method, call.path, call.body).status in (200, 201)

    def test_a_link_that_is_not_there(self, api: API, project: Project, settings: Settings) -> None:
        call = calls(project)["PortalLinkDetail GET"]
        assert api(call.method, call.path).status == 200
        revoke_portal_link(project.uid, call.path.rpartition("/")[2])
        settings.API_RATE_LIMIT = 1
        assert api(call.method, call.path).error == (404, "Resource not found")
        with connection.cursor() as cursor:
            cursor.execute("SELECT requests FROM projects_apiratewindow")
            assert cursor.fetchall() == [(1,)], "a request that runs again is counted once"

    def test_but_for_what_is_too_much(
        self, warm: Callable[[], Answer], call: Call, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(request_limit, "WINDOW_SECONDS", 2)
        settings.API_RATE_LIMIT = 1
        assert [warm().status in (200, 201) for _ in range(2)] == [True, True]
        for _ in range(2):
            with nothing_is_made():
                assert warm().status == 429

    def test_a_body_that_is_refused(self, api: API, project: Project) -> None:
        call = calls(project)["PortalLinks POST"]
        assert api(call.method, call.path, call.body).status == 201
        answer = api(call.method, call.path, {"name": ""})
        assert answer.status == 400


class TestMemory:
    def test_a_new_connection_forgets(self, warm: Callable[[], Answer]) -> None:
        assert callers._known
        connection_created.send(sender=type(connection), connection=connection)
        assert not callers._known

    def test_another_server_behind_the_same_connection(self, warm: Callable[[], Answer], call: Call) -> None:
        # A pooler keeps its clients' connections while its server is replaced by one that was restored.
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE SCHEMA restored; CREATE FUNCTION restored.pg_postmaster_start_time() RETURNS timestamptz "
                "LANGUAGE sql STABLE AS $$SELECT pg_catalog.pg_postmaster_start_time() + interval '1 hour'$$; "
                "SET LOCAL search_path = restored, public, pg_catalog"
            )
        with statements() as found:
            assert warm().status in (200, 201)
        assert found[-len(call.statements) - 1 :] == ["SELECT projects_apikey", *call.statements]

    def test_a_new_connection_forgets_who_is_read_meanwhile(
        self, api: API, project: Project, call: Call, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def find_and_connect(*args: Any, **named: Any) -> Caller | None:
            caller = find_caller(*args, **named)
            connection_created.send(sender=type(connection), connection=connection)
            return caller

        monkeypatch.setattr(remembered, "find_caller", find_and_connect)
        assert api(call.method, call.path, call.body).status in (200, 201)
        assert not callers._known

    def test_it_has_a_bound(self, api: API, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(remembered, "MOST_CALLERS", 2)
        for number in range(5):
            key = create_api_key(name=str(number), role=Role.PROJECT_ADMIN, project=project)[1]
            assert callers.find(key, project.uid) is not None
            assert len(callers._known) <= 2

    def test_keys_that_do_not_work_are_not_remembered(self, project: Project) -> None:
        for wrong in ("", "CO.a.b", make_key()[1]):
            assert callers.find(wrong, project.uid) is None
        assert not callers._known

    def test_a_handler_that_proves_nothing_never_answers(
        self, api: API, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        call = calls(project)["PortalLinkDetail GET"]
        monkeypatch.setattr(PortalLinkDetail, "proves", ("GET", "PUT"))
        api(call.method, call.path)
        assert api("PUT", call.path, {"name": "Acme", "owner_id": "acme"}).status == 500


@contextmanager
def nothing_is_made() -> Iterator[None]:
    """The block stores nothing that a call makes."""
    made = (PortalLink, Activity, PortalSession, Event, EventDelivery)
    before = [list(model.objects.values()) for model in made]
    yield
    assert [list(model.objects.values()) for model in made] == before

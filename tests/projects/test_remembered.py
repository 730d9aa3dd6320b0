"""Callers that a process remembers: what they do without a lookup, and that nothing outlives the rights of a key.

Contract: docs/contract/conventions.md#authentication; docs/adr/0016.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

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
from events.models import Event
from portal_links.operations import revoke_portal_link
from portal_links.views import PortalLinkDetail
from projects import authentication, remembered, request_limit
from projects.convoy_view import ConvoyView
from projects.exceptions import ReadOnlyKey
from projects.keys import Caller, find_caller, make_key
from projects.models import APIKey, Project
from projects.operations import create_api_key, delete_project, revoke_api_key
from projects.remembered import Callers, callers
from svix_api.base import TokenNotValid
from tests.concurrency import at_once
from tests.conftest import API, Answer, Role
from tests.projects.proving_calls import IN_A_PATH, OF_A_KEY, Call, calls, nothing_is_made, refusal
from tests.statements import nothing_changes, statements

GOOD = (200, 201, 202)


@pytest.fixture(autouse=True)
def nobody_remembered() -> Iterator[None]:
    """Begin and end each test with nobody remembered."""
    callers.forget()
    yield
    callers.forget()


@pytest.fixture
def api(api: API) -> API:
    """A client that is given whole paths."""
    api.root = ""
    return api


@pytest.fixture
def key(api: API) -> APIKey:
    """The key that `api` calls with."""
    return APIKey.objects.get(name="admin")


@pytest.fixture(params=[*IN_A_PATH, *OF_A_KEY])
def call(request: pytest.FixtureRequest, project: Project) -> Call:
    """Each of the calls."""
    return calls(project)[request.param]


@pytest.fixture
def warm(api: API, call: Call) -> Callable[[], Answer]:
    """Have the caller of `call` remembered; returns the call, to be made again."""

    def again() -> Answer:
        return api(call.method, call.path, call.body)

    assert again().status in GOOD
    return again


def test_every_handler_that_proves_its_caller_has_a_row(project: Project) -> None:
    def all_of(view: type[ConvoyView]) -> Iterator[type[ConvoyView]]:
        for one in view.__subclasses__():
            yield one
            yield from all_of(one)

    assert get_resolver().url_patterns, "this has read every view"
    # A view of another surface that inherits a handler authenticates by itself, and remembers nobody.
    proving = {f"{view.__name__} {method}" for view in all_of(ConvoyView) for method in view.__dict__.get("proves", ())}
    names = calls(project).keys()
    assert names == {*IN_A_PATH, *OF_A_KEY}
    assert proving == {" ".join(name.replace(",", "").split()[:2]) for name in names}


class TestWorks:
    def test_the_key_is_read_once(self, warm: Callable[[], Answer], call: Call) -> None:
        for _ in range(2):
            with statements() as found:
                assert warm().status in GOOD
            assert found == call.statements

    @pytest.mark.parametrize("call", IN_A_PATH, indirect=True)
    def test_a_key_of_the_instance(self, project: Project, call: Call) -> None:
        api = API(create_api_key(name="instance", role=Role.INSTANCE_ADMIN)[1], root="")
        api(call.method, call.path, call.body)
        with statements() as found:
            assert api(call.method, call.path, call.body).status in GOOD
        assert found == call.statements

    def test_others_are_looked_up_each_time(self, viewer: API, project: Project) -> None:
        call, viewer.root = calls(project)["PortalLinkDetail GET"], ""
        for _ in range(2):
            with statements() as found:
                viewer(call.method, call.path)
            assert found == ["SELECT projects_apikey", *call.statements]

    @pytest.mark.parametrize("call", OF_A_KEY, indirect=True)
    def test_a_key_of_no_project_where_the_path_names_none_either(self, call: Call) -> None:
        api = API(create_api_key(name="instance", role=Role.INSTANCE_ADMIN)[1], root="")
        for _ in range(2):
            assert api(call.method, call.path, call.body).status == 400
        assert not callers._known

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
                assert refusal(again()) == error

    def test_it_is_revoked(self, warm: Callable[[], Answer], key: APIKey, call: Call) -> None:
        revoke_api_key(key.uid)
        self.refused(warm, call.unauthorized)

    def test_it_is_deleted(self, warm: Callable[[], Answer], keys: "QuerySet[APIKey]", call: Call) -> None:
        keys.delete()
        self.refused(warm, call.unauthorized)

    def test_its_time_is_over(
        self, warm: Callable[[], Answer], call: Call, project: Project, keys: "QuerySet[APIKey]"
    ) -> None:
        # In a test's transaction now() stands still. The row is written, and its version remembered nevertheless.
        keys.update(expires_at=timezone.now() - timedelta(hours=1))
        [(place, caller)] = callers._known.items()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT concat(pg_postmaster_start_time(), k.xmin, k.ctid, t.xmin, t.ctid) "
                "FROM projects_apikey k, projects_project t "
                "WHERE k.name = 'admin' AND t.uid = %s",
                [project.uid],
            )
            [(version,)] = cursor.fetchall()
        assert caller.version != version
        callers._known[place] = replace(caller, version=version)
        self.refused(warm, call.unauthorized)
        assert place not in callers._known

    def test_its_project_is_deleted(self, warm: Callable[[], Answer], project: Project, call: Call) -> None:
        delete_project(project.uid)
        self.refused(warm, call.unauthorized)

    @pytest.mark.parametrize("call", IN_A_PATH, indirect=True)
    def test_the_project_of_a_call_by_an_instance_key_is_deleted(self, project: Project, call: Call) -> None:
        api = API(create_api_key(name="instance", role=Role.INSTANCE_ADMIN)[1], root="")
        api(call.method, call.path, call.body)
        delete_project(project.uid)
        self.refused(lambda: api(call.method, call.path, call.body), (404, "project not found"))

    def test_it_may_only_read(self, warm: Callable[[], Answer], call: Call, keys: "QuerySet[APIKey]") -> None:
        keys.update(role=Role.PROJECT_VIEWER)
        if call.method == "POST":
            self.refused(warm, (403, ReadOnlyKey.message))
        else:
            assert warm().data["token"] == REDACTED

    def test_it_is_bound_to_an_owner(self, warm: Callable[[], Answer], keys: "QuerySet[APIKey]", call: Call) -> None:
        keys.update(owner_id="acme")
        self.refused(warm, call.bound)

    def test_it_moves_to_another_project(
        self, warm: Callable[[], Answer], other_project: Project, keys: "QuerySet[APIKey]", call: Call
    ) -> None:
        keys.update(project=other_project)
        if call.elsewhere:
            self.refused(warm, call.elsewhere)
            return
        before = Event.objects.exclude(project=other_project).count()
        assert warm().status in GOOD
        assert Event.objects.filter(project=other_project).count() == 1
        assert Event.objects.exclude(project=other_project).count() == before

    def test_what_it_would_create_before_the_message(self, api: API, project: Project, key: APIKey) -> None:
        def send(name: str) -> Answer:
            body = {"eventType": "order.paid", "payload": {}, "application": {"name": name}}
            return api.post(f"/api/v1/app/{name}/msg", body)

        assert send("first").status == 202
        revoke_api_key(key.uid)
        self.refused(lambda: send("second"), (401, TokenNotValid.message))

    def test_what_it_has_sent_before(self, api: API, project: Project, key: APIKey) -> None:
        path, message = calls(project)["Messages POST"].path, {"eventType": "order.paid", "payload": {}}

        def by_its_id() -> Answer:
            return api.post(path, message | {"eventId": "one"})

        def by_a_key() -> Answer:
            return api.post(path, message, Idempotency_Key="k")

        assert [by_its_id().status, by_its_id().status] == [202, 409]
        assert by_a_key().json["id"] == by_a_key().json["id"]
        assert callers._known
        revoke_api_key(key.uid)
        for again in (by_its_id, by_a_key):
            self.refused(again, (401, TokenNotValid.message))

    def test_another_key_takes_its_row(self, warm: Callable[[], Answer], keys: "QuerySet[APIKey]", call: Call) -> None:
        keys.update(digest=b"x" * 32)
        self.refused(warm, call.unauthorized)

    def test_it_is_not_counted(
        self, warm: Callable[[], Answer], keys: "QuerySet[APIKey]", call: Call, settings: Settings
    ) -> None:
        settings.API_RATE_LIMIT = 1
        keys.delete()
        with nothing_changes():
            assert refusal(warm()) == call.unauthorized

    def test_it_is_refused_for_that_and_not_for_a_limit(
        self, warm: Callable[[], Answer], key: APIKey, call: Call, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(request_limit, "WINDOW_SECONDS", 1)
        settings.API_RATE_LIMIT = 1
        assert [warm().status in GOOD, warm().status] == [True, 429]
        revoke_api_key(key.uid)
        self.refused(warm, call.unauthorized)

    def test_it_is_refused_for_that_where_its_project_is_too_busy(
        self, warm: Callable[[], Answer], key: APIKey, call: Call, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(MOST_SLOW, "project", 0)
        assert warm().status == 429
        revoke_api_key(key.uid)
        self.refused(warm, call.unauthorized)

    def test_it_is_revoked_after_it_was_remembered_and_before_the_work(
        self, warm: Callable[[], Answer], key: APIKey, call: Call, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        find = Callers.find

        def find_and_revoke(self: Callers, *found: Any) -> Caller | None:
            caller = find(self, *found)
            APIKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now())
            return caller

        monkeypatch.setattr(Callers, "find", find_and_revoke)
        with nothing_is_made():
            assert refusal(warm()) == call.unauthorized

    @pytest.mark.django_db(transaction=True)
    def test_it_is_revoked_while_others_call(self, warm: Callable[[], Answer], key: APIKey, call: Call) -> None:
        is_revoked = threading.Event()

        def last(number: int) -> Answer:
            if number == 0:
                try:
                    assert {warm().status for _ in range(20)} <= {*GOOD}
                    revoke_api_key(key.uid)
                finally:
                    is_revoked.set()
            while not is_revoked.is_set():
                assert warm().status in (*GOOD, 401)
            return warm()

        assert [refusal(answer) for answer in at_once(4, last)] == [call.unauthorized] * 4


class TestNobodyIsRefusedForBeingRemembered:
    def test_a_change_of_the_key_or_the_project_is_read(
        self, warm: Callable[[], Answer], key: APIKey, project: Project, call: Call
    ) -> None:
        for row in (key, project):
            row.save()
            with statements() as found:
                assert warm().status in GOOD
            assert found[-len(call.statements) - 1 :] == ["SELECT projects_apikey", *call.statements]
            with statements() as found:
                assert warm().status in GOOD
            assert found == ["SELECT projects_apikey", *call.statements], "it was forgotten, and read now"
            with statements() as found:
                assert warm().status in GOOD
            assert found == call.statements

    @pytest.mark.parametrize("is_known", [False, True], ids=["not yet known", "known"])
    def test_a_change_between_the_lookup_and_the_work(
        self, is_known: bool, api: API, project: Project, call: Call, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if is_known:
            assert api(call.method, call.path, call.body).status in GOOD
            project.save()

        def find_and_save(*args: Any, **named: Any) -> Caller | None:
            caller = find_caller(*args, **named)
            project.save()
            return caller

        for module in (remembered, authentication):
            monkeypatch.setattr(module, "find_caller", find_and_save)
        assert api(call.method, call.path, call.body).status in GOOD

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
        assert [warm().status in GOOD for _ in range(2)] == [True, True]
        for _ in range(2):
            with nothing_is_made():
                assert warm().status == 429

    def test_a_body_that_is_refused(self, warm: Callable[[], Answer], api: API, call: Call, key: APIKey) -> None:
        if call.body:
            assert api(call.method, call.path, {"name": ""}).status in (400, 422)
            warm()
            revoke_api_key(key.uid)
            assert refusal(api(call.method, call.path, {"name": ""})) == call.unauthorized


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
            assert warm().status in GOOD
        assert found[-len(call.statements) - 1 :] == ["SELECT projects_apikey", *call.statements]

    def test_a_new_connection_forgets_who_is_read_meanwhile(
        self, api: API, project: Project, call: Call, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def find_and_connect(*args: Any, **named: Any) -> Caller | None:
            caller = find_caller(*args, **named)
            connection_created.send(sender=type(connection), connection=connection)
            return caller

        monkeypatch.setattr(remembered, "find_caller", find_and_connect)
        assert api(call.method, call.path, call.body).status in GOOD
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

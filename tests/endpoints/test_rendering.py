"""What a process keeps of rendered endpoints: never an old version, never more than its bound."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import orjson
import pytest
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction

from core.api.values import REDACTED
from endpoints.documents import endpoint_documents, endpoint_rows
from endpoints.models import Endpoint, EndpointState
from endpoints.operations import delete_endpoint, update_endpoint
from endpoints.rendering import Kept, kept, rendered, rendered_endpoints
from projects.models import Project

pytestmark = pytest.mark.django_db

MakeEndpoint = Callable[..., Endpoint]


def shown(project: Project, uid: str, *, reveal: bool = True) -> Any:
    """The endpoint as it is rendered, after the second reading of it."""
    for _ in range(2):
        found = rendered_endpoints(project.uid, ids=[uid], reveal=reveal)
    return orjson.loads(found[0].json)


def plain(project: Project, uid: str, *, reveal: bool = True) -> Any:
    """The endpoint as it is without anything kept."""
    return orjson.loads(orjson.dumps(endpoint_documents(project.uid, ids=[uid], reveal=reveal)[0]))


@pytest.mark.parametrize("reveal", [True, False])
def test_is_the_document_with_the_same_members(project: Project, make_endpoint: MakeEndpoint, reveal: bool) -> None:
    key = {"type": "api_key", "api_key": {"header_name": "X-Key", "header_value": "hidden"}}
    endpoint = make_endpoint(owner_id="acme", authentication=key, slack_webhook_url="https://hooks.slack.com/x")
    assert shown(project, endpoint.uid, reveal=reveal) == plain(project, endpoint.uid, reveal=reveal)


def test_what_may_not_be_seen_is_kept_apart(project: Project, make_endpoint: MakeEndpoint) -> None:
    endpoint = make_endpoint()
    assert shown(project, endpoint.uid)["secrets"][0]["value"] != REDACTED
    assert shown(project, endpoint.uid, reveal=False)["secrets"][0]["value"] == REDACTED
    assert shown(project, endpoint.uid)["secrets"][0]["value"] != REDACTED


def test_the_figures_are_those_of_the_moment(project: Project, make_endpoint: MakeEndpoint) -> None:
    endpoint = make_endpoint()
    assert shown(project, endpoint.uid)["events"] == 0
    for events, rate in ((1, 0.0), (12, 33.25)):
        EndpointState.objects.update_or_create(endpoint=endpoint, defaults={"events": events, "failure_rate": rate})
        found = shown(project, endpoint.uid)
        assert (found["events"], found["failure_rate"]) == (events, rate)
        assert found == plain(project, endpoint.uid)


def test_a_change_is_shown_at_once(project: Project, make_endpoint: MakeEndpoint) -> None:
    endpoint = make_endpoint(name="Before")
    assert shown(project, endpoint.uid)["name"] == "Before"
    update_endpoint(project.uid, endpoint.uid, url=endpoint.url, name="After", secret="another-secret")
    found = shown(project, endpoint.uid)
    assert (found["name"], found) == ("After", plain(project, endpoint.uid))
    delete_endpoint(project.uid, endpoint.uid)
    assert rendered_endpoints(project.uid, ids=[endpoint.uid], reveal=True) == []


def test_so_is_a_change_by_hand_that_moves_no_time(project: Project, make_endpoint: MakeEndpoint) -> None:
    endpoint = make_endpoint(name="Before")
    for name in ("One", "Two", "Three"):
        # All of them are in one transaction, so that they share an xmin.
        with connection.cursor() as cursor:
            cursor.execute("UPDATE endpoints_endpoint SET name = %s WHERE uid = %s", [name, endpoint.uid])
        assert shown(project, endpoint.uid)["name"] == name


def test_a_change_that_is_rolled_back_leaves_nothing(project: Project, make_endpoint: MakeEndpoint) -> None:
    endpoint = make_endpoint(name="Before")
    for name in ("One", "Two"):
        with transaction.atomic():
            Endpoint.objects.filter(pk=endpoint.pk).update(name=name)
            assert shown(project, endpoint.uid)["name"] == name
            transaction.set_rollback(True)
        assert shown(project, endpoint.uid)["name"] == "Before"


def test_what_is_kept_is_not_rendered_again(
    project: Project, make_endpoint: MakeEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = endpoint_rows(project.uid, ids=[make_endpoint().uid, make_endpoint().uid])
    first = rendered(rows, reveal=True)
    assert kept.find(rows, reveal=True).keys() == {row[0] for row in rows}

    def refuse(rows: Any, **_: Any) -> Any:
        assert not rows
        return []

    monkeypatch.setattr("endpoints.rendering.documents", refuse)
    assert rendered(rows, reveal=True) == first


def test_a_new_connection_keeps_nothing_of_the_one_before(project: Project, make_endpoint: MakeEndpoint) -> None:
    make_endpoint(owner_id="acme")
    rows = endpoint_rows(project.uid, owners=["acme"])
    rendered(rows, reveal=True)
    assert kept.find(rows, reveal=True)
    with closing(connections.create_connection(DEFAULT_DB_ALIAS)) as another:
        another.ensure_connection()
    assert not kept.find(rows, reveal=True)


def test_who_was_not_read_for_longest_makes_room() -> None:
    store = Kept(most_bytes=30)
    rows = [(uid, b"xmin", b"ctid") for uid in "abcd"]
    for row in rows[:3]:
        store.keep(row, b"0123456789", reveal=True)
    assert store.find(rows[:1], reveal=True).keys() == {"a"}
    store.keep(rows[3], b"0123456789", reveal=True)
    assert store.find(rows, reveal=True).keys() == {"a", "c", "d"}
    assert store.find(rows, reveal=False) == {}
    # Another version takes the place of the one before, and its bytes.
    for number in range(9):
        store.keep(("a", b"xmin", b"%d" % number), b"9876543210", reveal=True)
    assert store.find(rows, reveal=True).keys() == {"c", "d"}
    assert store.find([("a", b"xmin", b"8")], reveal=True) == {"a": b"9876543210"}

"""A process keeps rendered endpoints: never an old version, never more than its bound."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import orjson
import pytest
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from core.api.values import REDACTED
from core.rows import read_rows
from endpoints.documents import chosen, endpoint_documents
from endpoints.models import Endpoint, EndpointState
from endpoints.operations import delete_endpoint, update_endpoint
from endpoints.rendering import Kept, kept, rendered, rendered_endpoints, versions_of
from projects.models import Project

pytestmark = pytest.mark.django_db

MakeEndpoint = Callable[..., Endpoint]


def shown(project: Project, uid: str, *, reveal: bool = True) -> Any:
    """Return the endpoint as its second reading renders it."""
    for _ in range(2):
        found = rendered_endpoints(project.uid, ids=[uid], reveal=reveal)
    return orjson.loads(found[0].json)


def plain(project: Project, uid: str, *, reveal: bool = True) -> Any:
    """Return the endpoint as a process renders it that has kept nothing."""
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
    for events, rate in ((1, 0.0), (12, 33.25), (20, 50.0)):
        EndpointState.objects.update_or_create(endpoint=endpoint, defaults={"events": events, "failure_rate": rate})
        found = shown(project, endpoint.uid)
        assert (found["events"], found["failure_rate"]) == (events, rate)
        document = plain(project, endpoint.uid)
        # A whole number is written in the same way, too.
        assert (found, type(found["failure_rate"])) == (document, type(document["failure_rate"]))


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


def test_what_is_kept_is_neither_read_nor_rendered_again(project: Project, make_endpoint: MakeEndpoint) -> None:
    uids = [make_endpoint().uid for _ in range(3)]
    Endpoint.objects.update(name="Another version")
    first = rendered_endpoints(project.uid, ids=uids[:2], reveal=True)
    with CaptureQueriesContext(connection) as queries:
        assert rendered_endpoints(project.uid, ids=uids[:2], reveal=True) == first
    # Their versions.
    assert len(queries) == 1
    with CaptureQueriesContext(connection) as queries:
        found = rendered_endpoints(project.uid, ids=uids, reveal=True)
    assert (found[1:], found[0].uid) == (first, uids[2])
    # The versions, and the row of the third.
    assert len(queries) == 2
    assert (uids[2] in queries[1]["sql"], uids[0] in queries[1]["sql"]) == (True, False)


def versions(project: Project, *uids: str) -> str:
    condition, parameters = chosen(project.uid, ids=uids)
    return str(read_rows(versions_of(condition), parameters)[0][0])


def test_what_changes_after_its_version_was_read_is_shown_as_it_is_then(
    project: Project, make_endpoint: MakeEndpoint
) -> None:
    renamed, deleted, given_away = uids = [make_endpoint(owner_id="acme").uid for _ in range(3)]
    read = versions(project, *uids)
    Endpoint.objects.filter(pk=renamed).update(name="After")
    Endpoint.objects.filter(pk=given_away).update(owner_id="globex")
    delete_endpoint(project.uid, deleted)
    kept.forget()
    [found] = rendered(project.uid, read, reveal=True)
    assert (found.uid, orjson.loads(found.json)["name"]) == (renamed, "After")
    # The kept JSON is that of its new version.
    [found] = rendered(project.uid, versions(project, renamed), reveal=True)
    assert orjson.loads(found.json) == plain(project, renamed)


def test_another_projects_endpoints_are_not_read(
    project: Project, other_project: Project, make_endpoint: MakeEndpoint
) -> None:
    read = versions(project, make_endpoint(owner_id="acme").uid)
    kept.forget()
    assert rendered(other_project.uid, read, reveal=True) == []


def test_a_new_connection_keeps_nothing_of_the_one_before(project: Project, make_endpoint: MakeEndpoint) -> None:
    read = orjson.loads(versions(project, make_endpoint(owner_id="acme").uid))
    rendered_endpoints(project.uid, owners=["acme"], reveal=True)
    assert kept.find(read, reveal=True)
    with closing(connections.create_connection(DEFAULT_DB_ALIAS)) as another:
        another.ensure_connection()
    assert not kept.find(read, reveal=True)


def test_who_was_not_read_for_longest_makes_room() -> None:
    store = Kept(most_bytes=30)
    read = [[uid, "", "1", "(0,1)", None, None, None] for uid in "abcd"]
    for uid in "abc":
        store.keep(uid, "1", "(0,1)", b"0123456789", reveal=True)
    assert store.find(read[:1], reveal=True).keys() == {"a"}
    store.keep("d", "1", "(0,1)", b"0123456789", reveal=True)
    assert store.find(read, reveal=True).keys() == {"a", "c", "d"}
    assert store.find(read, reveal=False) == {}
    # Another version takes the place of the one before, and its bytes.
    for number in range(9):
        store.keep("a", "1", f"(0,{number})", b"9876543210", reveal=True)
    assert store.find(read, reveal=True).keys() == {"c", "d"}
    assert store.find([["a", "", "1", "(0,8)", None, None, None]], reveal=True) == {"a": b"9876543210"}
    assert store.find([["a", "", "2", "(0,8)", None, None, None]], reveal=True) == {}

"""svix 2.9.1's applications, by the official client against the running server."""

from collections.abc import Callable

import pytest
from svix.api import ApplicationIn, ApplicationListOptions, Svix
from svix.exceptions import HttpError, HTTPValidationError
from svix.models import ApplicationPatch, Ordering

from tests.live.conftest import LiveProject


@pytest.fixture
def svix(project: LiveProject, connect_svix: Callable[[str], Svix]) -> Svix:
    """The client with the project's key."""
    return connect_svix(project.key)


def test_the_life_of_an_application(project: LiveProject, svix: Svix) -> None:
    sent = ApplicationIn(name="Acme", uid="acme", metadata={"plan": "gold"}, throttle_rate=100)
    created = svix.application.get_or_create(sent)
    assert created.id.startswith("app_")
    assert (created.uid, created.name, created.throttle_rate, created.metadata) == (
        "acme",
        "Acme",
        100,
        {"plan": "gold"},
    )
    assert svix.application.get_or_create(sent) == created
    assert svix.application.get("acme") == svix.application.get(created.id) == created
    replaced = svix.application.upsert("acme", ApplicationIn(name="Acme Inc."))
    assert (replaced.id, replaced.name, replaced.metadata) == (created.id, "Acme Inc.", {})
    patched = svix.application.patch("acme", ApplicationPatch(metadata={"plan": "free"}))
    assert (patched.name, patched.metadata) == ("Acme Inc.", {"plan": "free"})
    project.make_endpoint(owner_id="acme")
    svix.application.delete("acme")
    assert project.client.get(project.endpoints).json()["data"]["content"] == []
    with pytest.raises(HttpError) as failure:
        svix.application.get("acme")
    assert (failure.value.status_code, failure.value.code) == (404, "not_found")


def test_pages(svix: Svix) -> None:
    names = [svix.application.create(ApplicationIn(name=f"app {number}")).name for number in range(5)]
    found, iterator, done = [], None, False
    while not done:
        page = svix.application.list(ApplicationListOptions(limit=2, iterator=iterator, order=Ordering.DESCENDING))
        found += [one.name for one in page.data]
        iterator, done = page.iterator, page.done
    assert found == names[::-1]


def test_errors(svix: Svix) -> None:
    svix.application.create(ApplicationIn(name="Acme", uid="acme"))
    with pytest.raises(HttpError) as failure:
        svix.application.create(ApplicationIn(name="Acme", uid="acme"))
    assert (failure.value.status_code, failure.value.code) == (409, "conflict")
    with pytest.raises(HTTPValidationError) as invalid:
        svix.application.create(ApplicationIn(name="", uid="acme"))
    assert invalid.value.detail[0].loc == ["body", "name"]
    with pytest.raises(HTTPValidationError) as invalid:
        svix.application.list(ApplicationListOptions(limit=251))
    assert invalid.value.detail[0].loc == ["query", "limit"]

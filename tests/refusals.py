"""Test the refusals that operations share. A test class inherits those that apply to its operation.

The operation is the fixture `call`, which carries it out with a given key, or for operations on
one endpoint the fixture `send`, which takes the endpoint's id too.
"""

from collections.abc import Callable

from endpoints.models import Endpoint
from endpoints.operations import delete_endpoint
from projects.models import Project
from projects.operations import delete_project
from tests.conftest import API, Answer
from tests.statements import nothing_changes

Call = Callable[[API], Answer]
Send = Callable[[API, str], Answer]
MakeEndpoint = Callable[..., Endpoint]


class RefusesStrangers:
    """Only a live key opens anything, and a dead one looks like one that never was."""

    def test_no_key(self, nobody: API, call: Call) -> None:
        with nothing_changes():
            assert call(nobody).error == (401, "Authentication required")

    def test_an_unknown_a_revoked_and_an_expired_key_look_the_same(
        self, revoked: API, expired: API, call: Call
    ) -> None:
        unknown = API(f"CO.{'a' * 16}.{'b' * 64}")
        with nothing_changes():
            answers = [call(caller) for caller in (unknown, revoked, expired)]
        assert [answer.error for answer in answers] == [(401, "authorization failed")] * 3
        assert len({answer.response.content for answer in answers}) == 1


class RefusesOtherProjects:
    """A project is open to its own keys and to the instance's, and nobody else learns that it exists."""

    def test_a_key_of_another_project(self, other_api: API, call: Call) -> None:
        with nothing_changes():
            assert call(other_api).error == (404, "project not found")

    def test_a_deleted_project(self, project: Project, api: API, instance: API, call: Call) -> None:
        delete_project(project.uid)
        with nothing_changes():
            assert call(api).error == (401, "authorization failed")
            assert call(instance).error == (404, "project not found")

    def test_a_key_of_the_instance_may(self, instance: API, call: Call) -> None:
        assert call(instance).status < 300


class RefusesViewers:
    """A caller that may only read changes nothing."""

    def test_a_viewer(self, viewer: API, call: Call) -> None:
        with nothing_changes():
            assert call(viewer).error == (403, "Unauthorized")


class HidesOtherEndpoints:
    """An endpoint of another project, one that is deleted and one that never was look the same."""

    missing: tuple[int, str]

    def test_endpoints_that_are_not_there(
        self, api: API, other_api: API, other_project: Project, make_endpoint: MakeEndpoint, send: Send
    ) -> None:
        foreign, deleted = make_endpoint(project_id=other_project.uid), make_endpoint()
        delete_endpoint(deleted.project_id, deleted.uid)
        with nothing_changes():
            for uid in (foreign.uid, deleted.uid, "nope", "a" * 5000, "%F0%9F%A6%84", "%ED%A0%80", "'"):
                assert send(api, uid).error == self.missing

    def test_a_key_of_the_instance_needs_the_right_project_too(
        self, instance: API, other_project: Project, make_endpoint: MakeEndpoint, send: Send
    ) -> None:
        foreign = make_endpoint(project_id=other_project.uid)
        with nothing_changes():
            assert send(instance, foreign.uid).error == self.missing

    def test_a_nul_in_the_path(self, api: API, send: Send) -> None:
        assert send(api, "%00").error == (400, "the request URL contains a NUL character")

"""GET /api/v1/projects/{projectID}/meta-events/{metaEventID}"""

from collections.abc import Callable

import pytest

from meta_events.models import MetaEvent
from projects.models import Project
from tests.conftest import API
from tests.meta_events.rows import make_meta_event as make_one
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers
from tests.statements import statements

Make = Callable[..., MetaEvent]


@pytest.fixture
def call(collection: str, make_meta_event: Make) -> Call:
    uid = make_meta_event().uid
    return lambda api: api.get(f"{collection}/{uid}")


def test_it_is_the_row_of_the_list(api: API, viewer: API, collection: str, make_meta_event: Make) -> None:
    row = make_meta_event()
    answer = api.get(f"{collection}/{row.uid}")
    assert (answer.status, answer.message) == (200, "Meta event fetched successfully")
    assert [answer.data] == api.get(collection).data["content"]
    assert viewer.get(f"{collection}/{row.uid}").data == answer.data


def test_a_payload_with_nul_is_shown_as_it_is_sent(api: API, collection: str, make_meta_event: Make) -> None:
    row = make_meta_event({"name": "a\0b"})
    assert api.get(f"{collection}/{row.uid}").data["metadata"]["data"]["data"] == {"name": "a\0b"}


class TestAuthentication(RefusesStrangers, RefusesOtherProjects):
    pass


class TestAnotherTenant:
    def test_it_looks_like_one_that_is_not_there(self, api: API, collection: str, other_project: Project) -> None:
        foreign = api.get(f"{collection}/{make_one(other_project).uid}")
        unknown = api.get(f"{collection}/01JZ8QK3V7M2N4P6R8T0W2Y4A6")
        assert foreign.error == unknown.error == (404, "meta event not found")


def test_the_key_and_the_row(api: API, collection: str, make_meta_event: Make) -> None:
    uid = make_meta_event().uid
    with statements() as found:
        api.get(f"{collection}/{uid}")
    assert found == ["SELECT projects_apikey", "SELECT meta_events_metaevent"]

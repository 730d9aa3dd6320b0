"""PUT /api/v1/projects/{projectID}/endpoints/{endpointID}/expire_secret"""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from endpoints.models import Endpoint
from tests.concurrency import at_once
from tests.conftest import API
from tests.hostile import HARMLESS_MEMBERS, NOT_A_BODY, NOT_AN_INTEGER, NOT_TEXT, UNREADABLE, with_raw_member
from tests.refusals import HidesOtherEndpoints, RefusesOtherProjects, RefusesStrangers, RefusesViewers, Send
from tests.statements import nothing_changes, statements


@pytest.fixture
def send(collection: str) -> Send:
    return lambda api, uid: api.put(f"{collection}/{uid}/expire_secret", {"expiration": 1})


@pytest.fixture
def path(collection: str, endpoint: Endpoint) -> str:
    return f"{collection}/{endpoint.uid}/expire_secret"


class TestWorks:
    def test_the_old_secret_gets_hours_to_live_and_a_new_one_follows(
        self, api: API, path: str, collection: str, endpoint: Endpoint
    ) -> None:
        (first,) = endpoint.secrets
        answer = api.put(path, {"secret": "the new one", "expiration": 3})
        assert (answer.status, answer.message) == (200, "endpoint secret expired successfully")
        old, new = answer.data["secrets"]
        moment = answer.data["updated_at"]
        assert old == first | {"expires_at": old["expires_at"], "updated_at": moment}
        assert datetime.fromisoformat(old["expires_at"]) == datetime.fromisoformat(moment) + timedelta(hours=3)
        assert new == {
            "uid": new["uid"],
            "value": "the new one",
            "expires_at": None,
            "created_at": moment,
            "updated_at": moment,
            "deleted_at": None,
        }
        assert new["uid"] > old["uid"]
        assert answer.data == api.get(f"{collection}/{endpoint.uid}").data

    def test_an_empty_object_ends_the_old_one_at_once_and_generates(self, api: API, path: str) -> None:
        old, new = api.put(path, {}).data["secrets"]
        assert old["expires_at"] == old["updated_at"]
        assert re.fullmatch(r"[0-9a-zA-Z_-]{25}", new["value"])

    @pytest.mark.parametrize("body", [{"secret": ""}, {"secret": None, "expiration": None}])
    def test_an_empty_secret_is_generated(self, api: API, path: str, body: dict[str, Any]) -> None:
        assert len(api.put(path, body).data["secrets"][-1]["value"]) == 25

    def test_repeated_one_secret_is_current_and_always_the_last(self, api: API, path: str) -> None:
        for number in range(3):
            secrets = api.put(path, {"secret": str(number), "expiration": 24}).data["secrets"]
            assert [secret["expires_at"] is None for secret in secrets] == [False] * (number + 1) + [True]
        assert [secret["value"] for secret in secrets][1:] == ["0", "1", "2"]

    def test_no_more_than_20_are_live_at_once(self, api: API, path: str) -> None:
        for _ in range(19):
            assert api.put(path, {"expiration": 1}).status == 200
        with nothing_changes():
            assert api.put(path, {"expiration": 1}).error == (400, "at most 20 secrets may be live at once")
        assert len(api.put(path, {"expiration": 0}).data["secrets"]) == 21

    @pytest.mark.parametrize("status", ["paused", "inactive"])
    def test_in_any_state(self, api: API, path: str, status: str) -> None:
        Endpoint.objects.update(status=status)
        assert api.put(path, {}).data["status"] == status

    def test_the_answer_has_no_versions(self, api: API, path: str) -> None:
        data = api.put(path, {}, X_Convoy_Version="2023-12-31").data
        assert (data["name"], data["http_timeout"]) == ("Orders", 0)

    @pytest.mark.parametrize(
        ("expiration", "overlap", "is_in_seconds"),
        [
            (-4, timedelta(0), False),
            (1, timedelta(hours=1), False),
            (3599, timedelta(hours=3599), False),
            # From here on nobody means hours; Convoy's dashboard sends seconds.
            (3600, timedelta(hours=1), True),
            (86_400, timedelta(days=1), True),
            (604_800, timedelta(days=7), True),
            (99_999_999, timedelta(seconds=99_999_999), True),
            (2**31 - 1, timedelta(days=3650), True),
        ],
    )
    def test_the_reading_of_a_number_that_harms_nobody(
        self, api: API, path: str, expiration: int, overlap: timedelta, is_in_seconds: bool
    ) -> None:
        answer = api.put(path, {"expiration": expiration})
        assert answer.status == 200
        said = "; an expiration of 3600 or more counts as seconds" if is_in_seconds else ""
        assert answer.message == f"endpoint secret expired successfully{said}"
        old = answer.data["secrets"][0]
        assert datetime.fromisoformat(old["expires_at"]) - datetime.fromisoformat(old["updated_at"]) == overlap

    @pytest.mark.parametrize("member", HARMLESS_MEMBERS)
    def test_members_that_mean_nothing(self, api: API, path: str, member: bytes) -> None:
        data = api.put(path, with_raw_member({"expiration": 1}, member)).data
        assert (data["status"], data["deleted_at"], len(data["secrets"])) == ("active", None, 2)


class TestAuthentication(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    pass


class TestAnotherTenant(HidesOtherEndpoints):
    missing = (400, "endpoint not found")


class TestValidation:
    @pytest.mark.parametrize(("body", "message"), NOT_A_BODY)
    def test_what_is_no_body(self, api: API, path: str, body: bytes, message: str) -> None:
        with nothing_changes():
            assert api.put(path, body).error == (400, message)

    @pytest.mark.parametrize("body", UNREADABLE)
    def test_what_cannot_be_read(self, api: API, path: str, body: bytes) -> None:
        with nothing_changes():
            status, message = api.put(path, body).error
        assert status == 400
        assert message.startswith("body contains badly-formed JSON")

    @pytest.mark.parametrize(
        ("field", "wrong"), [("secret", NOT_TEXT), ("expiration", [value for value in NOT_AN_INTEGER if value != -1])]
    )
    def test_values_of_another_type(self, api: API, path: str, field: str, wrong: list[Any]) -> None:
        message = f'body contains incorrect JSON type for field "{field}"'
        with nothing_changes():
            for value in wrong:
                assert api.put(path, {field: value}).error == (400, message), value

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({"secret": "x" * 256}, "secret:Ensure this field has no more than 255 characters."),
            ({"secret": "a\x00b"}, "secret:Null characters are not allowed."),
            ({"expiration": 2**64 - 1}, "expiration:Ensure this value is less than or equal to 2147483647."),
        ],
    )
    def test_values_that_are_not_allowed(self, api: API, path: str, body: dict[str, Any], message: str) -> None:
        with nothing_changes():
            assert api.put(path, body).error == (400, message)


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_no_rotation_is_lost(self, api: API, path: str, endpoint: Endpoint) -> None:
        answers = at_once(6, lambda number: api.put(path, {"secret": str(number), "expiration": 1}))
        assert [answer.status for answer in answers] == [200] * 6
        endpoint.refresh_from_db()
        assert sorted(secret["value"] for secret in endpoint.secrets[1:]) == list("012345")
        assert [secret["expires_at"] is None for secret in endpoint.secrets] == [False] * 6 + [True]


class TestStatements:
    def test_the_key_the_lock_the_update_and_the_answer(self, api: API, path: str) -> None:
        with statements() as found:
            api.put(path, {})
        assert found == [
            "SELECT projects_apikey",
            "LOCK endpoints_endpoint",
            "UPDATE endpoints_endpoint",
            "INSERT activity_activity",
            "SELECT endpoints_endpoint",
        ]

"""The secrets of an endpoint: which ones sign, and what a rotation makes of the list."""

from datetime import UTC, datetime, timedelta

import pytest

from core.api.values import wire_time
from core.exceptions import InvalidInput
from endpoints.secrets import MAX_ENDED, MAX_LIVE, Secret, is_live, new_secret, rotate

NOW = datetime(2026, 7, 3, 12, tzinfo=UTC)
CREATED = datetime(2026, 7, 1, 12, 30, 0, 500000, tzinfo=UTC)


def secret(value: str, expires_at: datetime | None = None) -> Secret:
    return new_secret(value, CREATED) | {"expires_at": expires_at and wire_time(expires_at)}


def values(secrets: list[Secret]) -> list[str]:
    return [entry["value"] for entry in secrets]


class TestNew:
    def test_shape(self) -> None:
        made = new_secret("mine", CREATED)
        assert made == {
            "uid": made["uid"],
            "value": "mine",
            "expires_at": None,
            "created_at": "2026-07-01T12:30:00.5Z",
            "updated_at": "2026-07-01T12:30:00.5Z",
            "deleted_at": None,
        }
        assert len(made["uid"]) == 26

    def test_a_blank_value_is_generated_and_never_twice(self) -> None:
        made = {new_secret("", CREATED)["value"] for _ in range(50)}
        assert len(made) == 50
        assert {len(value) for value in made} == {25}


class TestLive:
    @pytest.mark.parametrize(
        ("expires_at", "live"),
        [
            (None, True),
            (NOW + timedelta(microseconds=1), True),
            (NOW + timedelta(days=3650), True),
            (NOW, False),
            (NOW - timedelta(microseconds=1), False),
            (NOW - timedelta(days=1), False),
        ],
    )
    def test_until_the_moment_it_expires(self, expires_at: datetime | None, live: bool) -> None:
        assert is_live(secret("x", expires_at), NOW) is live


class TestRotation:
    @pytest.mark.parametrize(
        ("hours", "expires_at"),
        [
            (0, "2026-07-03T12:00:00Z"),
            (1, "2026-07-03T13:00:00Z"),
            (24, "2026-07-04T12:00:00Z"),
            (87_600, "2036-06-30T12:00:00Z"),
        ],
    )
    def test_the_current_one_gets_hours_to_live(self, hours: int, expires_at: str) -> None:
        current = secret("old")
        old, new = rotate([current], value="new", hours=hours, now=NOW)
        assert old == current | {"expires_at": expires_at, "updated_at": "2026-07-03T12:00:00Z"}
        assert (new["value"], new["expires_at"], new["created_at"]) == ("new", None, "2026-07-03T12:00:00Z")

    def test_those_before_it_stay_as_they_are(self) -> None:
        ended, expiring = secret("ended", NOW - timedelta(hours=1)), secret("expiring", NOW + timedelta(hours=1))
        rotated = rotate([ended, expiring, secret("current")], value="new", hours=5, now=NOW)
        assert rotated[:2] == [ended, expiring]
        assert values(rotated) == ["ended", "expiring", "current", "new"]

    def test_what_went_in_is_left_as_it_was(self) -> None:
        secrets = [secret("old")]
        before = [dict(entry) for entry in secrets]
        rotate(secrets, value="new", hours=1, now=NOW)
        assert secrets == before

    def test_the_current_one_alone_does_not_expire(self) -> None:
        secrets = [secret("0")]
        for number in range(1, 30):
            secrets = rotate(secrets, value=str(number), hours=number % 3, now=NOW + timedelta(hours=number))
            assert [entry["value"] for entry in secrets if entry["expires_at"] is None] == [str(number)]
            assert secrets[-1]["value"] == str(number)


class TestBounds:
    def test_at_most_20_are_live(self) -> None:
        expiring = [secret(str(number), NOW + timedelta(hours=1)) for number in range(MAX_LIVE - 2)]
        rotated = rotate([*expiring, secret("current")], value="new", hours=1, now=NOW)
        assert sum(is_live(entry, NOW) for entry in rotated) == MAX_LIVE
        with pytest.raises(InvalidInput, match="at most 20 secrets may be live at once"):
            rotate(rotated, value="newer", hours=1, now=NOW)

    def test_one_that_ends_at_once_makes_room_for_the_next(self) -> None:
        expiring = [secret(str(number), NOW + timedelta(hours=1)) for number in range(MAX_LIVE - 1)]
        rotated = rotate([*expiring, secret("current")], value="new", hours=0, now=NOW)
        assert sum(is_live(entry, NOW) for entry in rotated) == MAX_LIVE

    def test_the_last_20_that_have_ended_are_kept(self) -> None:
        ended = [secret(f"ended {number}", NOW - timedelta(hours=1)) for number in range(MAX_ENDED + 5)]
        expiring = secret("expiring", NOW + timedelta(hours=1))
        rotated = rotate([*ended[:10], expiring, *ended[10:], secret("current")], value="new", hours=1, now=NOW)
        assert values(rotated) == [
            *(f"ended {number}" for number in range(5, 10)),
            "expiring",
            *(f"ended {number}" for number in range(10, 25)),
            "current",
            "new",
        ]

    def test_the_list_never_grows_beyond_both(self) -> None:
        secrets = [secret("0")]
        for number in range(100):
            secrets = rotate(secrets, value=str(number), hours=0, now=NOW + timedelta(hours=number))
        assert len(secrets) == MAX_ENDED + 1

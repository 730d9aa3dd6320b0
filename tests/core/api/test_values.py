"""Times and durations as the API writes and reads them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.db import connection

from core.api.values import go_duration, parse_go_duration, wire_time, wire_time_from_sql


class TestWireTime:
    TIMES = [
        (datetime(2026, 7, 3, 9, 15, 42, 81516, tzinfo=UTC), "2026-07-03T09:15:42.081516Z"),
        (datetime(2026, 7, 3, 9, 15, 42, 81500, tzinfo=UTC), "2026-07-03T09:15:42.0815Z"),
        (datetime(2026, 7, 3, 9, 15, 42, 1, tzinfo=UTC), "2026-07-03T09:15:42.000001Z"),
        (datetime(2026, 7, 3, 9, 15, 42, 500000, tzinfo=UTC), "2026-07-03T09:15:42.5Z"),
        (datetime(2026, 7, 3, 9, 15, 40, tzinfo=UTC), "2026-07-03T09:15:40Z"),
        (datetime(2026, 7, 3, tzinfo=UTC), "2026-07-03T00:00:00Z"),
        (datetime(2026, 7, 3, 1, 30, tzinfo=timezone(timedelta(hours=2))), "2026-07-02T23:30:00Z"),
        (datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), "9999-12-31T23:59:59.999999Z"),
    ]

    @pytest.mark.parametrize(("moment", "text"), TIMES)
    def test_utc_without_trailing_zeros(self, moment: datetime, text: str) -> None:
        assert wire_time(moment) == text
        assert datetime.fromisoformat(text) == moment

    @pytest.mark.parametrize(("moment", "text"), TIMES)
    def test_from_what_postgresql_writes(self, db: None, moment: datetime, text: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s::timestamptz::text", [moment])
            assert wire_time_from_sql(cursor.fetchone()[0]) == text


class TestParseGoDuration:
    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("0", 0),
            ("+0", 0),
            ("-0", 0),
            ("0s", 0),
            ("10s", 10),
            ("1m", 60),
            ("720h", 2_592_000),
            ("1h15m30.5s", 4530.5),
            (".5s", 0.5),
            ("5.s", 5),
            ("1.5h", 5400),
            ("90m90s", 5490),
            ("1s1s", 2),
            ("250ms", 0.25),
            ("-1m", -60),
            ("+1m", 60),
            ("1us", 1e-6),
            ("1µs", 1e-6),  # the micro sign
            ("1μs", 1e-6),  # the Greek letter
            ("1ns", 1e-9),
            ("2562047h", 9_223_369_200),
        ],
    )
    def test_reads(self, text: str, seconds: float) -> None:
        assert parse_go_duration(text) == pytest.approx(seconds, rel=1e-12)

    @pytest.mark.parametrize(
        "text",
        [
            *("", "+", "-", "1", "10", "s", ".s", ".", "1x", "1d", "1S", "1H", "1 s", " 1s", "1s ", "1s\n", "1h 1m"),
            *("1.5.5s", "1,5s", "1e3s", "--1s", "+-1s", "1s-1s", "1_0s", "infs", "nans", "0x1s", "\u0661s", "1s\x00"),
            *("2562048h", "9" * 400 + "s", "9" * 255),
        ],
    )
    def test_refuses(self, text: str) -> None:
        with pytest.raises(ValueError, match="time: invalid duration") as refusal:
            parse_go_duration(text)
        assert str(refusal.value) == f'time: invalid duration "{text}"'


class TestGoDuration:
    @pytest.mark.parametrize(
        ("seconds", "text"),
        [
            (0, "0s"),
            (1, "1s"),
            (59, "59s"),
            (60, "1m0s"),
            (61, "1m1s"),
            (3599, "59m59s"),
            (3600, "1h0m0s"),
            (3661, "1h1m1s"),
            (90_000, "25h0m0s"),
            (2**31 - 1, "596523h14m7s"),
        ],
    )
    def test_writes_what_can_be_read_again(self, seconds: int, text: str) -> None:
        assert go_duration(seconds) == text
        assert parse_go_duration(text) == seconds

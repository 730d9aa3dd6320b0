"""The words of the portal's pages: statuses, answers, durations and chosen event types."""

from collections.abc import Iterator

import pytest
from django.utils.translation import override

from deliveries.health import EndpointHealth
from outbound.answers import AnswerKind
from outbound.states import Status
from portal.words import (
    ANSWERS,
    DELIVERY_PILLS,
    ENDPOINT_PILLS,
    answer_words,
    choices,
    delivery_pill,
    duration,
    endpoint_pill,
    listens_words,
    span,
)

KNOWN = [
    *("invoice.created", "invoice.paid", "invoice.payment_failed", "invoice.voided"),
    *("order.created", "order.paid", "order.refunded"),
    *("return.closed", "return.opened"),
    "ping",
    "user.created",
]
INVOICES, ORDERS, RETURNS = KNOWN[:4], KNOWN[4:7], KNOWN[7:9]


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with override("en"):
        yield


def test_every_status_of_a_delivery_has_a_pill() -> None:
    assert set(DELIVERY_PILLS) == set(Status)
    words = {str(delivery_pill(status.value).word) for status in Status}
    assert words == {"Scheduled", "Sending", "Delivered", "Retrying", "Failed", "Not sent"}


def test_discarded_is_shown_as_not_sent() -> None:
    pill = delivery_pill("Discarded")
    assert (str(pill.word), pill.shape, pill.tone) == ("Not sent", "ban", "open")


def test_a_failing_endpoint_has_a_word_a_shape_and_a_colour() -> None:
    pill = endpoint_pill("failing")
    assert (str(pill.word), pill.shape, pill.tone) == ("Failing", "alert", "bad")


@pytest.mark.parametrize(
    ("kind", "text", "timeout", "words"),
    [
        ("404", "404 Not Found", None, "404 Not Found"),
        ("404", "", None, "404 Not Found"),
        ("404", "404", None, "404 Not Found"),
        ("503", "503 Gone Fishing", None, "503 Gone Fishing"),
        ("599", "", None, "599"),
        ("404", "an error's text, not a status line", None, "404 Not Found"),
        ("timeout", "context deadline exceeded", 10, "No answer in 10 seconds"),
        ("timeout", "", 1, "No answer in 1 second"),
        ("timeout", "", None, "No answer in time"),
        ("refused", "connection failed: Connection refused", None, "Connection refused"),
        ("tls_expired", "", None, "The certificate has expired"),
        ("private_address", "", None, "This address can't be reached from the internet"),
        ("a kind of a later release", "", None, "The request failed"),
    ],
)
def test_answer(kind: str, text: str, timeout: float | None, words: str) -> None:
    assert answer_words(kind, text, timeout_seconds=timeout) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 ms"),
        (0.164, "164 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.0 s"),
        (2.12, "2.1 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (360, "6 min"),
        (3600, "1 hour"),
        (3 * 3600, "3 hours"),
        (3 * 86400, "3 days"),
    ],
)
def test_duration(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_a_duration_has_the_separator_of_the_language() -> None:
    with override("de"):
        assert duration(2.1).startswith("2,1")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 second"), (10, "10 seconds"), (59.6, "1 minute"), (10_800, "3 hours"), (200_000, "2 days")],
)
def test_span(seconds: float, words: str) -> None:
    assert span(seconds) == words


@pytest.mark.parametrize(
    ("chosen", "conditions", "words"),
    [
        ([], False, "Nothing yet"),
        (["*"], False, "All events"),
        (["*", "order.paid"], False, "All events"),
        (["*"], True, "All events, filtered"),
        (["order.created"], True, "order.created, filtered"),
        (ORDERS, False, "order.*"),
        (ORDERS[:2], False, "order.created and 1 more"),
        ([*INVOICES, "order.refunded", *RETURNS], False, "invoice.* and 3 more"),
        (["customer.created", *ORDERS, "invoice.paid"], False, "order.* and 2 more"),
        # A group of one type is not a group, and neither is a name without a dot
        (["user.created"], False, "user.created"),
        (["ping"], False, "ping"),
        # A type that the catalogue does not know keeps its own line
        ([*ORDERS, "order.lost"], False, "order.*"),
        (["unknown.thing"], False, "unknown.thing"),
        # A type may have any name
        (["<script>alert(1)</script>"], False, "<script>alert(1)</script>"),
    ],
)
def test_listens_words(chosen: list[str], conditions: bool, words: str) -> None:
    assert listens_words(chosen, KNOWN, has_conditions=conditions) == words


def test_a_complete_group_is_one_line_with_its_types() -> None:
    lines = choices([*RETURNS, *INVOICES, "order.refunded"], KNOWN)
    assert [line.name for line in lines] == ["invoice.*", "order.refunded", "return.*"]
    assert [line.is_group for line in lines] == [True, False, True]
    assert lines[0].types == tuple(INVOICES)


def test_a_type_that_is_named_like_a_group_is_none() -> None:
    assert [line.is_group for line in choices(["order.*"], KNOWN)] == [False]


def test_every_kind_of_answer_has_words() -> None:
    assert set(ANSWERS) == set(AnswerKind)


def test_every_status_of_an_endpoint_has_a_pill() -> None:
    assert list(ENDPOINT_PILLS) == list(EndpointHealth)

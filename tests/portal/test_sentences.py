"""The sentence on an endpoint's page: what is so, since when, a guess, and the one thing to do next."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.utils.translation import override

from core.actors import Actor, ActorKind
from core.api.fields import INT32_MAX
from deliveries.health import EndpointHealth, Health
from outbound.answers import AnswerKind
from outbound.retries import EXPONENTIAL, LINEAR
from portal.sentences import GUESSES, Circumstances, Target, guess, guess_words, retried_for, sentence

NOW = datetime(2026, 11, 27, 18, 42, tzinfo=UTC)
THEN = NOW - timedelta(days=1)
TOLD = Circumstances(
    url="https://shop.birch.example/webhooks/acme",
    timeout_seconds=10,
    attempts=5,
    retried_for_seconds=10_800,
    sender="Acme",
    reader={"session"},
    now=NOW,
)
BY_US = Actor(ActorKind.PORTAL_SESSION, "session", "")
BY_OTHERS = Actor(ActorKind.PORTAL_LINK, "link", "")
BY_KEY = Actor(ActorKind.API_KEY, "key", "CI key of Acme")
BY_OPERATOR = Actor(ActorKind.OPERATOR, "", "root")
BY_BREAKER = Actor(ActorKind.CIRCUIT_BREAKER, "", "")


def facts(status: str = "active", since: datetime | None = None, actor: Actor | None = None, **fields: Any) -> Health:
    """The health of an endpoint, by itself fine and quiet."""
    quiet = Health(
        status=EndpointHealth(status),
        hours=[],
        delivered=0,
        failed=0,
        since=since,
        actor=actor,
        reason="",
        last_failure="",
        last_failure_text="",
        last_failure_at=None,
        last_delivered_at=None,
        waiting=0,
        retrying_since=None,
        missed=0,
        listens=[],
        has_conditions=False,
    )
    return replace(quiet, **fields)


FAILING = facts("failing", THEN, last_failure="404", last_failure_text="404 Not Found", failed=61)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with override("en"):
        yield


def said(health: Health, told: Circumstances = TOLD) -> tuple[str, str | None]:
    """Return a sentence as its reader sees it, with the label of its action."""
    found = sentence(health, told)
    text = unescape(re.sub("<[^>]*>", "", f"{found.head} {found.text}")).strip()
    return text, None if found.action is None else str(found.action.label)


@pytest.mark.parametrize(
    ("health", "text", "action"),
    [
        (facts(), "Ready. Nothing was sent in the last 24 hours.", None),
        (
            facts(delivered=391, last_delivered_at=NOW - timedelta(seconds=12)),
            "Everything delivered. 391 deliveries in the last 24 hours, the latest 12 seconds ago.",
            None,
        ),
        (
            facts(delivered=1, last_delivered_at=NOW - timedelta(hours=3)),
            "Everything delivered. 1 delivery in the last 24 hours, 3 hours ago.",
            None,
        ),
        (
            facts(delivered=1140, failed=3, last_delivered_at=NOW - timedelta(minutes=6)),
            "3 of 1,143 deliveries in the last 24 hours have failed. The latest was delivered 6 minutes ago.",
            None,
        ),
        (
            FAILING,
            "Failing since Nov. 26, 2026, 18:42:00 UTC: 404 Not Found. 61 of 61 deliveries in the last 24 hours have "
            "failed. Your server is there, but knows nothing at this path. Has it moved?",
            "Change URL",
        ),
        (
            facts("failing", None, delivered=5, failed=5, last_failure="429"),
            "5 of 10 deliveries in the last 24 hours have failed. The latest answer: 429 Too Many Requests. Too many "
            "at once.",
            "Set a rate limit",
        ),
        (
            facts("retrying", waiting=12, retrying_since=THEN, last_failure="503"),
            "12 deliveries are being retried: 503 Service Unavailable since Nov. 26, 2026, 18:42:00 UTC. We try each 5 "
            "times over about 3 hours.",
            "Send a test event",
        ),
        (
            facts("retrying", waiting=1, last_failure="timeout"),
            "1 delivery is being retried: No answer in 10 seconds. We try each 5 times over about 3 hours.",
            "Send a test event",
        ),
        (
            facts("not_subscribed"),
            "This endpoint gets nothing yet. It listens to no event. Choose which ones it should receive.",
            "Choose events",
        ),
        (
            facts("paused", THEN, BY_US, missed=61),
            "Paused by you since Nov. 26, 2026, 18:42:00 UTC. While it is paused nothing is sent here: 61 events have "
            "been missed so far. When you resume, you can have them sent.",
            "Resume…",
        ),
        (
            facts("paused", THEN, BY_OTHERS, missed=1),
            "Paused by someone else with access since Nov. 26, 2026, 18:42:00 UTC. While it is paused nothing is sent "
            "here: 1 event has been missed so far. When you resume, you can have them sent.",
            "Resume…",
        ),
        (
            facts("paused", THEN, BY_KEY),
            "Paused by Acme since Nov. 26, 2026, 18:42:00 UTC. While it is paused nothing is sent here. Nothing has "
            "been missed so far.",
            "Resume…",
        ),
        # Since before it was recorded
        (
            facts("paused", missed=10_001),
            "Paused. While it is paused nothing is sent here: 10,000+ events have been missed so far. When you resume, "
            "you can have them sent.",
            "Resume…",
        ),
        (
            facts("disabled", THEN, BY_BREAKER, last_failure="tls_expired", missed=418),
            "Disabled on Nov. 26, 2026, 18:42:00 UTC, because too much has failed. The last answer: The certificate "
            "has expired. Renew the certificate of shop.birch.example, then test again. 418 events have been missed.",
            "Test and enable",
        ),
        (
            facts("disabled", THEN, BY_OPERATOR, last_failure="404", missed=1),
            "Disabled by Acme on Nov. 26, 2026, 18:42:00 UTC. 1 event has been missed.",
            "Test and enable",
        ),
        (facts("disabled"), "Disabled.", "Test and enable"),
    ],
)
def test_sentence(health: Health, text: str, action: str | None) -> None:
    assert said(health) == (text, action)


@pytest.mark.parametrize("actor", [BY_KEY, BY_OPERATOR])
def test_the_company_is_named_and_not_its_key_or_operator(actor: Actor) -> None:
    text, _ = said(facts("disabled", THEN, actor))
    assert actor.name not in text


@pytest.mark.parametrize(
    ("kind", "text", "target"),
    [
        ("404", "knows nothing at this path", Target.URL),
        ("410", "knows nothing at this path", Target.URL),
        ("401", "refuses us", Target.AUTHENTICATION),
        ("403", "refuses us", Target.AUTHENTICATION),
        ("400", "reads the webhook and rejects it", Target.LATEST),
        ("422", "reads the webhook and rejects it", Target.LATEST),
        ("418", "reads the webhook and rejects it", Target.LATEST),
        ("413", "too large", Target.LATEST),
        ("429", "Too many at once", Target.LIMITS),
        ("500", "a problem of its own", Target.TEST),
        ("503", "a problem of its own", Target.TEST),
        ("301", "another address", Target.URL),
        ("timeout", "longer than 10 seconds to answer", Target.LATEST),
        ("refused", "Nobody answers at shop.birch.example", Target.URL),
        ("reset", "Nobody answers at shop.birch.example", Target.URL),
        ("dns", "Nobody answers at shop.birch.example", Target.URL),
        ("tls_expired", "Renew the certificate of shop.birch.example", Target.TEST),
        ("tls_name", "a certificate for shop.birch.example", Target.TEST),
        ("tls_untrusted", "a public certificate", Target.TEST),
        ("a kind of a later release", "", Target.LATEST),
        ("", "", Target.LATEST),
    ],
)
def test_guess(kind: str, text: str, target: Target) -> None:
    assert text in unescape(guess_words(kind, TOLD))
    assert guess(kind).action.target == target


def test_what_a_receiver_answers_is_escaped() -> None:
    health = replace(FAILING, last_failure_text="404 <script>alert(1)</script> %(host)s %s")
    found = sentence(health, TOLD)
    assert "&lt;script&gt;alert(1)&lt;/script&gt; %(host)s %s" in found.head
    assert "<script" not in found.head


def test_a_name_and_a_host_are_escaped() -> None:
    told = replace(TOLD, sender="<b>Acme</b>", url="https://<i>host</i>/")
    assert "<b>" not in sentence(facts("paused", THEN, BY_KEY), told).head
    assert "<i>" not in sentence(replace(FAILING, last_failure="dns"), told).text


def test_a_url_that_cannot_be_read_is_shown_whole() -> None:
    assert "http://[" in guess_words("dns", replace(TOLD, url="http://["))


@pytest.mark.parametrize(
    ("status", "tone"),
    [("failing", "bad"), ("retrying", "warn"), ("active", "good"), ("paused", ""), ("disabled", "bad")],
)
def test_tone(status: str, tone: str) -> None:
    assert sentence(facts(status, last_failure="404"), TOLD).tone == tone


@pytest.mark.parametrize(
    ("strategy", "interval", "attempts", "seconds"),
    [
        *[(LINEAR, 10, 0, 0), (LINEAR, 10, 1, 0), (LINEAR, 10, 3, 20), (EXPONENTIAL, 10, 4, 70)],
        *[(EXPONENTIAL, 7200, 3, 14_400), (EXPONENTIAL, 1, 16, 8191 + 2 * 7200)],
        # As many as a project may have: counted one by one they would take minutes.
        *[(LINEAR, 10, INT32_MAX, 10 * (INT32_MAX - 1)), (EXPONENTIAL, 1, INT32_MAX, 8191 + 7200 * (INT32_MAX - 14))],
    ],
)
def test_retried_for(strategy: str, interval: int, attempts: int, seconds: float) -> None:
    assert retried_for(strategy, interval, attempts) == seconds


def test_every_kind_of_answer_has_a_guess() -> None:
    """But for an attempt that we broke off ourselves, which says so."""
    assert set(AnswerKind) - {AnswerKind.INTERRUPTED} <= set(GUESSES)

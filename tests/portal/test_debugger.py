"""The signature debugger: every finding, from a request that a customer could paste. No database."""

import json
import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from outbound.signatures import convoy_signature, standard_headers
from portal.debugger.bodies import change_of, difference_of
from portal.debugger.findings import MAX_BODY, KnownSecret, Owner, Pasted, Sent, State, Verdict
from portal.debugger.judging import TOLERANCE_SECONDS, judge
from portal.debugger.request import read_headers
from portal.debugger.words import FINDINGS, STEPS, difference_text, duration, lines, said

NOW = datetime(2026, 11, 27, 18, 44, 11, tzinfo=UTC)
SENT_AT = int(NOW.timestamp()) - 9
MESSAGE = "01KB3QZ7ZZK3Q5S8TM9W6V4X2Y"
BODY = '{"id":"evt_1","total":249.0,"name":"Zoë"}'
KEY = "x" * 24
CURRENT = "whsec_" + b64encode(KEY.encode()).decode()
TEXT, PREVIOUS, EXPIRED, OTHER = "a-plain-text-secret", "the-previous-one", "the-expired-one", "of-another"
SECRETS = [
    KnownSecret(CURRENT, Owner.CURRENT, "Orders ERP"),
    KnownSecret(PREVIOUS, Owner.PREVIOUS, "Orders ERP"),
    KnownSecret(EXPIRED, Owner.EXPIRED, "Orders ERP"),
    KnownSecret(OTHER, Owner.OTHER, "<b>Warehouse</b>"),
]
TEXT_SECRETS = [KnownSecret(TEXT, Owner.CURRENT, "Orders ERP"), *SECRETS[1:]]
SIGNATURE: dict[str, Any] = {
    "header": "X-Acme-Signature",
    "versions": [{"hash": "SHA256", "encoding": "hex"}, {"hash": "SHA512", "encoding": "base64"}],
}
SENT = Sent(MESSAGE, BODY.encode(), sent_at=frozenset({SENT_AT}))


def standard(*secrets: str, body: str = BODY, at: int = SENT_AT, message: str = MESSAGE) -> str:
    """The headers of Standard Webhooks as a log shows them."""
    signed = standard_headers(body.encode(), message_id=message, timestamp=at, secrets=secrets)
    return "Content-Type: application/json\n" + "\n".join(f"{name}: {value}" for name, value in signed.items())


def own(*secrets: str, body: str = BODY, at: int = SENT_AT, advanced: bool = True) -> str:
    """The project's own signature header."""
    versions = SIGNATURE["versions"]
    value = convoy_signature(body.encode(), secrets=secrets, versions=versions, advanced=advanced, timestamp=at)
    return f"X-Acme-Signature: {value}\nX-Convoy-EventDelivery-ID: {MESSAGE}"


def judged(
    headers: str,
    body: str = BODY,
    secret: str | None = None,
    *,
    sent: Sent | None = SENT,
    secrets: Sequence[KnownSecret] = SECRETS,
    now: datetime = NOW,
) -> Verdict:
    return judge(
        Pasted(headers, body, secret),
        secrets=secrets,
        find_sent=lambda uid: sent if sent is not None and sent.uid == uid else None,
        signature=SIGNATURE,
        now=now,
    )


@dataclass
class Case:
    """A pasted request and its finding. `steps` are the outcomes in order: y, n or - for not checked."""

    finding: str
    headers: str
    steps: str
    body: str = BODY
    secret: str | None = None
    sent: Sent | None = SENT
    secrets: Sequence[KnownSecret] = tuple(SECRETS)


UNKNOWN_TO_CUSTOMER = SENT._replace(body=None)
SPACED = json.dumps(json.loads(BODY), ensure_ascii=False)
ESCAPED = json.dumps(json.loads(BODY), separators=(",", ":"))
CASES = {
    "right, with the endpoint's secret": Case("right", standard(CURRENT), "yyyyy"),
    "right, with the secret that is pasted": Case("right", standard(CURRENT), "yyyyy", secret=CURRENT),
    "right, by the previous secret of an overlap": Case("right", standard(PREVIOUS, CURRENT), "yyyyy", secret=PREVIOUS),
    "right, with a text secret": Case("right", standard(TEXT), "yyyyy", secret=TEXT, secrets=TEXT_SECRETS),
    "right, with a text secret as libraries want it": Case(
        "right", standard(TEXT), "yyyyy", secret="whsec_" + b64encode(TEXT.encode()).decode(), secrets=TEXT_SECRETS
    ),
    "right, without knowing the delivery": Case("right", standard(CURRENT), "yynyy", sent=None),
    "right, with the secret of an endpoint that is gone": Case(
        "right", standard("gone"), "yynyy", secret="gone", sent=None
    ),
    "right, own header": Case("right", own(CURRENT), "yyyyy"),
    "right, own header, simple": Case("right", own(CURRENT, advanced=False), "y-yyy"),
    "right, own header, pasted": Case("right", own(TEXT, PREVIOUS), "yyyyy", secret=TEXT, secrets=TEXT_SECRETS),
    "no headers": Case("none", "", "n----"),
    "no signature": Case("none", "Content-Type: application/json\nno header here", "n----"),
    "one missing": Case("missing", standard(CURRENT).replace("webhook-timestamp", "date"), "n----"),
    "renamed by a proxy": Case("renamed", standard(CURRENT).replace("webhook-id", "x-acme-webhook-id"), "n----"),
    "a time that is a date": Case(
        "time_malformed", standard(CURRENT).replace(str(SENT_AT), "2026-11-27T18:44:02Z"), "n----"
    ),
    "a signature without version": Case("signature_malformed", standard(CURRENT).replace("v1,", ""), "n----"),
    "own header without signatures": Case("own_malformed", f"X-Acme-Signature: t={SENT_AT}", "n----"),
    "own header with another time": Case("own_malformed", "X-Acme-Signature: t=now,v1=abc", "n----"),
    "space after each colon": Case("body_respaced", standard(CURRENT), "yyyyn", body=SPACED),
    "escaped by the framework": Case("body_rewritten", standard(CURRENT), "yyyyn", body=ESCAPED),
    "a trailing line break": Case("body_newline", standard(CURRENT), "yyyyn", body=BODY + "\n"),
    "a trailing line break of a form": Case("body_newline", standard(CURRENT), "yyyyn", body=BODY + "\r\n"),
    "space around": Case("body_space", standard(CURRENT), "yyyyn", body=f" {BODY}\t"),
    "empty": Case("body_empty", standard(CURRENT), "yyyyn", body=""),
    "cut": Case("body_cut", standard(CURRENT), "yyyyn", body=BODY[:20]),
    "Latin-1": Case("body_charset", standard(CURRENT), "yyyyn", body=BODY.encode().decode("latin-1")),
    "JSON in JSON": Case("body_twice", standard(CURRENT), "yyyyn", body=json.dumps(BODY, ensure_ascii=False)),
    "other data": Case("body_other", standard(CURRENT), "yyyyn", body='{"id":"evt_2"}'),
    "own header, space": Case("body_respaced", own(CURRENT), "yyyyn", body=SPACED),
    "own header, simple, line break": Case("body_newline", own(CURRENT, advanced=False), "y-yyn", body=BODY + "\n"),
    "a body that may not be shown, with a line break": Case(
        "body_newline", standard(CURRENT), "yyyyn", body=BODY + "\n", sent=UNKNOWN_TO_CUSTOMER
    ),
    "a body that may not be shown, with spaces": Case(
        "body_respaced", standard(CURRENT), "yyyyn", body=SPACED, sent=UNKNOWN_TO_CUSTOMER
    ),
    "a body that may not be shown, other data": Case(
        "secret_no_match", standard(CURRENT), "yyy--", body="{}", sent=UNKNOWN_TO_CUSTOMER
    ),
    "secret with a line break": Case("secret_space", standard(CURRENT), "yyyny", secret=CURRENT + "\n"),
    "secret with a space before": Case("secret_space", own(TEXT), "yyyny", secret=f" {TEXT}", secrets=TEXT_SECRETS),
    "secret in quotation marks": Case("secret_quotes", standard(CURRENT), "yyyny", secret=f'"{CURRENT}"'),
    "secret without whsec_": Case(
        "secret_no_prefix", standard(CURRENT), "yyyny", secret=CURRENT.removeprefix("whsec_")
    ),
    "whsec_ before a text secret": Case(
        "secret_prefix", own(TEXT), "yyyny", secret=f"whsec_{TEXT}", secrets=TEXT_SECRETS
    ),
    "text secret in base64": Case(
        "secret_encoded",
        own(TEXT),
        "yyyny",
        secret="whsec_" + b64encode(TEXT.encode()).decode(),
        secrets=TEXT_SECRETS,
    ),
    "decoded secret": Case("secret_decoded", own(CURRENT), "yyyny", secret=KEY),
    "expired secret": Case("secret_pasted_expired", standard(CURRENT), "yyyny", secret=EXPIRED),
    "previous secret after the overlap": Case("secret_pasted_previous", standard(CURRENT), "yyyny", secret=PREVIOUS),
    "current secret for an older request": Case("secret_pasted_current", standard(EXPIRED), "yyyny", secret=CURRENT),
    "another endpoint's secret": Case("secret_pasted_other", standard(CURRENT), "yyyny", secret=OTHER),
    "any other secret": Case("secret_signed_current", standard(CURRENT), "yyyny", secret="what is this"),
    "any other secret during an overlap": Case("secret_signed_previous", standard(PREVIOUS), "yyyny", secret="no"),
    "signed with an expired secret": Case("secret_signed_expired", standard(EXPIRED), "yyyny"),
    "signed with an expired secret, which is pasted": Case(
        "secret_is_expired", standard(EXPIRED), "yyyny", secret=EXPIRED
    ),
    "signed with another endpoint's secret": Case("secret_signed_other", standard(OTHER), "yyyny"),
    "another endpoint's secret, which is pasted": Case("secret_is_other", standard(OTHER), "yyyny", secret=OTHER),
    "signed over the body alone": Case(
        "secret_is_current",
        f"webhook-id: {MESSAGE}\nwebhook-timestamp: {SENT_AT}\nwebhook-signature: v1,AAAA",
        "yyyyy",
        secret=CURRENT,
    ),
    "nothing fits": Case("secret_no_match", standard("who"), "yynn-", secret="none", sent=None),
    "nothing fits, with the endpoint's secret": Case("secret_no_match", standard("who"), "yyy-y"),
    "both are wrong": Case("body_respaced", standard(CURRENT), "yyynn", body=SPACED, secret=f"{CURRENT}\n"),
    "of another endpoint": Case(
        "other_endpoint",
        standard("who"),
        "yyn-y",
        sent=SENT._replace(other_endpoint="<i>Warehouse"),
    ),
    "a test event": Case("right", standard(CURRENT), "yyyyy", sent=SENT._replace(is_test=True)),
    "own header that names no delivery": Case("right", own(CURRENT).splitlines()[0], "yy-yy"),
    "previous secret for a signature of nobody": Case("secret_is_previous", standard("who"), "yyyny", secret=PREVIOUS),
    "neither secret nor body": Case("body_respaced", standard("who"), "yyynn", body=SPACED, secret="none"),
    "too old": Case("right_old", standard(CURRENT, at=SENT_AT - 600), "ynyyy"),
    "from the future": Case("right_in_future", standard(CURRENT, at=SENT_AT + 600), "ynyyy"),
    "old, but that is when it was sent": Case(
        "right", standard(CURRENT, at=SENT_AT - 600), "yyyyy", sent=SENT._replace(sent_at=frozenset({SENT_AT - 600}))
    ),
    "own header, too old": Case("right_old", own(CURRENT, at=SENT_AT - 600), "ynyyy"),
}
LETTERS = {State.YES: "y", State.NO: "n", State.OPEN: "-"}


@pytest.mark.parametrize("name", CASES)
def test_finding(name: str) -> None:
    case = CASES[name]
    verdict = judged(case.headers, case.body, case.secret, sent=case.sent, secrets=case.secrets)
    assert verdict.finding == case.finding
    assert [step.name for step in verdict.steps] == ["headers", "timestamp", "delivery", "secret", "body"]
    assert "".join(LETTERS[step.state] for step in verdict.steps) == case.steps
    assert verdict.is_good is case.finding.startswith("right")
    # Every code has its sentences, and these neither lack a value nor let markup through.
    text = "".join(line.text for line in lines(verdict)) + said(verdict).headline + "".join(said(verdict).text)
    assert "{" not in text
    assert "<b>" not in text
    assert "<i>" not in text


def test_no_sentence_is_without_a_case() -> None:
    found, told = set(), set()
    for case in CASES.values():
        verdict = judged(case.headers, case.body, case.secret, sent=case.sent, secrets=case.secrets)
        found.add(verdict.finding)
        told |= {f"{step.name} {step.code}" for step in verdict.steps}
    assert set(FINDINGS) - found == {"right_text"}  # below
    assert set(STEPS) <= told


def test_the_place_where_bodies_differ() -> None:
    verdict = judged(standard(CURRENT), SPACED)
    assert verdict.difference is not None
    assert verdict.difference.at == 7
    assert verdict.difference.before == '{"id":'
    assert verdict.difference.sent.startswith('"evt_1"')
    assert verdict.difference.received.startswith(' "evt_1"')
    assert verdict.difference.sent_bytes == len(BODY.encode())
    assert difference_text(7, verdict.difference.received) == "It differs from what we sent at byte 7: a space."


def test_what_was_sent_is_not_told_where_it_may_not_be_seen() -> None:
    verdict = judged(standard(CURRENT), SPACED, sent=UNKNOWN_TO_CUSTOMER)
    assert verdict.difference is None
    assert "evt_1" not in repr(verdict)


def test_no_secret_is_told() -> None:
    for case in CASES.values():
        verdict = judged(case.headers, case.body, case.secret, sent=case.sent, secrets=case.secrets)
        told = repr(verdict) + "".join(line.text for line in lines(verdict)) + "".join(said(verdict).text)
        assert not [secret for secret in (CURRENT, TEXT, PREVIOUS, EXPIRED, OTHER) if secret in told]


DIFFERENCES = {
    (b"abc", b"abd"): 3,
    (b"abc", b"ab"): 3,
    (b"", b"a"): 1,
    (b"a" * 1000 + b"b", b"a" * 1000 + b"c"): 1001,
}


@pytest.mark.parametrize(("sent", "received"), DIFFERENCES)
def test_first_difference(sent: bytes, received: bytes) -> None:
    found = difference_of(sent, received)
    assert found.at == DIFFERENCES[sent, received]
    assert len(found.before) <= 25
    assert len(found.sent) <= 25


def test_a_character_that_is_cut_by_the_excerpt_is_shown_as_such() -> None:
    found = difference_of("ë".encode() * 50 + b"a", "ë".encode() * 50 + b"b")
    assert (found.sent, found.received) == ("a", "b")
    assert change_of(b"\xff", b"a") == "other"


HEADERS = {
    "Webhook-Id: msg_1": ("webhook-id", "msg_1"),
    '"webhook-id": "msg_1",': ("webhook-id", "msg_1"),
    "'Webhook-Id': ['msg_1'],": ("webhook-id", "msg_1"),
    "HTTP_WEBHOOK_ID=msg_1": ("webhook-id", "msg_1"),
    "[HTTP_WEBHOOK_ID] => msg_1": ("webhook-id", "msg_1"),
    "> webhook-id: msg_1": ("webhook-id", "msg_1"),
    "webhook-signature: v1,a+/= v1,b=": ("webhook-signature", "v1,a+/= v1,b="),
    "X-Acme-Signature: t=1,v1=a": ("x-acme-signature", "t=1,v1=a"),
}


@pytest.mark.parametrize("line", HEADERS)
def test_headers_as_logs_and_frameworks_show_them(line: str) -> None:
    name, value = HEADERS[line]
    assert read_headers(f"POST / HTTP/1.1\n{line}\n") == {name: value}


def test_a_large_paste_takes_no_time() -> None:
    began = time.process_time()
    headers = standard("who").replace("v1,", "v1,x v1," * 1_000) + "\n" + "a: " + '"' * 10_000
    many = [KnownSecret(f"secret-{number}", Owner.OTHER, "x") for number in range(100)]
    verdict = judged(headers, "[" * 200_000, "s" * 512, secrets=[*SECRETS, *many], sent=None)
    assert verdict.finding in ("secret_no_match", "signature_malformed")
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    "line", ["-" * 16_000, "a:x" + " " * 16_000 + "x", "a" + " " * 16_000, "a:" + "'" * 16_000 + "x"]
)
def test_a_long_line_takes_no_time(line: str) -> None:
    began = time.process_time()
    read_headers(line)
    assert time.process_time() - began < 0.2


def test_tolerance_is_that_of_the_libraries() -> None:
    at_the_edge = NOW + timedelta(seconds=TOLERANCE_SECONDS - 9)
    assert judged(standard(CURRENT), now=at_the_edge).steps[1].code == "fresh"
    assert judged(standard(CURRENT), now=at_the_edge + timedelta(seconds=1)).steps[1].code == "sent_then"


DURATIONS = {0: "0 seconds", 1: "1 second", 119: "119 seconds", 120: "2 minutes", 7_200: "2 hours", 200_000: "2 days"}


@pytest.mark.parametrize("seconds", DURATIONS)
def test_duration(seconds: int) -> None:
    assert duration(seconds) == DURATIONS[seconds]


def test_a_text_secret_comes_with_a_hint() -> None:
    verdict = judged(standard(TEXT), secrets=TEXT_SECRETS)
    assert "plain text" in said(verdict).text[0]
    assert "plain text" not in said(judged(standard(CURRENT))).text[0]


class TestManySecrets:
    """A customer may have a hundred endpoints with twenty live secrets each."""

    OTHERS = tuple(KnownSecret(f"secret {number}", Owner.OTHER, "Many") for number in range(2_000))

    @pytest.mark.slow
    @pytest.mark.parametrize("signed", [standard, own])
    @pytest.mark.parametrize("filling", ["x", "\U0001f984"])
    def test_a_long_body_costs_little(self, signed: Callable[..., str], filling: str) -> None:
        body = f'{{"a": "{filling * (MAX_BODY - 20)}"}} \n'
        begun = time.thread_time()
        verdict = judged(signed("of nobody", body="another"), body, "pasted", sent=None, secrets=self.OTHERS)
        assert time.thread_time() - begun < 1
        assert verdict.finding == "secret_no_match"

    def test_all_are_tried_with_an_ordinary_body(self) -> None:
        assert judged(standard("secret 1999"), sent=None, secrets=self.OTHERS).finding == "secret_signed_other"

    def test_those_of_the_endpoint_are_tried_with_a_long_one(self) -> None:
        body = f'{{"a": "{"x" * (MAX_BODY - 20)}"}} \n'
        secrets = [KnownSecret(f"own {number}", Owner.PREVIOUS, "A") for number in range(41)]
        verdict = judged(standard("own 40", body=body), body, sent=None, secrets=[*secrets, *self.OTHERS])
        assert verdict.finding == "right"

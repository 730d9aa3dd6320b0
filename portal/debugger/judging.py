"""Check a pasted request step by step. Pure functions over what is pasted and what is known.

Nothing of it is stored, logged or answered but the place where bodies differ.
Contract: docs/contract/signatures.md#standard-webhooks, docs/contract/signatures.md#advanced.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from outbound.signatures import STANDARD_PREFIX
from portal.debugger.bodies import change_of, difference_of
from portal.debugger.findings import KnownSecret, Owner, Pasted, Sent, State, Step, Verdict
from portal.debugger.request import Request, read_headers, read_request
from portal.debugger.secrets import Found, search

#: The seconds by which a request's time may differ from the receiver's clock, as the libraries have it.
TOLERANCE_SECONDS = 5 * 60


def judge(
    pasted: Pasted,
    *,
    secrets: Sequence[KnownSecret],
    find_sent: Callable[[str], Sent | None],
    signature: Mapping[str, Any],
    now: datetime,
) -> Verdict:
    """Check a pasted request step by step: headers, timestamp, delivery, secret, body.

    `secrets` are those of the endpoint, the current one first, then those of the customer's other endpoints.
    `find_sent` returns a delivery to one of the customer's endpoints by its id. `signature` is the project's
    configuration of its own signature header.
    """
    headers = read_headers(pasted.headers)
    request, step = read_request(headers, signature)
    if request is None:
        return Verdict([step, *_open("timestamp", "delivery", "secret", "body")], step.code, step.values)
    known = find_sent(request.delivery_id) if request.delivery_id else None
    steps = [step, _timestamp(request, known, now), _delivery(request, known)]
    # A form sends line breaks as CR LF, whatever was pasted.
    received = pasted.body.replace("\r\n", "\n").encode()
    sent = None if known is None else known.body
    found = search(request, pasted.secret, secrets, received, sent)
    difference = None if sent is None or sent == received else difference_of(sent, received)
    steps += [_secret_step(found, pasted.secret), _body_step(found, received, sent)]
    finding, values = _finding(found, steps, received, sent, is_pasted=pasted.secret is not None)
    return Verdict(steps, finding, values, difference if found.body != "received" else None)


def _open(*names: str) -> list[Step]:
    return [Step(name, State.OPEN, "unchecked") for name in names]


def _timestamp(request: Request, known: Sent | None, now: datetime) -> Step:
    if request.timestamp is None:
        return Step("timestamp", State.OPEN, "no_time", {"header": request.header})
    age = int(now.timestamp()) - request.timestamp
    values = {"age": abs(age), "at": datetime.fromtimestamp(min(request.timestamp, 2**35), UTC)}
    if age < -TOLERANCE_SECONDS:
        return Step("timestamp", State.NO, "in_future", values)
    if age > TOLERANCE_SECONDS:
        was_sent_then = known is not None and request.timestamp in known.sent_at
        return Step(
            "timestamp", State.YES if was_sent_then else State.NO, "sent_then" if was_sent_then else "old", values
        )
    return Step("timestamp", State.YES, "fresh", values)


def _delivery(request: Request, known: Sent | None) -> Step:
    if not request.delivery_id:
        return Step("delivery", State.OPEN, "no_delivery")
    values: dict[str, Any] = {"id": request.delivery_id[:80]}
    if known is None:
        return Step("delivery", State.NO, "unknown", values)
    if known.other_endpoint:
        return Step("delivery", State.NO, "of_other_endpoint", values | {"endpoint": known.other_endpoint})
    return Step("delivery", State.YES, "known_test" if known.is_test else "known", values)


def _secret_step(found: Found, pasted: str | None) -> Step:
    values = {"endpoint": "" if found.known is None else found.known.endpoint}
    owner = None if found.known is None else found.known.owner
    if found.how is None:
        if owner is None:
            return Step("secret", State.NO if pasted is not None else State.OPEN, "no_match")
        # The secret is one of ours, but with no body that is known does it give this signature.
        return Step("secret", State.YES if owner is Owner.CURRENT else State.NO, f"is_{owner}", values)
    if found.how == "signed":
        if found.pasted is not None:
            return Step("secret", State.NO, f"pasted_{found.pasted.owner}", {"endpoint": found.pasted.endpoint})
        right = pasted is None and owner in (Owner.CURRENT, Owner.PREVIOUS)
        return Step("secret", State.YES if right else State.NO, f"signed_{owner}", values)
    if found.how != "pasted":
        return Step("secret", State.NO, found.how.removeprefix("pasted_"), values)
    is_right = owner not in (Owner.EXPIRED, Owner.OTHER)
    return Step("secret", State.YES if is_right else State.NO, "fits" if owner is None else f"is_{owner}", values)


def _body_step(found: Found, received: bytes, sent: bytes | None) -> Step:
    if found.body == "received":
        return Step("body", State.YES, "fits")
    if found.body is not None:
        return Step("body", State.NO, "not_this_one")
    if sent is not None:
        return Step("body", State.YES, "same") if sent == received else Step("body", State.NO, "differs")
    return Step("body", State.OPEN, "unknown_body")


def _finding(
    found: Found, steps: Sequence[Step], received: bytes, sent: bytes | None, *, is_pasted: bool
) -> tuple[str, dict[str, Any]]:
    """Return the code of the first thing that is wrong, with its values."""
    by_name = {step.name: step for step in steps}
    secret, timestamp, delivery = by_name["secret"], by_name["timestamp"], by_name["delivery"]
    if found.body not in (None, "received") or (found.body is None and sent is not None and sent != received):
        code = change_of(sent, received) if sent is not None else str(found.body)
        return f"body_{code}", {"is_secret_right": secret.state is State.YES}
    if found.body is None and delivery.code == "of_other_endpoint":
        return "other_endpoint", delivery.values
    if secret.state is State.NO or found.body is None:
        return f"secret_{secret.code}", secret.values | {"is_pasted": is_pasted}
    if timestamp.state is State.NO:
        return f"right_{timestamp.code}", timestamp.values
    # Libraries of Standard Webhooks take a secret without whsec_ for base64, and compute another signature.
    is_text = found.known is not None and not found.known.value.startswith(STANDARD_PREFIX)
    return "right", {"is_text": is_text and by_name["headers"].code == "standard"}

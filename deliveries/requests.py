"""Build the signed request of a delivery: for the worker that sends it, and for a copy that the API answers.

Contract: docs/contract/signatures.md#request.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from applications.prefixes import MESSAGE
from events.exceptions import KeyMissing
from events.models import EventDelivery
from outbound.headers import TEST_HEADER, Headers, request_headers, trace_headers
from outbound.payload import NotAnObject, form_encode
from outbound.signatures import convoy_signature, standard_headers, svix_headers
from projects.config import REQUEST_ID_HEADER

USER_AGENT = f"Convoy/{settings.VERSION}"
FORM = "application/x-www-form-urlencoded"


class Unbuildable(Exception):
    """No request can be built for this delivery, now or later; the text says why."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a delivery, its event, its endpoint and its project that its request is made of."""

    delivery_id: str
    event_id: str
    #: EventDelivery.Test.
    test: str
    data: str
    headers: Mapping[str, Sequence[str]]
    idempotency_key: str
    content_type: str
    advanced_signatures: bool
    #: The secrets that are live, oldest first.
    secrets: list[str]
    #: Project.config.
    config: Mapping[str, Any]
    #: Project.sends_svix_headers.
    sends_svix_headers: bool = False


def signed_request(
    parts: Parts, *, now: datetime, authentication: Headers, marks: dict[str, str] | None = None
) -> tuple[Headers, bytes]:
    """Return headers and body of a request at `now`, with the headers of the endpoint's `authentication`.

    `marks` are headers of ours that mark the request. Raises Unbuildable and ValueError, whose texts hold no secret.
    """
    config = parts.config
    if config["request_id_header"] != REQUEST_ID_HEADER and not parts.idempotency_key:
        raise Unbuildable(KeyMissing.message)
    body = parts.data.encode()
    if parts.content_type == FORM:
        try:
            body = form_encode(body)
        except NotAnObject:
            raise Unbuildable("a payload that is not an object cannot be sent as a form") from None
    secrets = parts.secrets[-1:] if parts.test == EventDelivery.Test.REHEARSAL else parts.secrets
    timestamp = int(now.timestamp())
    signature = config["signature"]
    standard = standard_headers(body, message_id=parts.delivery_id, timestamp=timestamp, secrets=secrets)
    if parts.sends_svix_headers:
        # By this id a receiver finds the message in Svix's API.
        message_id = f"{MESSAGE}{parts.event_id}"
        standard |= svix_headers(body, message_id=message_id, timestamp=timestamp, secrets=secrets)
    headers = request_headers(
        signature_header=signature["header"],
        signature=convoy_signature(
            body,
            secrets=secrets,
            versions=signature["versions"],
            advanced=parts.advanced_signatures,
            timestamp=timestamp,
        ),
        standard=standard | ({TEST_HEADER: "1"} if parts.test else {}) | (marks or {}),
        content_type=parts.content_type,
        user_agent=USER_AGENT,
        request_id_header=config["request_id_header"],
        idempotency_key=parts.idempotency_key,
        authentication=authentication,
        trace=trace_headers(event_id=parts.event_id, delivery_id=parts.delivery_id)
        if config["add_event_id_trace_headers"]
        else (),
        custom=parts.headers,
    )
    return headers, body

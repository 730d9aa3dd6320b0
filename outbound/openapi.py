"""Describe in the OpenAPI document what is sent: webhooks to endpoints, and meta events to the company.

`webhooks` is a member of OpenAPI 3.1. The document is of 3.0, which more generators of clients read, so that the member
is `x-webhooks`, by which tools know it there. Contract: docs/contract/signatures.md.
"""

from typing import Any

from core.api.documents import Schema
from core.api.envelope import JSON
from outbound.headers import TEST_HEADER

_ANSWERS = (
    "Any status from 200 to 299 is a success; after the others it is sent again as the project's strategy says. It "
    "arrives at least once, and may arrive in another order than it happened."
)
Header = tuple[str, str, bool]
#: Name, description, and whether every request has it.
_EVENT_HEADERS: list[Header] = [
    ("webhook-id", "The id of the delivery, the same for each of its attempts.", True),
    ("webhook-timestamp", "The time of this attempt, in Unix seconds.", True),
    ("webhook-signature", "`v1,<base64>` for each live secret, separated by spaces: Standard Webhooks.", True),
    (
        "X-Convoy-Signature",
        "Convoy's signature, under the name that `config.signature.header` of the project has.",
        True,
    ),
    (
        "X-Convoy-Idempotency-Key",
        "The event's key, where it has one, under the name that `config.request_id_header` of the project has.",
        False,
    ),
    (TEST_HEADER, "`1` on test events.", False),
]
_META_HEADERS: list[Header] = [
    ("X-Convoy-Signature", "HMAC-SHA256 of the body in hex, with `config.meta_event.secret`.", True),
    ("X-Convoy-Idempotency-Key", "The same for each attempt.", True),
]
_PAYLOAD: Schema = {"description": "The event's `data`, any JSON value, without the spaces between its tokens."}
_META_EVENT: Schema = {
    "type": "object",
    "properties": {
        "event_type": {"type": "string", "example": "endpoint.created"},
        "data": {"type": "object", "description": "The endpoint or the delivery that it is about."},
    },
    "required": ["event_type", "data"],
}


def describe_webhooks(result: Schema, **_: Any) -> Schema:
    """Add the webhooks to the document, as a postprocessing hook."""
    event = (
        "An event on its way to an endpoint. Verify one of the two signatures over the bytes of the body, as they came "
        f"(docs/signatures.md). {_ANSWERS}"
    )
    meta_event = (
        "A change of the project's own endpoints or deliveries, sent to `config.meta_event.url` of the project. "
        f"{_ANSWERS}"
    )
    result["x-webhooks"] = {
        "event": {"post": _webhook("Receive an event", event, _EVENT_HEADERS, _PAYLOAD)},
        "metaEvent": {"post": _webhook("Receive a meta event", meta_event, _META_HEADERS, _META_EVENT)},
    }
    return result


def _webhook(summary: str, description: str, headers: list[Header], payload: Schema) -> Schema:
    return {
        "summary": summary,
        "description": description,
        "parameters": [
            {"in": "header", "name": name, "description": said, "required": required, "schema": {"type": "string"}}
            for name, said, required in headers
        ],
        "requestBody": {"required": True, "content": {JSON: {"schema": payload}}},
        "responses": {"2XX": {"description": "Received. The answer is kept with the attempt."}},
    }

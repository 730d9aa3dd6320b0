"""Describe headers, states and retry strategies in the API document."""

from core.api.openapi import TIME, define, integer, nullable, record, text
from outbound.states import Status

HTTP_HEADER = define(
    "datastore.HttpHeader",
    {
        "type": "object",
        "additionalProperties": {"type": "string"},
        "description": "Headers, with the values of one name joined.",
    },
)
HTTP_HEADERS = define(
    "httpheader.HTTPHeader",
    {
        "type": "object",
        "nullable": True,
        "additionalProperties": {"type": "array", "items": {"type": "string"}},
        "description": "Headers, each with its values.",
    },
)
STATUS = define("datastore.EventDeliveryStatus", text(enum=list(Status.values)))
STRATEGY = define("datastore.StrategyProvider", text(enum=["linear", "exponential"]))
METADATA = define(
    "datastore.Metadata",
    record(
        {
            "data": nullable({"type": "object"}, "The payload, which can be any JSON value."),
            "raw": text("The payload's text, which is sent byte for byte."),
            "strategy": STRATEGY,
            "interval_seconds": integer("Seconds to the second attempt."),
            "retry_limit": integer("The number of attempts, including the first; each resend allows as many again."),
            "num_trials": integer("Attempts made so far, including those before a resend."),
            "next_send_time": TIME,
            "max_retry_seconds": integer("0: the server's own bound of an exponential delay applies."),
        }
    ),
)

"""What is sent, and how often it is tried, in the OpenAPI document."""

from core.api.openapi import TIME, define, integer, nullable, record, text
from outbound.states import Status

HTTP_HEADER = define(
    "datastore.HttpHeader",
    {
        "type": "object",
        "additionalProperties": {"type": "string"},
        "description": "Headers; values of one name joined.",
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
            "raw": text("The payload's text: what is sent, byte for byte."),
            "strategy": STRATEGY,
            "interval_seconds": integer("Seconds to the second attempt."),
            "retry_limit": integer("Attempts in all, the first included; each resend has as many again."),
            "num_trials": integer("Attempts that were made, before a resend too."),
            "next_send_time": TIME,
            "max_retry_seconds": integer("0: the server's bound of an exponential delay."),
        }
    ),
)

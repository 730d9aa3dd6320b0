"""Describe payload, state and retries in answers, for deliveries and meta events alike."""

from datetime import datetime
from typing import Annotated, Any, TypedDict

from orjson import Fragment

from core.api.documents import Component, Example, Keywords, Time, component
from core.api.values import wire_time
from outbound.retries import CAP_SECONDS, STRATEGIES
from outbound.states import Status

HttpHeader = Annotated[
    dict[str, str], "Headers, with the values of one name joined.", Component("datastore.HttpHeader")
]
HttpHeaders = Annotated[
    dict[str, list[str]] | None, "Headers, each with its values.", Component("httpheader.HTTPHeader")
]
DeliveryStatus = Annotated[
    str, Keywords(enum=list(Status.values)), Component("datastore.EventDeliveryStatus"), Example(Status.SUCCESS.value)
]
StrategyType = Annotated[
    str, Keywords(enum=list(STRATEGIES)), Component("datastore.StrategyProvider"), Example(STRATEGIES[0])
]


@component("datastore.Metadata")
class SendingDocument(TypedDict):
    """The payload and the retries of a delivery or a meta event."""

    data: Annotated[Any, "The payload, which can be any JSON value."]
    raw: Annotated[str, "The payload's text, which is sent byte for byte."]
    strategy: Annotated[StrategyType, "Whether the pauses between attempts stay equal or grow."]
    next_send_time: Annotated[Time, "When the next attempt is due."]
    num_trials: Annotated[int, "Attempts made so far, including those before a resend.", Example(1)]
    interval_seconds: Annotated[int, "Seconds to the second attempt.", Example(100)]
    retry_limit: Annotated[
        int, "The number of attempts, including the first; each resend allows as many again.", Example(10)
    ]
    max_retry_seconds: Annotated[int, "The most seconds of an exponential delay.", Example(CAP_SECONDS)]


def sending_document(
    data: str,
    *,
    raw: str,
    strategy: str,
    next_send_time: datetime,
    num_trials: int,
    interval_seconds: int,
    retry_limit: int,
) -> SendingDocument:
    """Return the `metadata` of a delivery or a meta event; `data` is JSON text, which is not parsed."""
    return {
        "data": Fragment(data),
        "raw": raw,
        "strategy": strategy,
        "next_send_time": wire_time(next_send_time),
        "num_trials": num_trials,
        "interval_seconds": interval_seconds,
        "retry_limit": retry_limit,
        "max_retry_seconds": CAP_SECONDS,
    }

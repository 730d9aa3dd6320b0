"""Parts of answers that tell what is sent, and how often it is tried. Deliveries and meta events share them."""

from datetime import datetime
from typing import Annotated, Any, TypedDict

from orjson import Fragment

from core.api.documents import Component, Example, Keywords, Time, component
from core.api.values import wire_time
from outbound.retries import STRATEGIES
from outbound.states import Status

HttpHeader = Annotated[dict[str, str], "Headers; values of one name joined.", Component("datastore.HttpHeader")]
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
    """What is sent, and how often it is tried."""

    data: Annotated[dict[str, Any] | Fragment | None, "The payload, which can be any JSON value."]
    raw: Annotated[str, "The payload's text: what is sent, byte for byte."]
    strategy: StrategyType
    next_send_time: Time
    num_trials: Annotated[int, "Attempts that were made, before a resend too.", Example(1)]
    interval_seconds: Annotated[int, "Seconds to the second attempt.", Example(100)]
    retry_limit: Annotated[int, "Attempts in all, the first included; each resend has as many again.", Example(10)]
    max_retry_seconds: Annotated[int, "0: the server's bound of an exponential delay."]


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
        "max_retry_seconds": 0,
    }

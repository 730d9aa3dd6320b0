"""Trace a webhook from the request that posts its event to the receiver, by OpenTelemetry where TRACING=1.

Without that nothing of OpenTelemetry is imported, and each function here returns at once. The context of the request
is stored with the event, so that the worker's spans belong to the request's trace. Where spans are sent is
OpenTelemetry's own settings' affair (docs/settings.md).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

HEADER = "traceparent"
#: The length of a traceparent of version 00. W3C Trace Context defines no longer one.
TRACEPARENT_LENGTH = 55

_tracer: "Tracer | None" = None


class TracingUnavailable(Exception):
    """TRACING=1, and OpenTelemetry is not installed."""


def start_tracing(service: str, version: str, *, exporter: Any = None) -> None:
    """Begin to trace in this process, and send spans in the background to `exporter`, by default an OTLP collector.

    Raises TracingUnavailable.
    """
    global _tracer
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
    except ImportError:
        raise TracingUnavailable("TRACING=1 needs OpenTelemetry: pip install '.[otel]'") from None
    # The environment's OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES take precedence.
    ours = Resource.create({"service.name": service, "service.version": version})
    resource = ours.merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource)
    sends_now = exporter is not None
    provider.add_span_processor(SimpleSpanProcessor(exporter) if sends_now else BatchSpanProcessor(OTLPSpanExporter()))
    _tracer = provider.get_tracer("convoyclone", version)


def stop_tracing() -> None:
    """Stop tracing in this process."""
    global _tracer
    _tracer = None


def is_tracing() -> bool:
    """Return whether this process traces."""
    return _tracer is not None


def traceparent() -> str:
    """Return the context of the current span as W3C Trace Context writes it; "" where nothing is traced."""
    if _tracer is None:
        return ""
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get(HEADER, "")


def trace_marks() -> dict[str, str]:
    """Return the headers that tell a receiver of the current span."""
    context = traceparent()
    return {HEADER: context} if context else {}


@contextmanager
def attempt_span(parent: str, attributes: dict[str, str]) -> Iterator[Callable[[dict[str, Any], str], None]]:
    """Trace the attempt of a delivery whose event was posted in the context `parent`, "" for none.

    Yields a function that takes more attributes, and the reason of a failure, "" for none.
    """
    if _tracer is None:
        yield _say_nothing
        return
    from opentelemetry.trace import SpanKind, Status, StatusCode

    given = {f"convoyclone.{name}": value for name, value in attributes.items()}
    with _tracer.start_as_current_span(
        "webhook attempt", context=_context(parent), kind=SpanKind.CLIENT, attributes=given
    ) as span:

        def say(more: dict[str, Any], failure: str) -> None:
            span.set_attributes(more)
            if failure:
                span.set_status(Status(StatusCode.ERROR, failure))

        yield say


class TracingMiddleware:
    """Trace each request under the span of its caller. No URL is recorded: some have a token in their query."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if _tracer is None:
            return self.get_response(request)
        from opentelemetry.trace import SpanKind, Status, StatusCode

        with _tracer.start_as_current_span(
            str(request.method), context=_context(request.META.get("HTTP_TRACEPARENT", "")), kind=SpanKind.SERVER
        ) as span:
            response = self.get_response(request)
            route = "" if request.resolver_match is None else f"/{request.resolver_match.route.lstrip('/')}"
            span.update_name(f"{request.method} {route}".rstrip())
            span.set_attributes(
                {
                    "http.request.method": str(request.method),
                    "http.route": route,
                    "http.response.status_code": response.status_code,
                    "convoyclone.request_id": response.headers.get("X-Request-ID", ""),
                }
            )
            if response.status_code >= 500:
                span.set_status(Status(StatusCode.ERROR))
            return response


def _context(parent: str) -> Any:
    """Return the context that a traceparent describes; an empty one for "" and for a malformed text."""
    from opentelemetry.context import Context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({HEADER: parent}, context=Context())


def _say_nothing(more: dict[str, Any], failure: str) -> None:
    """Record nothing."""

"""Traces from the request through the engine to the receiver, and that nothing is imported where they are off."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pytest_django import Settings

from core import tracing
from endpoints.models import Endpoint
from engine.attempt import make_attempt
from events.models import Event
from outbound.client import Outbound
from outbound.oauth2 import Tokens
from projects.models import Project
from projects.operations import create_api_key
from tests.engine.test_attempt import a_claim
from tests.outbound.receivers import Receiver
from tests.outbound.sending import LOOPBACK
from tests.portal.api.customers import MakeEndpoint
from tests.server import ROOT, environment

CALLER = "00-4cf92f3577c34dd6a3ce929d0e0e4736-00f067cc0dd902e7-01"


@pytest.fixture
def spans(settings: Settings) -> Iterator[InMemorySpanExporter]:
    """The spans that have ended, of requests and of attempts."""
    exporter = InMemorySpanExporter()
    tracing.start_tracing("test", "0", exporter=exporter)
    settings.MIDDLEWARE = ["core.tracing.TracingMiddleware", *settings.MIDDLEWARE]
    yield exporter
    tracing.stop_tracing()


def post(project: Project, endpoint: Endpoint, **headers: str) -> Event:
    key = create_api_key(name="k", role="project_admin", project=project)[1]
    body = {"endpoint_id": endpoint.uid, "event_type": "order.created", "data": {}}
    path = f"/api/v1/projects/{project.uid}/events?token=hidden"
    answer = Client().post(
        path, body, content_type="application/json", headers=headers | {"Authorization": f"Bearer {key}"}
    )
    assert answer.status_code == 201, answer.content
    return Event.objects.get()


def send(event: Event, receiver: Receiver, **fields: Any) -> None:
    """Make an attempt as a worker does, with what it reads of the event."""
    claim = a_claim(url=receiver.url("/in"), **fields)
    claim.payload.trace = event.trace

    async def attempt() -> None:
        async with Outbound(allowed_networks=LOOPBACK) as outbound:
            await make_attempt(claim, outbound, Tokens(outbound))

    asyncio.run(attempt())


def by_name(spans: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in spans.get_finished_spans()}


@pytest.mark.slow
def test_the_attempt_belongs_to_the_request_and_the_receiver_to_the_attempt(
    project: Project, make_endpoint: MakeEndpoint, spans: InMemorySpanExporter
) -> None:
    event = post(project, make_endpoint(), traceparent=CALLER)
    with Receiver() as receiver:
        send(event, receiver)
        [request] = receiver.wait_for(1)
    found = by_name(spans)
    posted, attempt = found["POST /api/v1/projects/<projectID>/events"], found["webhook attempt"]
    assert posted.parent is not None
    assert f"{posted.parent.trace_id:032x}-{posted.parent.span_id:016x}" == CALLER[3:52]
    assert attempt.parent is not None
    assert posted.context is not None
    assert attempt.context is not None
    assert attempt.parent.span_id == posted.context.span_id
    told = f"00-{attempt.context.trace_id:032x}-{attempt.context.span_id:016x}-"
    assert told[3:35] == CALLER[3:35]
    assert (request.header("traceparent") or "").startswith(told)
    assert dict(attempt.attributes or {})["http.response.status_code"] == 200
    assert dict(attempt.attributes or {})["convoyclone.outcome"] == "Success"


def test_a_failure_is_said(project: Project, make_endpoint: MakeEndpoint, spans: InMemorySpanExporter) -> None:
    event = post(project, make_endpoint())
    with Receiver() as receiver:
        receiver.answer("/in", status=503)
        send(event, receiver)
    attempt = by_name(spans)["webhook attempt"]
    assert not attempt.status.is_ok
    assert attempt.status.description == "503 Status"


def test_no_url_query_and_no_payload_is_recorded(
    project: Project, make_endpoint: MakeEndpoint, spans: InMemorySpanExporter
) -> None:
    post(project, make_endpoint())
    assert "hidden" not in "".join(span.to_json() for span in spans.get_finished_spans())


@pytest.mark.parametrize(
    ("environ", "name", "version"),
    [
        ({}, "convoyclone-web", "7"),
        ({"OTEL_SERVICE_NAME": "hooks"}, "hooks", "7"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=shop,service.version=8"}, "shop", "8"),
    ],
)
def test_spans_are_of_the_service_that_the_environment_names_or_else_of_the_part(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], name: str, version: str
) -> None:
    for variable in ("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in environ.items():
        monkeypatch.setenv(variable, value)
    exporter = InMemorySpanExporter()
    tracing.start_tracing("convoyclone-web", "7", exporter=exporter)
    try:
        with tracing.attempt_span("", {}):
            pass
    finally:
        tracing.stop_tracing()
    [span] = exporter.get_finished_spans()
    attributes = span.resource.attributes
    assert (attributes["service.name"], attributes["service.version"]) == (name, version)
    assert attributes["telemetry.sdk.language"] == "python"


@pytest.mark.parametrize("sent", ["", "nonsense", "00-0-0-01"])
def test_a_caller_without_a_context_begins_a_trace(
    project: Project, make_endpoint: MakeEndpoint, spans: InMemorySpanExporter, sent: str
) -> None:
    event = post(project, make_endpoint(), traceparent=sent)
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-0[13]", event.trace)
    assert len(event.trace) == tracing.TRACEPARENT_LENGTH


def test_off_nothing_is_stored_and_no_header_is_sent(project: Project, make_endpoint: MakeEndpoint) -> None:
    event = post(project, make_endpoint(), traceparent=CALLER)
    assert event.trace == ""
    with Receiver() as receiver:
        send(event, receiver)
        [request] = receiver.wait_for(1)
    assert request.header("traceparent") is None


def modules(code: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run code with Django set up, in a process of its own."""
    given = {"SECRET_KEY": "s" * 40, "API_KEY_PEPPER": "p" * 40, "ENCRYPTION_KEYS": "A" * 43 + "="}
    program = f"import django, sys; django.setup(); {code}"
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment(DJANGO_SETTINGS_MODULE="convoyclone.settings", **given, **variables),
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.server
def test_off_nothing_is_imported() -> None:
    code = (
        "import convoyclone.wsgi, engine.worker; "
        "print(sorted(name for name in sys.modules if name.startswith(('opentelemetry', 'sentry_sdk'))))"
    )
    done = modules(code)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.server
@pytest.mark.parametrize(
    ("variable", "value", "package", "extra"),
    [
        ("TRACING", "1", "opentelemetry", "[otel]"),
        ("SENTRY_DSN", "https://key@sentry.example/1", "sentry_sdk", "[sentry]"),
    ],
)
def test_a_package_that_lacks_is_said(variable: str, value: str, package: str, extra: str) -> None:
    code = f"sys.modules['{package}'] = None; from core.telemetry import start_telemetry; start_telemetry('web')"
    done = modules(code, **{variable: value})
    assert done.returncode == 1
    assert f"ImproperlyConfigured: {variable}" in done.stderr
    assert f"pip install '.{extra}'" in done.stderr

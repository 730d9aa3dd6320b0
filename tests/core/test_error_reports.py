"""Reports of unexpected errors: they arrive, and hold no secret."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import sentry_sdk
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from pytest_django import Settings
from sentry_sdk.transport import Transport

from core.error_reports import start_reports
from tests.outbound.receivers import Receiver
from tests.outbound.sending import post


class Kept(Transport):
    """Keeps what would be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.reports: list[Any] = []

    def capture_envelope(self, envelope: Any) -> None:
        self.reports += [item.payload.json for item in envelope.items if item.type == "event"]


def fail(request: HttpRequest, word: str) -> HttpResponse:
    secret = "local-secret"
    raise RuntimeError(f"a defect of {len(secret)} characters")


urlpatterns = [path("fail/<word>", fail)]


@pytest.fixture
def kept() -> Iterator[Kept]:
    transport = Kept()
    start_reports("https://key@sentry.example/1", "convoyclone@0", transport=transport)
    yield transport
    sentry_sdk.get_client().close()
    sentry_sdk.get_global_scope().set_client(None)


@pytest.mark.slow
def test_a_request_that_fails_is_reported_without_what_it_says(kept: Kept, settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__
    answer = Client(raise_request_exception=False).post(
        "/fail/path-secret?token=query-secret",
        {"a": "body-secret"},
        content_type="application/json",
        headers={"Authorization": "Bearer header-secret", "Cookie": "sessionid=cookie-secret"},
    )
    assert answer.status_code == 500
    assert len(kept.reports) == 1
    text = json.dumps(kept.reports)
    assert "a defect of 12 characters" in text
    for place in ("path", "query", "body", "header", "cookie", "local"):
        assert f"{place}-secret" not in text.replace('secret = \\"local-secret\\"', "")


def test_receivers_get_no_header_of_sentrys(kept: Kept) -> None:
    with Receiver() as receiver:
        assert post(receiver.url("/in")).status == 200
        [request] = receiver.wait_for(1)
    names = {name.lower() for name, _ in request.headers}
    assert names.isdisjoint({"sentry-trace", "baggage", "traceparent"})


def test_what_the_worker_logs_is_reported(kept: Kept) -> None:
    try:
        raise RuntimeError("a defect")
    except RuntimeError:
        logging.getLogger("convoyclone.deliver").exception("a part of the worker has failed, and continues")
    [report] = kept.reports
    assert report["logentry"]["message"] == "a part of the worker has failed, and continues"
    assert report["release"] == "convoyclone@0"

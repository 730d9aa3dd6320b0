"""The worst request of each kind leaves CPU and interpreter to others. Contract: docs/reliability.md#web-server."""

import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from django.test import Client

from convoyclone.threads import MOST_HEADER_BYTES
from deliveries.serializers import MOST_IDS
from endpoints.models import Endpoint
from projects.models import EventType, Project
from subscriptions.openapi_import import OF_REQUEST
from subscriptions.operations import create_subscription
from tests.conftest import API
from tests.deliveries.rows import make_delivery, make_event
from tests.interpreter import LONGEST_HOLD_SECONDS, longest_hold
from tests.test_held_interpreter import BODY_BYTES, MOST_SECONDS

pytestmark = pytest.mark.slow  # it measures large requests

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary=b"
#: The bytes of a body that are left for its largest member.
ROOM = BODY_BYTES - 200


def many(unit: bytes, opening: bytes = b"[", closing: bytes = b"0]") -> bytes:
    """As many repetitions as a body has room for."""
    return opening + unit * (ROOM // len(unit)) + closing


def names(number: int) -> dict[str, object]:
    return {f"{each:x}": 0 for each in range(number)}


#: The payload of an event, each as large as a body may be.
PAYLOADS = {
    "objects": many(b"{},"),
    "arrays": many(b"[],"),
    "texts": many(b'"",'),
    "blanks": many(b"0 , "),
    "members": orjson.dumps(names(90_000)),
    "escapes": many(b"\\n", b'"', b'"'),
    "half pairs": many(b"\\ud800", b'"', b'"'),
    "a long fraction": many(b"9", b"0.", b"0"),
    "a long exponent": many(b"9", b"1e-", b"0"),
    "a long integer": many(b"9", b"", b"0"),
    "deep arrays": b"[" * (ROOM // 2) + b"]" * (ROOM // 2),
    "deep objects": many(b'{"a":', b"", b"0"),
}
#: The path of an operation of the Convoy API that takes a body, a name in it, and a value.
MEMBERS: dict[str, tuple[str, str, object]] = {
    "objects for ids": ("POST /portal-links", "endpoints", [{}] * 340_000),
    "too many ids": ("POST /portal-links", "endpoints", ["a"] * 260_000),
    "as many bad ids as ids": ("POST /eventdeliveries/forceresend", "ids", [{}] * MOST_IDS),
    "as many ids as may be": ("POST /eventdeliveries/forceresend", "ids", ["a" * 90] * MOST_IDS),
    "too many items": ("POST /onboard", "items", [{}] * 340_000),
    "bad items": ("POST /onboard", "items", [{"name": name} for name in range(1_000)]),
    "types of events": ("POST /subscriptions", "filter_config", {"event_types": [0] * 500_000}),
    "headers": ("POST /events", "custom_headers", names(90_000)),
    "signatures": ("PUT ", "config", {"signature": {"versions": [{}] * 340_000}}),
    "a URL for meta events": ("PUT ", "config", {"meta_event": {"url": "https://" + "\u0300\u0316" * 240_000}}),
    "a text of combining characters": ("POST /endpoints", "url", "https://" + "\u0300\u0316" * 240_000),
    "a name of combining characters": ("POST /endpoints", "name", "\u0300\u0316" * 240_000),
    "an address": ("POST /endpoints", "support_email", "a@" + "a." * 500_000),
}


@pytest.fixture
def endpoint(make_endpoint: Callable[..., Endpoint]) -> Endpoint:
    return make_endpoint()


@pytest.fixture
def send(api: API, project: Project) -> Callable[..., Any]:
    """Sends a request to a path below the project's, or to another one, and returns the answer."""

    def sent(method: str, path: str, body: bytes = b"", kind: str = JSON, **headers: str) -> Any:
        path = path if path.startswith("/admin") else f"/api/v1/projects/{project.uid}{path}"
        given = api.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        return Client(raise_request_exception=False).generic(method, path, body, content_type=kind, headers=given)

    return sent


def costs_little(request: Callable[[], Any], *, status: int | None = None) -> None:
    begun = time.thread_time()
    answer = request()
    assert time.thread_time() - begun < MOST_SECONDS
    assert answer.status_code == status if status else answer.status_code < 500
    assert longest_hold(request) < LONGEST_HOLD_SECONDS


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_payload(send: Callable[..., Any], endpoint: Endpoint, name: str) -> None:
    body = b'{"endpoint_id":"%s","event_type":"a","data":%s}' % (endpoint.uid.encode(), PAYLOADS[name])
    assert len(body) <= BODY_BYTES
    costs_little(lambda: send("POST", "/events", body))


@pytest.mark.parametrize("name", MEMBERS)
def test_a_member_of_a_body(send: Callable[..., Any], name: str) -> None:
    operation, member, value = MEMBERS[name]
    method, path = operation.split(" ")
    good = {"name": "A", "url": "https://hooks.example.com/in", "event_type": "a", "data": 0, "endpoint_id": "a"}
    body = orjson.dumps(good | {member: value})
    assert len(body) <= BODY_BYTES
    costs_little(lambda: send(method, path, body))


@pytest.mark.parametrize(
    "headers",
    [
        {"Cookie": ('a="' + '\\"' * MOST_HEADER_BYTES)[: MOST_HEADER_BYTES - 1] + '"'},
        {"Accept": f'{JSON};"' + ";" * 300_000},
        {"Accept_Language": "de-" * 100_000},
        {"X_Forwarded_For": "1," * 150_000},
        {"Authorization": "Basic " + "Og==" * 75_000},
        {"traceparent": "0" * 300_000, "baggage": "a=b," * 75_000},
    ],
    ids=lambda headers: ", ".join(headers),
)
def test_a_header(send: Callable[..., Any], headers: dict[str, str]) -> None:
    costs_little(lambda: send("GET", "/endpoints", **headers))


def test_a_content_type(send: Callable[..., Any]) -> None:
    kind = f'{JSON};"' + ";" * (MOST_HEADER_BYTES - len(JSON) - 2)
    costs_little(lambda: send("POST", "/endpoints", b"{}", kind), status=400)


QUERIES = {
    "many names": "a&" * 32_000,
    "percent signs": "q=" + "%CC%80" * 10_000,
    "brackets": "endpointId[0]=a&" * 900,
    "a long value": "sort=" + "a" * 64_000,
}


@pytest.mark.parametrize("name", QUERIES)
def test_a_query(send: Callable[..., Any], name: str) -> None:
    costs_little(lambda: send("GET", f"/eventdeliveries?{QUERIES[name]}"))


PART = b'--b\r\nContent-Disposition: form-data; name="a"'
IN_BASE64 = b'; filename="a"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
FORMS = {
    "percent signs": (FORM, many(b"%CC%80", b"username=a&password=", b"")),
    "another page": (FORM, many(b"%CC%80%CC%96", b"username=a&password=b&next=//", b"")),
    "fields": (FORM, many(b"a&", b"", b"")),
    "parts": (PARTS, many(PART + b"\r\n\r\nx\r\n", b"", b"--b--")),
    "a part without an end": (PARTS, many(b"\r\n--", PART + b"\r\n\r\n", b"")),
    "a part of blanks": (PARTS, many(b" ", PART + IN_BASE64, b"\r\n--b--")),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_form(send: Callable[..., Any], name: str) -> None:
    kind, body = FORMS[name]
    costs_little(lambda: send("POST", "/admin/login/", body, kind))


@pytest.mark.parametrize("name", ["objects", "texts", "members", "escapes"])
def test_rows_of_large_payloads(send: Callable[..., Any], endpoint: Endpoint, name: str) -> None:
    """Four make a page that is as large as one may be."""
    for _ in range(4):
        event = make_event(endpoint.project_id, endpoints=[endpoint.uid], data=PAYLOADS[name].decode())
        delivery = make_delivery(endpoint, "Failure", event=event)
    for path in ("/events", f"/events/{event.uid}", "/eventdeliveries", f"/eventdeliveries/{delivery.uid}"):
        costs_little(lambda path=path: send("GET", path), status=200)  # type: ignore[misc]
    costs_little(lambda: send("POST", f"/eventdeliveries/{delivery.uid}/copy"), status=200)


def test_an_import_of_as_many_event_types_as_may_be(send: Callable[..., Any]) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    operation = {"requestBody": {"content": {JSON: {"schema": schema}}}}
    spec = {"webhooks": {f"type.{number}": {"post": operation} for number in range(OF_REQUEST.event_types)}}
    body = orjson.dumps({"spec": orjson.dumps(spec).decode()})
    costs_little(lambda: send("POST", "/event-types/import", body), status=200)


def test_a_change_of_as_many_filters_as_may_be(send: Callable[..., Any], endpoint: Endpoint) -> None:
    names = [f"type.{number}" for number in range(1_000)]
    EventType.objects.bulk_create(EventType(project_id=endpoint.project_id, name=name) for name in names)
    subscription = create_subscription(
        endpoint.project_id, name="All", endpoint_id=endpoint.uid, filter_config={"event_types": names}
    )
    changes = [{"uid": uid, "filter": {"body": {"a": 1}}} for uid in subscription.filters.values_list("pk", flat=True)]
    path = f"/subscriptions/{subscription.uid}/filters/bulk_update"
    costs_little(lambda: send("PUT", path, orjson.dumps(changes)), status=200)
    assert not subscription.filters.exclude(conditions__body={"a": 1}).exists()

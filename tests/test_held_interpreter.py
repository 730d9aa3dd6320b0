"""No request keeps the interpreter from the others. Contract: docs/reliability.md#web-server."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import pairwise

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.test import RequestFactory
from rest_framework.request import Request

from core.api.bodies import LARGE_BYTES, parse_object
from core.exceptions import DomainError
from core.waiting import LONGEST_BREAK_SECONDS, in_turn, the_place_to_compute
from endpoints.certificates import checked
from outbound.payload import form_encode
from projects.models import Project
from subscriptions import filters
from subscriptions.event_types import check_schema
from subscriptions.filters.language import compile_pattern
from subscriptions.openapi_import import event_types_of
from tests.conftest import API
from tests.interpreter import LONGEST_HOLD_SECONDS, cpu_seconds, longest_hold

pytestmark = pytest.mark.slow  # it measures large requests

#: Of CPU, of a request.
MOST_SECONDS = 1
#: Of a body, as MAX_REQUEST_BODY_BYTES.
BODY_BYTES = 1_048_576


def spec(**members: object) -> str:
    return orjson.dumps({"webhooks": {"a": {"post": {}}}, **members}).decode()


def in_yaml(values: str) -> str:
    return f"webhooks: {{a: {{post: {{}}}}}}\nx: [{values}]"


def with_patterns(*patterns: str) -> object:
    compile_pattern.cache_clear()
    return filters.test_schema({"body": {"a": "x"}}, {"body": {"$or": [{"a": {"$regex": one}} for one in patterns]}})


def with_certificate() -> Callable[[], object]:
    key = rsa.generate_private_key(65537, 4096)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    body = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"
    return lambda: checked({"client_cert": body, "client_key": pem}, None)


PROPERTIES = {f"k{number}": {"type": "string"} for number in range(5_000)}
OPERATION = {"requestBody": {"content": {"application/json": {"schema": {"properties": PROPERTIES}}}}}
#: Their keys are in no order.
MEMBERS = b"{" + b",".join(b'"k%06d":0' % (number * 7_919 % 87_000) for number in range(87_000)) + b"}"
WORK: dict[str, Callable[[], object]] = {
    "many patterns": lambda: with_patterns(*(f"{number}\\pL{{20}}" for number in range(200))),
    "a pattern of large classes": lambda: with_patterns("(?i)" + "|".join(["\\pL"] * 64)),
    "a pattern that is too large": lambda: with_patterns("(?:\\pL{30}){30}"),
    "a schema": lambda: check_schema({"properties": PROPERTIES}),
    "a YAML document beyond its bound": lambda: event_types_of(in_yaml("1," * 190_000)),
    "a YAML document within its bound": lambda: event_types_of(in_yaml("{}," * 49_000)),
    "a YAML document of one text": lambda: event_types_of(in_yaml("'" + "x\\n " * 240_000 + "'")),
    "a JSON document": lambda: event_types_of(spec(x=[{}] * 190_000)),
    "a JSON document of one large schema": lambda: event_types_of(spec(webhooks={"a": {"post": OPERATION}})),
    "a form of arrays": lambda: form_encode(b'{"a":[' + b"0," * (BODY_BYTES // 2 - 10) + b"0]}"),
    "a form of characters that Go escapes": lambda: form_encode(
        b'{"a":{"b":"' + b"<>&" * (BODY_BYTES // 3 - 10) + b'"}}'
    ),
    "a form of many members": lambda: form_encode(MEMBERS),
    "a body of objects": lambda: orjson.loads(b"[" + b'{"a":{"b":1}},' * (BODY_BYTES // 15) + b"0]"),
}


@pytest.mark.parametrize("work", WORK.values(), ids=WORK.keys())
def test_no_work_of_a_request_holds_the_interpreter(work: Callable[[], object]) -> None:
    does_not_hold_it(work)


def test_nor_does_a_certificate() -> None:
    does_not_hold_it(with_certificate())


def does_not_hold_it(work: Callable[[], object]) -> None:
    def done() -> None:
        with suppress(DomainError):
            work()

    assert cpu_seconds(done) < MOST_SECONDS
    assert longest_hold(done) < LONGEST_HOLD_SECONDS


def test_a_call_into_c_that_holds_it_is_noticed() -> None:
    numbers = list(range(100_000, 0, -1))

    def call() -> None:
        sorted(numbers)

    # As many numbers as this machine takes too long for: 3,200,000 are too many for most.
    while longest_hold(call) <= LONGEST_HOLD_SECONDS:
        assert len(numbers) < 50_000_000
        numbers.extend(numbers)


def test_calls_into_c_take_turns_and_leave_as_much_to_others() -> None:
    stretches: list[tuple[float, float]] = []

    def call() -> None:
        with in_turn():
            begun = time.perf_counter()
            while time.perf_counter() - begun < 0.005:
                pass
            stretches.append((begun, time.perf_counter()))

    with ThreadPoolExecutor(4) as threads:
        for each in [threads.submit(call) for _ in range(12)]:
            each.result()
    stretches.sort()
    for (begun, ended), (following, _) in pairwise(stretches):
        assert following - ended >= min(ended - begun, LONGEST_BREAK_SECONDS)


def test_patterns_of_several_requests_are_compiled_in_turn() -> None:
    thread = threading.Thread(target=lambda: with_patterns("a", "b"))
    with in_turn():
        thread.start()
        thread.join(0.1)
        assert thread.is_alive()
    thread.join(30)
    assert not thread.is_alive()


@pytest.mark.parametrize(("size", "waits"), [(LARGE_BYTES, True), (100, False)])
def test_large_bodies_of_several_requests_are_read_in_turn(size: int, waits: bool) -> None:
    body = b'{"a":[' + b"0," * (size // 2) + b"0]}"
    request = Request(RequestFactory().post("/", body, content_type="application/json"))
    thread = threading.Thread(target=lambda: parse_object(request, detailed=True))
    with in_turn():
        thread.start()
        thread.join(0.1 if waits else 30)
        assert thread.is_alive() is waits
    thread.join(30)
    assert not thread.is_alive()


def test_one_large_document_at_a_time_is_read(api: API, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.waiting.SECONDS_TO_COMPUTE", 0.01)
    path = f"/projects/{project.uid}/event-types"
    small, large = ({"name": "a", "json_schema": {"title": "x" * size}} for size in (10, 20_000))
    with the_place_to_compute():
        for answer in (api.post(path, large), api.post(f"{path}/import", {"spec": spec()})):
            assert answer.error == (429, "another large document is being read, try again")
            assert answer.headers["Retry-After"] == "1"
        assert api.post(path, small).status == 201
    assert api.post(path, large | {"name": "b"}).status == 201
    assert api.post(f"{path}/import", {"spec": spec()}).status == 200

"""From POST /events to a receiver: what arrives, byte for byte, and that each seed's library accepts it."""

from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest
import standardwebhooks.webhooks
import svix.webhooks
from convoy.utils.webhook import Webhook

from outbound.signatures import standard_secret
from tests.conftest import as_text
from tests.live.conftest import LiveProject
from tests.outbound.receivers import Receiver

SECRET = "the-customers-secret"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def endpoint(project: LiveProject, receiver: Receiver) -> str:
    return project.make_endpoint(url=receiver.url("/in"), secret=SECRET)


def post(project: LiveProject, endpoint: str, data: bytes, **fields: Any) -> httpx.Response:
    """Post an event whose `data` is this text."""
    rest = orjson.dumps({"endpoint_id": endpoint, "event_type": "order.created"} | fields)
    headers = {"Content-Type": "application/json"}
    return project.client.post(f"{project.path}/events", content=rest[:-1] + b',"data":' + data + b"}", headers=headers)


class TestLibraries:
    def test_standardwebhooks_and_svix_verify(self, project: LiveProject, receiver: Receiver, endpoint: str) -> None:
        assert post(project, endpoint, b'{"order": 42, "note": "\xc3\xa9"}').status_code == 201
        [request] = receiver.wait_for(1)
        for library in (standardwebhooks.webhooks, svix.webhooks):
            verifier = library.Webhook(standard_secret(SECRET))
            verifier.verify(request.body, dict(request.headers))
            with pytest.raises(library.WebhookVerificationError):
                verifier.verify(request.body + b" ", dict(request.headers))

    @pytest.mark.parametrize("advanced", [True, False])
    @pytest.mark.parametrize(("hash_name", "encoding"), [("SHA256", "hex"), ("SHA512", "base64")])
    def test_convoy_python_verifies(
        self, project: LiveProject, receiver: Receiver, advanced: bool, hash_name: str, encoding: str
    ) -> None:
        signature = {"header": "X-Acme-Signature", "versions": [{"hash": hash_name, "encoding": encoding}]}
        config = {"signature": signature}
        project.client.put(project.path, json={"name": project.uid, "config": config}).raise_for_status()
        endpoint = project.make_endpoint(url=receiver.url("/in"), secret=SECRET, advanced_signatures=advanced)
        assert post(project, endpoint, b'{ "order": 42 }').status_code == 201
        [request] = receiver.wait_for(1)
        webhook = Webhook(secret=SECRET, hash=hash_name, encoding=encoding)
        header = request.header("X-Acme-Signature")
        assert header is not None
        assert webhook.verify_signature(request.body.decode(), header)
        assert not webhook.verify_signature(request.body.decode() + " ", header)


class TestCustomHeaders:
    def test_custom_ones_are_sent_in_utf_8(self, project: LiveProject, receiver: Receiver, endpoint: str) -> None:
        sent = {"X-U": "é 漢", "X-A": "plain"}
        assert post(project, endpoint, b"{}", custom_headers=sent).status_code == 201
        [request] = receiver.wait_for(1)
        arrived = {name: value.encode("latin-1").decode() for name, value in request.headers}
        assert {name: arrived[name] for name in sent} == sent


class TestPayloads:
    @pytest.mark.parametrize(
        ("sent", "arrives"),
        [
            (b'{"a" : 1.50 , "b":\t1e3}', b'{"a":1.50,"b":1e3}'),
            (b'{"nul":"a\\u0000b"}', None),
            (b'{"u":"\\u00e9","v":"\xc3\xa9","w":"\\/"}', None),
            (b'{"n":123456789012345678901234567890.000000000000000000001}', None),
            (b'{"n":1e308,"m":-0,"o":0.1e-400}', None),
            (b'{"a":1,"a":2}', None),
            (b'{"z":1,"a":{"y":[],"b":{}}}', None),
            (b'{"html":"<b>&\xe2\x80\xa8"}', None),
            (b"null", None),
            (b'"text"', None),
            (b"[1,[2,[3]]]", None),
            (b"[" * 500 + b"]" * 500, None),
            (b'"' + b"x" * 1_000_000 + b'"', None),
            (b'{"emoji":"\xf0\x9f\x92\xa9","pair":"\\ud83d\\udca9"}', None),
        ],
        ids=as_text,
    )
    def test_arrive_unchanged(
        self, project: LiveProject, receiver: Receiver, endpoint: str, sent: bytes, arrives: bytes | None
    ) -> None:
        answer = post(project, endpoint, sent)
        assert answer.status_code == 201, answer.text
        [request] = receiver.wait_for(1)
        assert request.body == (arrives or sent)
        # It can be read again, too.
        read = project.client.get(f"{project.path}/events/{answer.json()['data']['uid']}")
        assert read.status_code == 200
        assert b'"data":' + (arrives or sent) in read.content

    @pytest.mark.parametrize(
        "sent",
        [b"{", b"[1,]", b"NaN", b"1e999", b'"\\ud800"', b'"\xff"', b'"a\x00b"', b"[" * 2000 + b"]" * 2000, b"01", b""],
        ids=as_text,
    )
    def test_or_are_refused_at_once(self, project: LiveProject, receiver: Receiver, endpoint: str, sent: bytes) -> None:
        answer = post(project, endpoint, sent)
        assert answer.status_code == 400
        assert answer.json()["status"] is False
        assert project.client.get(f"{project.path}/events").json()["data"]["content"] == []

    def test_one_that_is_too_large_is_refused(self, project: LiveProject, endpoint: str) -> None:
        assert post(project, endpoint, b'"' + b"x" * 1_100_000 + b'"').status_code == 413


class TestHeaders:
    def test_no_custom_header_can_frame_a_request(
        self, project: LiveProject, receiver: Receiver, endpoint: str
    ) -> None:
        for name in ("content-length", "Transfer-Encoding", "HOST", "connection"):
            answer = post(project, endpoint, b"{}", custom_headers={name: "3"})
            assert answer.status_code == 400
        assert post(project, endpoint, b"{}", custom_headers={"X-Tenant": "acme"}).status_code == 201
        [request] = receiver.wait_for(1)
        assert request.header("X-Tenant") == "acme"
        assert len(request.values("Content-Length")) == len(request.values("Host")) == 1
        assert request.values("Transfer-Encoding") == []

    def test_the_two_ids_where_the_project_wants_them(self, project: LiveProject, receiver: Receiver) -> None:
        config = {"add_event_id_trace_headers": True}
        project.client.put(project.path, json={"name": project.uid, "config": config}).raise_for_status()
        uid = post(project, project.make_endpoint(url=receiver.url("/in")), b"{}").json()["data"]["uid"]
        [request] = receiver.wait_for(1)
        assert request.header("X-Convoy-Event-ID") == uid
        [delivery] = project.client.get(f"{project.path}/eventdeliveries").json()["data"]["content"]
        assert request.header("X-Convoy-EventDelivery-ID") == delivery["uid"]

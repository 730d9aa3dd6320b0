"""Lookups of receivers' names."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from outbound import lookup
from outbound.client import Exchange, Outbound
from tests.outbound.receivers import Receiver
from tests.outbound.sending import LOOPBACK
from tests.waiting import PATIENCE_SECONDS


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("x1.abc.io", "abc.io"),
        ("a.x2.ABC.io.", "abc.io"),
        ("example.com", "example.com"),
        ("a.b.example.co.uk", "example.co.uk"),
        ("a.example.com.au", "example.com.au"),
        ("somebody.github.io", "github.io"),
        ("a.b.hooks.example", "hooks.example"),
        ("xn--bcher-kva.example.de", "example.de"),
        ("localhost", "localhost"),
        ("co.uk", "co.uk"),
    ],
)
def test_the_part_of_a_name_that_one_registrant_owns(host: str, domain: str) -> None:
    assert lookup._domain(host) == domain


class TestLookups:
    @pytest.fixture
    def hanging(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
        """The names below hang.example, hang.co.uk and hang.io whose lookup has begun: it lasts as long as the test."""
        began: list[str] = []
        is_over = threading.Event()
        look_up = lookup._look_up

        def hang(host: str, port: int, family: socket.AddressFamily) -> Any:
            if ".hang." not in host:
                return look_up(host, port, family)
            began.append(host)
            is_over.wait(60)
            raise OSError("no server has answered")

        monkeypatch.setattr(lookup, "_look_up", hang)
        yield began
        is_over.set()

    @pytest.mark.slow  # it waits for look-ups that hang
    def test_names_of_one_domain_that_hang_hold_up_no_others(self, receiver: Receiver, hanging: list[str]) -> None:
        domains = ("hang.example", "hang.co.uk", "hang.io")
        urls = [f"http://h{number}.{domain}/" for number in range(100) for domain in domains]

        async def run() -> Exchange:
            async with Outbound(allowed_networks=LOOPBACK) as client:
                given_up = await asyncio.gather(*(client.post(url, headers=[], body=b"", timeout=1) for url in urls))
                assert all("no complete response within 1 seconds" in exchange.error for exchange in given_up)
                # Their threads go on, and so they keep their places.
                url = receiver.url("/", host="localhost")
                return await client.post(url, headers=[], body=b"", timeout=PATIENCE_SECONDS)

        assert asyncio.run(run()).status == 200
        assert len(hanging) == 3 * lookup.LOOKUPS_OF_ONE_DOMAIN

    def test_who_waits_too_long_for_a_lookup_is_told(self, hanging: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lookup, "LOOKUP_WAIT_SECONDS", 0.2)

        async def first_to_be_told() -> str:
            async with Outbound(allowed_networks=LOOPBACK) as client:
                urls = [f"http://h{number}.hang.example/" for number in range(5)]
                posts = [asyncio.create_task(client.post(url, headers=[], body=b"", timeout=60)) for url in urls]
                [told], others = await asyncio.wait(posts, return_when=asyncio.FIRST_COMPLETED)
                assert len(others) == lookup.LOOKUPS_OF_ONE_DOMAIN
                for other in others:
                    other.cancel()
                await asyncio.wait(others)
                return told.result().error

        error = asyncio.run(first_to_be_told())
        assert error == "lookup of the host failed: too many names of hang.example are being looked up"

    def test_a_place_is_free_again_after_each_lookup(self, receiver: Receiver) -> None:
        async def run() -> list[Exchange]:
            async with Outbound(allowed_networks=LOOPBACK, dns_ttl=0) as client:
                url = receiver.url("/", host="localhost")
                # Each on a connection of its own, with a lookup of its own.
                return [await client.post(url, headers=[], body=b"", timeout=PATIENCE_SECONDS) for _ in range(9)]

        receiver.answer("/", headers=[("Connection", "close")])
        assert {exchange.status for exchange in asyncio.run(run())} == {200}

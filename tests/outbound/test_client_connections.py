"""Connections of the outbound client: their reuse, and their number."""

import asyncio
import select
import socket
import threading

import pytest

from outbound.client import Exchange, Outbound
from tests.outbound.receivers import Receiver
from tests.outbound.sending import LIMIT, LOOPBACK
from tests.outbound.sinks import Sink, respond
from tests.waiting import PATIENCE_SECONDS, eventually


class TestConnections:
    @pytest.mark.parametrize("body", [b"", b"ok", b"x" * LIMIT])
    @pytest.mark.parametrize("chunked", [False, True])
    def test_are_used_again(self, receiver: Receiver, body: bytes, chunked: bool) -> None:
        receiver.answer("/", body=body, chunked=chunked)

        async def several() -> None:
            async with Outbound(allowed_networks=LOOPBACK) as outbound:
                for _ in range(3):
                    exchange = await outbound.post(receiver.url("/"), headers=[], body=b"x", timeout=30)
                    assert (exchange.status, exchange.ip_address) == (200, "127.0.0.1")

        asyncio.run(several())
        assert [request.connection for request in receiver.requests()] == [1, 1, 1]

    def test_one_whose_response_was_cut_is_not(self, receiver: Receiver) -> None:
        receiver.answer("/", body=b"x" * 1_000_000)

        async def several() -> None:
            async with Outbound(allowed_networks=LOOPBACK, max_response_bytes=100) as outbound:
                for _ in range(3):
                    exchange = await outbound.post(receiver.url("/"), headers=[], body=b"x", timeout=30)
                    assert (exchange.status, exchange.body) == (200, b"x" * 100)

        asyncio.run(several())
        assert [request.connection for request in receiver.requests()] == [1, 2, 3]

    def test_one_that_the_receiver_has_closed_is_not(self) -> None:
        is_over = threading.Semaphore(0)

        def answer_and_end(connection: socket.socket) -> None:
            respond(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")(connection)
            connection.shutdown(socket.SHUT_WR)
            # The client has noticed once it has ended its own side.
            assert connection.recv(1) == b""
            is_over.release()

        with Sink(answer_and_end) as sink:

            async def several() -> None:
                async with Outbound(allowed_networks=LOOPBACK) as outbound:
                    for _ in range(3):
                        exchange = await outbound.post(sink.url(), headers=[], body=b"x", timeout=30)
                        assert exchange.status == 200
                        assert await asyncio.to_thread(is_over.acquire, timeout=PATIENCE_SECONDS)

            asyncio.run(several())
            assert sink.accepted == 3

    def test_more_requests_than_connections_wait(self, receiver: Receiver) -> None:
        receiver.answer("/", delay=0.02)

        async def many() -> list[int | None]:
            async with Outbound(allowed_networks=LOOPBACK, connections=3) as outbound:
                sending = [outbound.post(receiver.url("/"), headers=[], body=b"x", timeout=60) for _ in range(30)]
                return [exchange.status for exchange in await asyncio.gather(*sending)]

        assert asyncio.run(many()) == [200] * 30
        assert receiver.most_in_flight <= 3

    def test_idle_ones_have_a_bound(self) -> None:
        receivers = [Receiver() for _ in range(6)]

        def few_are_open() -> bool:
            return sum(receiver.open_connections for receiver in receivers) <= 2

        async def each() -> None:
            async with Outbound(allowed_networks=LOOPBACK, connections=2) as outbound:
                for receiver in receivers:
                    await outbound.post(receiver.url("/"), headers=[], body=b"x", timeout=30)
                await asyncio.to_thread(eventually, few_are_open, "at most two connections are open")

        for receiver in receivers:
            receiver.__enter__()
        try:
            asyncio.run(each())
        finally:
            for receiver in receivers:
                receiver.__exit__(None, None, None)

    @pytest.mark.parametrize("early", [True, False])
    def test_one_that_is_given_up_is_gone_though_the_receiver_never_reads(self, early: bool) -> None:
        gone = threading.Event()

        def behave(connection: socket.socket) -> None:
            if early:
                connection.recv(100)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            poll = select.poll()
            poll.register(connection, select.POLLRDHUP)
            if poll.poll(1000 * PATIENCE_SECONDS):
                gone.set()

        with Sink(behave) as sink:

            async def give_up() -> bool:
                async with Outbound(allowed_networks=LOOPBACK) as outbound:
                    await outbound.post(sink.url(), headers=[], body=bytes(20_000_000), timeout=0.5)
                    return await asyncio.to_thread(gone.wait, PATIENCE_SECONDS)

            assert asyncio.run(give_up())

    def test_a_response_sent_in_advance_reaches_no_other_request(self) -> None:
        two = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na" + b"HTTP/1.1 299 Evil\r\nContent-Length: 1\r\n\r\nb"

        def behave(connection: socket.socket) -> None:
            connection.recv(65_536)
            connection.sendall(two)
            connection.recv(65_536)

        with Sink(behave) as sink:

            async def twice() -> list[int | None]:
                async with Outbound(allowed_networks=LOOPBACK) as outbound:
                    return [
                        (await outbound.post(sink.url(), headers=[], body=b"x", timeout=30)).status for _ in range(2)
                    ]

            assert asyncio.run(twice()) == [200, 200]


class TestAConnectionThatClosesAtItsReuse:
    """The receiver ends an idle connection at the moment at which the next request comes over it."""

    @pytest.mark.parametrize("how", ["close", "reset"])
    @pytest.mark.parametrize("may_repeat", [True, False])
    def test_the_request_is_sent_again_at_once(self, receiver: Receiver, how: str, may_repeat: bool) -> None:
        receiver.answer_once("/")
        receiver.answer_once("/", **{how: True})  # type: ignore[arg-type]
        first, second = posted(receiver, 2, may_repeat=may_repeat)
        assert first.status == 200
        assert second.was_sent
        connections = [request.connection for request in receiver.requests()]
        if may_repeat:
            assert (second.status, second.error, connections) == (200, "", [1, 1, 2])
            assert [request.body for request in receiver.requests()] == [b"x"] * 3
        else:
            assert (second.status, connections) == (None, [1, 1])
            assert second.error

    def test_it_is_sent_again_once(self, receiver: Receiver) -> None:
        receiver.answer_once("/")
        receiver.answer("/", close=True)
        _, second = posted(receiver, 2)
        assert (second.status, second.error) == (None, "the receiver closed the connection without a response")
        assert [request.connection for request in receiver.requests()] == [1, 1, 2]

    def test_not_over_a_fresh_connection(self, receiver: Receiver) -> None:
        receiver.answer("/", close=True)
        [only] = posted(receiver, 1)
        assert (only.status, len(receiver.requests())) == (None, 1)

    def test_not_after_a_byte_of_the_answer(self, receiver: Receiver) -> None:
        receiver.answer_once("/")
        receiver.answer_once("/", raw=[b"H"])
        _, second = posted(receiver, 2)
        assert (second.status, len(receiver.requests())) == (None, 2)

    def test_the_other_idle_connections_are_not_tried(self, receiver: Receiver) -> None:
        receiver.answer("/held", hold=True)

        async def run() -> list[Exchange]:
            async with Outbound(allowed_networks=LOOPBACK) as outbound:

                async def post(path: str) -> Exchange:
                    return await outbound.post(receiver.url(path), headers=[], body=b"x", timeout=30)

                held = [asyncio.create_task(post("/held")) for _ in range(3)]
                await asyncio.to_thread(receiver.wait_for, 3, "/held")
                receiver.release()
                await asyncio.gather(*held)
                receiver.answer_once("/in", close=True)
                receiver.answer_once("/in", close=True)
                return [await post("/in")]

        [answer] = asyncio.run(run())
        arrived = [request.connection for request in receiver.requests() if request.path == "/in"]
        # Two in a row refused: the second over a connection of its own, which is not repeated.
        assert (answer.status, len(arrived), arrived[1]) == (None, 2, 4)


def posted(receiver: Receiver, count: int, *, may_repeat: bool = True) -> list[Exchange]:
    """The exchanges of requests that are sent one after the other, over the same connection where that is possible."""

    async def several() -> list[Exchange]:
        async with Outbound(allowed_networks=LOOPBACK) as outbound:
            return [
                await outbound.post(receiver.url("/"), headers=[], body=b"x", timeout=30, may_repeat=may_repeat)
                for _ in range(count)
            ]

    return asyncio.run(several())

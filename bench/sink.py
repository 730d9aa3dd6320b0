"""Receive the benchmarks' requests in a process of its own: answer 200 at once, and under /hang never.

`GET /count` answers the number of requests so far, `GET /last` the last of them, and `GET /arrivals` all of them, which
are then forgotten, as [path, id of the payload, seconds]. The seconds are those of time.monotonic(), which all
processes of a machine share.
"""

import asyncio
import sys
import time

import orjson

HANGING = "/hang"
_OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nOK"
_arrivals: list[tuple[str, str, float]] = []
_last = b""


class Sink(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Prepare for requests."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self.transport, self.buffer = transport, b""

    def data_received(self, data: bytes) -> None:
        """Receive data, and answer each request that is complete."""
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
            after = end + 4 + int(length or 0)
            if len(self.buffer) < after:
                return
            request, self.buffer = self.buffer[:after], self.buffer[after:]
            self.answer(request, end + 4)

    def answer(self, request: bytes, body_at: int) -> None:
        """Answer one request."""
        global _last
        method, path, _ = request.split(b" ", 2)
        if method == b"GET":
            self.transport.write(_told(path))
            return
        payload = request[body_at:].partition(b'"id":"')[2][:26]
        _arrivals.append((path.decode(), payload.decode(), time.monotonic()))
        _last = request
        if not path.startswith(HANGING.encode()):
            self.transport.write(_OK)


def _told(path: bytes) -> bytes:
    if path == b"/last":
        answer = _last
    elif path == b"/count":
        answer = str(len(_arrivals)).encode()
    else:
        answer = orjson.dumps(_arrivals)
        _arrivals.clear()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer)


async def main() -> None:
    """Listen on a port of an address, print it, and answer until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Sink, sys.argv[1], 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())

"""The HTTP client of the engine: one POST to a receiver that may be hostile, and what came of it.

Contract: deliveries sections 4 and 10, with the defects D5 to D9. Redirects are not followed,
nothing of the environment (proxies, netrc) is used, cookies are not kept. Addresses are judged
where the socket opens, so that the address that was judged is the one that is connected to;
a pooled connection was judged when it was opened.
"""

import asyncio
import contextlib
import hashlib
import os
import re
import socket
import ssl
import struct
import tempfile
import zlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from types import TracebackType
from typing import Any
from weakref import WeakValueDictionary

import aiohttp
from aiohttp.abc import AbstractResolver, AbstractStreamWriter, ResolveResult
from aiohttp.client_proto import ResponseHandler
from multidict import CIMultiDict
from yarl import URL

from core.addresses import SCHEMES, split_url
from outbound.addresses import Network, refusal

KEEP_ALIVE_SECONDS = 15
#: A name with more addresses than these is tried at the first ones.
MAX_ADDRESSES = 8
#: A lookup waits in a thread of its own, so that names that hang do not hold up those that do not.
LOOKUP_THREADS = 128
#: Of the names of one registrant, so that whoever has a server of names that hangs does not take all threads.
LOOKUPS_OF_ONE_DOMAIN = 4
#: A lookup that has not begun by then is given up: nobody waits for it any more.
LOOKUP_WAIT_SECONDS = 30
MAX_CERTIFICATES = 64
MAX_HEADER_LINE = 8190
MAX_HEADERS = 100
MAX_HEADERS_BYTES = 65_536
#: What a gzip body that cannot be made smaller has beyond its content, generously.
GZIP_OVERHEAD = 16_384
#: What a response has beyond its body, and what arrives before reading can be paused, generously.
OVERHEAD_BYTES = 524_288
#: Of one piece of data; those beyond are read too.
MAX_INTERIM_RESPONSES = 8
#: Headers that frame the message or belong to the connection: the client's own, never a caller's (H10).
FRAMING_HEADERS = frozenset(
    {
        *("host", "content-length", "transfer-encoding", "trailer", "connection", "keep-alive", "te", "upgrade"),
        *("expect", "proxy-authenticate", "proxy-authorization", "proxy-connection"),
    }
)

GZIP_BROKEN = "the response's gzip body is broken"
GZIP_ENDS_EARLY = "the response's gzip body ends early"
#: Errors of an answer that came whole, and cannot be unpacked.
UNREADABLE_GZIP = (GZIP_BROKEN, GZIP_ENDS_EARLY)

_HEADER_NAMES = re.compile(r"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+\n)*")
_NO_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_HOST = re.compile(r"[a-z0-9_.-]+|[0-9a-f:.]+(?:%.*)?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)
_CANONICAL_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(?:\.(?!$)|$)){4}")
_PATH_AND_QUERY = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*")


_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Exchange:
    """What came of one request. Its texts hold no credential, and nothing that PostgreSQL cannot store."""

    #: None: there was no HTTP response.
    status: int | None
    #: The text beside the status, such as "OK".
    reason: str
    response_headers: list[tuple[str, str]]
    #: Decompressed, and cut at the limit without an error.
    body: bytes
    #: Empty, or one line that says why there was no response or why its body could not be read.
    error: str
    #: Of the receiver; empty where no connection was made.
    ip_address: str
    #: Whether any byte of the request may have reached the receiver (D9).
    was_sent: bool
    requested_at: datetime
    #: When the response's headers had come; None where there was none.
    responded_at: datetime | None
    #: The request can never be sent as it is, so that another try makes no sense (D5).
    is_permanent: bool


class Outbound:
    """A client with a pool of connections, for the time of an `async with`.

    `allowed_networks` are reachable although they are not public (outbound.addresses).
    `ca_file` holds certificate authorities that are trusted beside the system's. `resolver` takes
    the place of the system's name lookup. `dns_ttl` is how many seconds a lookup is remembered.
    """

    def __init__(
        self,
        *,
        allowed_networks: Sequence[Network] = (),
        max_response_bytes: int = 51_200,
        connect_timeout: float = 10,
        connections: int = 512,
        dns_ttl: int = 30,
        ca_file: str | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._allowed = tuple(allowed_networks)
        self._max_response_bytes = max_response_bytes
        self._connect_timeout = connect_timeout
        self._connections = connections
        self._dns_ttl = dns_ttl
        self._ca_file = ca_file
        self._resolver = resolver
        self._certified: OrderedDict[bytes, ssl.SSLContext] = OrderedDict()

    async def __aenter__(self) -> "Outbound":
        self._tls = _verifying(self._ca_file)
        self._lookup = _Lookup(self._resolver, self._allowed)
        connector = _Connector(
            # A chunk of one byte takes six.
            max_received=8 * self._max_response_bytes + OVERHEAD_BYTES,
            resolver=self._lookup,
            ttl_dns_cache=self._dns_ttl,
            limit=self._connections,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            socket_factory=self._open_socket,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            # The time for the whole exchange is kept in `post`, where it bounds everything.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_timeout),
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
            auto_decompress=False,
            trust_env=False,
            max_line_size=MAX_HEADER_LINE,
            max_field_size=MAX_HEADER_LINE,
            max_headers=MAX_HEADERS,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()
        await self._lookup.close()

    async def post(
        self,
        url: str,
        *,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        timeout: float,
        client_certificate: tuple[str, str] | None = None,
    ) -> Exchange:
        """Send `body` and return what came of it, whatever that is; only cancellation raises.

        `headers` go out as they are, in their letter case, beside Host and Content-Length, which
        are this client's affair as all of FRAMING_HEADERS is. `timeout` is in seconds and bounds
        everything from the lookup to the last byte read. `client_certificate` is a certificate and
        its private key, both PEM, for a receiver that asks for one (mTLS).
        """
        requested_at = datetime.now(UTC)
        sending = _Body(body)
        received = bytearray()
        response: aiohttp.ClientResponse | None = None
        status: int | None = None
        reason = error = ""
        responded_at: datetime | None = None
        response_headers: list[tuple[str, str]] = []
        is_permanent = False
        try:
            target = _target(url)
            sent = _checked(headers)
            async with asyncio.timeout(timeout):
                tls = self._tls
                if client_certificate is not None and target.scheme == "https":
                    tls = await self._presenting(client_certificate)
                response = await self._session.post(target, data=sending, headers=sent, allow_redirects=False, ssl=tls)
                response_headers = _storable_headers(response.raw_headers)
                status, reason, responded_at = response.status, _storable(response.reason or ""), datetime.now(UTC)
                error = await _read(response, received, self._max_response_bytes)
        except Unsendable as problem:
            error, is_permanent = str(problem), True
        except asyncio.CancelledError:
            raise
        except Exception as problem:
            error = _described(problem, timeout, self._connect_timeout)
        finally:
            if response is not None:
                # A body that was read to its end has already given its connection back to the pool.
                response.close()
        return Exchange(
            status=status,
            reason=reason,
            response_headers=response_headers,
            body=bytes(received),
            error=error,
            ip_address=sending.ip_address,
            was_sent=sending.was_sent,
            requested_at=requested_at,
            responded_at=responded_at,
            is_permanent=is_permanent,
        )

    def _open_socket(self, address: tuple[Any, ...]) -> socket.socket:
        # The last moment before the connection: what is judged here is what is connected to.
        family, kind, protocol, _, target = address
        if reason := refusal(target[0], self._allowed):
            raise AddressRefused(reason)
        return socket.socket(family, kind, protocol)

    async def _presenting(self, pair: tuple[str, str]) -> ssl.SSLContext:
        """The TLS context that shows this certificate. It is part of a pooled connection's key in
        aiohttp, so no connection is shared between two certificates. Raises Unsendable."""
        digest = hashlib.sha256("\0".join(pair).encode("utf-8", "replace")).digest()
        context = self._certified.get(digest)
        if context is None:
            # Reading all authorities takes some 20 ms.
            context = await asyncio.to_thread(_certified, self._ca_file, pair)
            self._certified[digest] = context
            if len(self._certified) > MAX_CERTIFICATES:
                self._certified.popitem(last=False)
        else:
            self._certified.move_to_end(digest)
        return context


class Unsendable(Exception):
    """This request can never be sent; the text says why."""


class AddressRefused(OSError):
    """The receiver's address may not be connected to; the text names it and says why."""


class _Malformed(Exception):
    """The response is none that is accepted."""


class _Body(aiohttp.Payload):
    """The body of one request, and what is known of its way."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self._size = len(content)
        self.ip_address = ""
        self.was_sent = False

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        content: bytes = self._value
        return content.decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        # The headers are held back until now. A connection that has closed meanwhile has taken nothing.
        transport = writer.transport
        self.was_sent = transport is not None and not transport.is_closing()
        await writer.write(self._value)


class _Connector(aiohttp.TCPConnector):
    """Connections that say whom they lead to, that take only so much, and of which not too many are idle.

    It reaches into aiohttp's pool, which has no bound for what is idle and no setting for the protocol.
    """

    def __init__(self, *, max_received: int, **settings: Any) -> None:
        super().__init__(**settings)
        self._max_received = max_received
        self._factory = partial(_Protocol, loop=self._loop)  # type: ignore[assignment]

    async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:
        connection = await super().connect(req, traces, timeout)
        protocol = connection.protocol
        if isinstance(protocol, _Protocol):
            protocol.expect_response(self._max_received)
            if protocol.transport is not None and (peer := protocol.transport.get_extra_info("peername")):
                req.body.ip_address = peer[0]
        return connection

    async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> Any:
        idle = sum(map(len, self._conns.values()))
        while idle >= self.limit:
            oldest = self._conns.pop(next(iter(self._conns)))
            for protocol, _ in oldest:
                protocol.close()
            idle -= len(oldest)
        return await super()._create_connection(req, traces, timeout)


class _Protocol(ResponseHandler):
    """Ends what a receiver could keep going for ever.

    A response of which too much comes, whatever it consists of: interim responses, blank lines and
    chunk extensions are read without end otherwise, and take a whole processor. And a connection
    that is given up: closed politely, it stays until the receiver has read what it does not read.
    """

    remaining = 0
    #: The body of the final response, as soon as its headers have come.
    _answer: aiohttp.StreamReader | None = None
    _last = b""

    def expect_response(self, max_received: int) -> None:
        self.remaining = max_received
        self._answer = None
        self._last = b""

    def close(self) -> None:
        transport = self.transport
        if transport is not None and transport.get_write_buffer_size():
            # The kernel keeps what is unsent for as long, unless the connection is reset.
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.abort()

    def feed_data(self, data: Any, size: int = 0) -> None:
        message, body = data
        if message.code >= 200 or message.code == 101:
            self._answer = body
        super().feed_data(data, size)

    def data_received(self, data: bytes) -> None:
        self.remaining -= len(data)
        if self.remaining < 0:
            self._give_up(_Malformed("it is endless"))
            return
        if data and self._answer is None and not (data := self._after_heads(data)):
            return
        if data and self._answer is not None and self._answer.is_eof():
            self.force_close()
            return
        # Without data it goes on with what it has kept while reading was paused.
        super().data_received(data)

    def _after_heads(self, data: bytes) -> bytes:
        """Give the parser headers by themselves, and return what follows them.

        Of what follows too much, such as the body of a 204, it would complain, and forget that
        there was an answer.
        """
        # The empty line may have begun in the data before.
        seen = self._last + data
        start, given = 0, len(self._last)
        for _ in range(MAX_INTERIM_RESPONSES):
            if self._answer is not None or (at := seen.find(b"\r\n\r\n", start)) < 0:
                break
            super().data_received(seen[given : at + 4])
            start = given = at + 4
        self._last = seen[max(start, len(seen) - 3) :]
        return seen[given:]

    def _give_up(self, problem: Exception) -> None:
        self.set_exception(problem)
        if self._payload is not None:
            self._payload.set_exception(problem)
        if self.transport is not None:
            self.transport.abort()


class _Lookup(AbstractResolver):
    """Names to the addresses that may be reached. Only a first sieve: sockets judge for themselves."""

    def __init__(self, resolver: AbstractResolver | None, allowed: Sequence[Network]) -> None:
        self._resolver = resolver
        self._allowed = allowed
        self._threads = ThreadPoolExecutor(LOOKUP_THREADS, thread_name_prefix="lookup")
        #: A domain is forgotten with its last lookup.
        self._places: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        if self._resolver is not None:
            found = await self._resolver.resolve(host, port, family)
        else:
            found = await self._in_a_thread(host, port, family)
        if not found:
            raise OSError("the name has no address")
        reasons = [refusal(each["host"], self._allowed) for each in found]
        if all(reasons):
            raise AddressRefused(reasons[0])
        return [each for each, reason in zip(found, reasons, strict=True) if not reason][:MAX_ADDRESSES]

    async def _in_a_thread(self, host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
        domain = _domain(host)
        places = self._places.get(domain) or asyncio.Semaphore(LOOKUPS_OF_ONE_DOMAIN)
        self._places[domain] = places
        try:
            async with asyncio.timeout(LOOKUP_WAIT_SECONDS):
                await places.acquire()
        except TimeoutError:
            raise OSError(f"too many names of {domain} are being looked up") from None
        loop = asyncio.get_running_loop()
        running = self._threads.submit(_look_up, host, port, family)
        # The thread's end frees the place: it goes on when nobody waits for it any more.
        running.add_done_callback(lambda _: _call_soon(loop, places.release))
        return await asyncio.wrap_future(running)

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _call_soon(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    # Without its loop a thread that ends late has nobody to tell.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call)


def _domain(host: str) -> str:
    """The part of a name that one registrant has, as far as its form tells: under co.uk or com.au three labels."""
    labels = host.lower().rstrip(".").split(".")
    is_national = len(labels[-1]) == 2 and len(labels) > 2 and len(labels[-2]) <= 3
    return ".".join(labels[-3 if is_national else -2 :])


def _look_up(host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
    try:
        found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG)
    except UnicodeError:
        raise OSError("it is not the name of a host") from None
    return [
        ResolveResult(hostname=host, host=str(where[0]), port=port, family=kind, proto=protocol, flags=0)
        for kind, _, protocol, _, where in found
    ]


@lru_cache(maxsize=10_000)
def _parsed(url: str) -> URL | str:
    """The URL to call, with path and query as they were written; or why there is none."""
    try:
        parts = split_url(url)
        target = URL(url).with_fragment(None)
        port = target.port
    except ValueError:
        # What the library says may quote a password.
        return "invalid endpoint url: it cannot be read"
    if parts.scheme not in SCHEMES or target.scheme not in SCHEMES:
        return "invalid endpoint url: only http and https are sent to"
    if "@" in parts.netloc:
        return "invalid endpoint url: it contains a user name or password"
    host = (target.raw_host or "").rstrip(".").lower()
    if not _HOST.fullmatch(host) or not port:
        return "invalid endpoint url: it names no host and port"
    if _NUMBER.fullmatch(host.rpartition(".")[2]) and not _CANONICAL_IPV4.fullmatch(target.raw_host or ""):
        # Such as 2130706433, 0x7f.1 or 0177.0.0.1 (WHATWG URL, "ends in a number").
        return "invalid endpoint url: address not allowed: it is an IP address in an unusual notation"
    written = parts.path + ("?" + parts.query if parts.query else "")
    if parts.path.startswith("/") and _PATH_AND_QUERY.fullmatch(written):
        authority = target.host_port_subcomponent or ""
        return URL.build(
            scheme=target.scheme, authority=authority, path=parts.path, query_string=parts.query, encoded=True
        )
    return target


def _target(url: str) -> URL:
    parsed = _parsed(url)
    if isinstance(parsed, str):
        raise Unsendable(parsed)
    return parsed


def _checked(headers: Sequence[tuple[str, str]]) -> CIMultiDict[str]:
    """The headers to send. Raises Unsendable for one that HTTP cannot carry."""
    sent: CIMultiDict[str] = CIMultiDict()
    spellings: dict[str, str] = {}
    for name, value in headers:
        if (folded := name.lower()) not in FRAMING_HEADERS:
            # aiohttp keeps several lines of one name only where they are spelt alike.
            sent.add(spellings.setdefault(folded, name), value)
    if not _HEADER_NAMES.fullmatch("".join([f"{name}\n" for name in sent])):
        raise Unsendable("invalid header field name")
    if any(_NO_VALUE.search(value) for value in sent.values()):
        raise Unsendable("invalid header field value")
    return sent


async def _read(response: aiohttp.ClientResponse, into: bytearray, limit: int) -> str:
    """Append the response's body to `into`, up to `limit` bytes. Returns what is wrong with the body, or nothing."""
    content = response.content
    if response.headers.get("Content-Encoding", "").strip().lower() in ("gzip", "x-gzip"):
        return await _gunzip(content, into, limit)
    while chunk := await content.readany():
        if len(into) + len(chunk) > limit:
            into += chunk[: limit - len(into)]
            break
        into += chunk
    return ""


async def _gunzip(content: aiohttp.StreamReader, into: bytearray, limit: int) -> str:
    member = zlib.decompressobj(wbits=31)
    compressed = 0
    while data := await content.readany():
        compressed += len(data)
        while data:
            if member.eof:
                if not data.startswith(b"\x1f"):
                    return ""  # padding
                member = zlib.decompressobj(wbits=31)
            try:
                # A room of 0 would mean no limit.
                into += member.decompress(data, limit - len(into))
            except zlib.error:
                return GZIP_BROKEN
            data = member.unused_data if member.eof else member.unconsumed_tail
            if len(into) >= limit:
                return ""
        if compressed > limit + GZIP_OVERHEAD:
            return ""
    return "" if member.eof or not compressed else GZIP_ENDS_EARLY


def _verifying(ca_file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file:
        context.load_verify_locations(ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _certified(ca_file: str | None, pair: tuple[str, str]) -> ssl.SSLContext:
    context = _verifying(ca_file)
    try:
        # OpenSSL reads a certificate from a file only: in a folder that is ours alone, and for this moment.
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "pair.pem"
            file.write_text("\n".join(pair))
            # An empty password: a key that needs one is refused, where OpenSSL would ask the terminal.
            context.load_cert_chain(file, password="")
    except ssl.SSLError as error:
        raise Unsendable(f"Invalid mTLS certificate: {_line(error.reason or 'it cannot be read')}") from None
    except ValueError:
        raise Unsendable("Invalid mTLS certificate: it cannot be read") from None
    return context


def _described(problem: Exception, timeout: float, connect_timeout: float) -> str:
    """One line that says what went wrong: without the URL, whose query may hold a credential."""
    match problem:
        case _Malformed():
            return f"malformed HTTP response: {problem}"
        case aiohttp.ClientConnectorDNSError():
            if isinstance(problem.os_error, AddressRefused):
                return str(problem.os_error)
            return f"lookup of the host failed: {_reason(problem.os_error)}"
        case aiohttp.ClientConnectorCertificateError():
            why = getattr(problem.certificate_error, "verify_message", "") or "certificate verify failed"
            return f"tls: failed to verify certificate: {_line(why)}"
        case aiohttp.ClientConnectorSSLError():
            return f"tls: handshake failed: {_reason(problem.os_error)}"
        case aiohttp.ClientConnectorError():
            if isinstance(problem.os_error, AddressRefused):
                return str(problem.os_error)
            return f"connection failed: {_reason(problem.os_error)}"
        case aiohttp.ConnectionTimeoutError():
            return f"context deadline exceeded: not connected within {connect_timeout:g} seconds"
        case TimeoutError():
            return f"context deadline exceeded: no complete response within {timeout:g} seconds"
        case aiohttp.ClientResponseError():
            # What follows quotes the response, which may echo the request.
            return f"malformed HTTP response: {_line(problem.message.partition(':')[0])}"
        case aiohttp.ServerDisconnectedError():
            return "the receiver closed the connection without a response"
        case aiohttp.ClientPayloadError():
            return "the response's body ends early or is malformed"
        case OSError():
            return f"connection failed: {_reason(problem)}"
    return f"the request failed: {type(problem).__name__}"


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return _line(error.reason or "TLS error")
    if error.errno and not isinstance(error, socket.gaierror):
        # asyncio writes the address in place of the reason.
        return os.strerror(error.errno)
    return _line(error.strerror or str(error) or type(error).__name__)


def _line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text[:200]).strip()


def _storable_headers(raw: Sequence[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    if sum(len(name) + len(value) for name, value in raw) > MAX_HEADERS_BYTES:
        raise _Malformed(f"its headers are larger than {MAX_HEADERS_BYTES} bytes")
    return [(_text(name), _text(value)) for name, value in raw]


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").replace("\0", "\ufffd")


def _storable(text: str) -> str:
    return _text(text.encode("utf-8", "surrogateescape"))

"""Look at a URL before webhooks are sent to it: its name, its address, its certificate, and a HEAD request.

The guard against private addresses is the one that deliveries have (outbound/addresses.py): it judges the address that
the socket connects to. Redirects are not followed, and of the response nothing but its first line is read.
"""

import asyncio
import re
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from yarl import URL

from core.ip_addresses import Network
from outbound.addresses import refusal
from outbound.failures import AddressRefused, Unsendable, one_line
from outbound.requests import target_of
from outbound.tls import Contexts

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

    from outbound.lookup import Lookup

#: The time for everything, from the lookup to the first line of the response.
SECONDS = 3
MAX_LINE_BYTES = 8_192
#: The most lines before the final response's status line: interim responses (1xx) with their headers.
MAX_LINES = 64

_STATUS_LINE = re.compile(r"HTTP/1\.[01] ([1-9][0-9]{2})(?: (.*))?")
_HAS_EXPIRED = 10
_FOR_ANOTHER_NAME = (62, 64)


class Problem(StrEnum):
    """The reasons why a look ended without a response."""

    UNSENDABLE = "unsendable"
    UNKNOWN_NAME = "unknown name"
    PRIVATE = "private"
    UNREACHABLE = "unreachable"
    EXPIRED = "expired"
    FOR_ANOTHER_NAME = "for another name"
    UNTRUSTED = "untrusted"
    TLS = "tls"
    NOT_HTTP = "not http"
    SLOW = "slow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The course of one look. `problem` is None where there was a response."""

    host: str = ""
    #: The address that was connected to or, with PRIVATE, that is refused.
    address: str = ""
    is_secure: bool = False
    #: The end of the certificate's life, where it was verified.
    valid_until: datetime | None = None
    #: From the beginning of the connection to the first line of the response.
    milliseconds: int | None = None
    status: int | None = None
    #: The text beside the status, such as "OK".
    reason: str = ""
    problem: Problem | None = None


class _Ended(Exception):
    """The look has ended early, with a problem."""

    def __init__(self, problem: Problem, address: str = "") -> None:
        super().__init__(problem)
        self.problem, self.address = problem, address


async def look_at(
    url: str,
    *,
    user_agent: str,
    allowed_networks: Sequence[Network] = (),
    ca_file: str | None = None,
    resolver: "AbstractResolver | None" = None,
    seconds: float = SECONDS,
) -> Look:
    """Look at a URL for at most `seconds`, and return what was found. Never raises but for cancellation.

    `allowed_networks`, `ca_file` and `resolver` are those of outbound.client.Outbound.
    """
    try:
        target = target_of(url)
    except Unsendable:
        return Look(problem=Problem.UNSENDABLE)
    seen = Look(host=target.raw_host or "", is_secure=target.scheme == "https")
    lookup = _lookup(resolver, allowed_networks)
    try:
        async with asyncio.timeout(seconds):
            addresses = await _addresses(lookup, target)
            tls = Contexts(ca_file).verifying if seen.is_secure else None
            started = time.monotonic()
            connection = await _connected(addresses, target.port or 0, allowed_networks)
            seen = replace(seen, address=connection.getpeername()[0])
            reader, writer = await _opened(connection, tls, seen.host)
            try:
                if tls is not None:
                    seen = replace(seen, valid_until=_end_of_life(writer))
                writer.write(_request(target, user_agent))
                status, reason = await _first_line(reader)
            finally:
                writer.transport.abort()
            return replace(seen, status=status, reason=reason, milliseconds=round((time.monotonic() - started) * 1000))
    except _Ended as end:
        return replace(seen, problem=end.problem, address=end.address or seen.address)
    except TimeoutError:
        return replace(seen, problem=Problem.SLOW)
    finally:
        await lookup.close()


async def private_address(
    url: str,
    *,
    allowed_networks: Sequence[Network] = (),
    resolver: "AbstractResolver | None" = None,
    seconds: float = SECONDS,
) -> str:
    """Return the address of a URL where it has no other than such as may not be reached, else an empty text.

    The name is looked up, and nothing is connected to. A name that is unknown, or slow, gives an empty text too.
    """
    lookup = _lookup(resolver, allowed_networks)
    try:
        async with asyncio.timeout(seconds):
            await _addresses(lookup, target_of(url))
    except _Ended as end:
        return end.address if end.problem is Problem.PRIVATE else ""
    except (Unsendable, TimeoutError):
        return ""
    finally:
        await lookup.close()
    return ""


def _lookup(resolver: "AbstractResolver | None", allowed_networks: Sequence[Network]) -> "Lookup":
    # Not imported with the module: it needs aiohttp, which most web processes never load.
    from outbound.lookup import Lookup

    return Lookup(resolver, allowed_networks)


async def _addresses(lookup: "Lookup", target: URL) -> list[str]:
    """Return the addresses that may be reached. Raises _Ended."""
    try:
        found = await lookup.resolve(target.raw_host or "", target.port or 0)
    except AddressRefused as error:
        raise _Ended(Problem.PRIVATE, error.address) from None
    except TimeoutError:
        raise
    except (OSError, UnicodeError):
        raise _Ended(Problem.UNKNOWN_NAME) from None
    return [each["host"] for each in found]


async def _connected(addresses: Sequence[str], port: int, allowed: Sequence[Network]) -> socket.socket:
    """Return a socket that is connected to the first address that answers. Raises _Ended."""
    loop = asyncio.get_running_loop()
    for address in addresses:
        # Judged immediately before the connection, so no other address can be connected to than the judged one.
        if refusal(address, allowed):
            raise _Ended(Problem.PRIVATE, address)
        connection = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        connection.setblocking(False)
        try:
            await loop.sock_connect(connection, (address, port))
        except TimeoutError:
            connection.close()
            raise
        except OSError:
            connection.close()
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise _Ended(Problem.UNREACHABLE, addresses[0])


async def _opened(
    connection: socket.socket, tls: ssl.SSLContext | None, host: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return the streams of a connection, after the handshake where there is one. Raises _Ended."""
    try:
        return await asyncio.open_connection(
            sock=connection, ssl=tls, server_hostname=host if tls else None, limit=MAX_LINE_BYTES
        )
    except ssl.SSLCertVerificationError as error:
        if error.verify_code == _HAS_EXPIRED:
            raise _Ended(Problem.EXPIRED) from None
        is_other = error.verify_code in _FOR_ANOTHER_NAME
        raise _Ended(Problem.FOR_ANOTHER_NAME if is_other else Problem.UNTRUSTED) from None
    except ssl.SSLError:
        raise _Ended(Problem.TLS) from None
    except TimeoutError:
        raise
    except OSError:
        # The other side has closed the connection during the handshake.
        raise _Ended(Problem.TLS if tls else Problem.UNREACHABLE) from None


def _end_of_life(writer: asyncio.StreamWriter) -> datetime | None:
    certificate = writer.get_extra_info("peercert") or {}
    try:
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
    except (KeyError, ValueError, OverflowError):
        return None


def _request(target: URL, user_agent: str) -> bytes:
    lines = (
        f"HEAD {target.raw_path_qs} HTTP/1.1",
        f"Host: {target.host_port_subcomponent}",
        f"User-Agent: {user_agent}",
        "Accept: */*",
        "Connection: close",
    )
    return "\r\n".join([*lines, "", ""]).encode("ascii")


async def _first_line(reader: asyncio.StreamReader) -> tuple[int, str]:
    """Return the status of the final response and the text beside it. Raises _Ended."""
    is_head = True
    for _ in range(MAX_LINES):
        try:
            line = (await reader.readuntil(b"\n")).rstrip(b"\r\n")
        except TimeoutError:
            raise
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            break
        if is_head:
            found = _STATUS_LINE.fullmatch(line.decode("latin-1"))
            if found is None:
                break
            if not found[1].startswith("1"):
                return int(found[1]), one_line(found[2] or "")
        # An interim response ends with a blank line, and another status line follows it.
        is_head = not line
    raise _Ended(Problem.NOT_HTTP)

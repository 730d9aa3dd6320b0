"""Look up the addresses of receivers, without letting slow name servers hold up the others."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from weakref import WeakValueDictionary

from aiohttp.abc import AbstractResolver, ResolveResult
from publicsuffixlist import PublicSuffixList

from core.ip_addresses import Network
from outbound.addresses import refusal
from outbound.failures import AddressRefused

#: Of a name with more addresses than this, the first ones are tried.
MAX_ADDRESSES = 8
#: Each lookup waits in a thread of its own, so that names that hang do not hold up those that do not.
LOOKUP_THREADS = 128
#: The most lookups under way for one registrant's names, so that a name server that hangs does not take all threads.
LOOKUPS_OF_ONE_DOMAIN = 4
#: Give up a lookup that has not begun after this long: nobody waits for it any more.
LOOKUP_WAIT_SECONDS = 30


class Lookup(AbstractResolver):
    """A resolver that leaves out addresses which may not be reached. Sockets judge each address again."""

    def __init__(self, resolver: AbstractResolver | None, allowed: Sequence[Network]) -> None:
        self._resolver = resolver
        self._allowed = allowed
        self._threads = ThreadPoolExecutor(LOOKUP_THREADS, thread_name_prefix="lookup")
        #: By domain, the places for its lookups. An entry disappears with the domain's last lookup.
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
            raise AddressRefused(reasons[0], found[0]["host"])
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
        # The place is freed when the thread ends, which can be long after its caller has given up.
        running.add_done_callback(lambda _: _call_soon(loop, places.release))
        return await asyncio.wrap_future(running)

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _call_soon(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    # A thread may end after its loop has been closed.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call)


def _domain(host: str) -> str:
    """Return the part of a name that one registrant owns: abc.io of x1.abc.io, and example.co.uk of a.example.co.uk."""
    name = host.lower().rstrip(".")
    return _suffixes().privatesuffix(name) or name


@cache
def _suffixes() -> PublicSuffixList:
    # Only the suffixes of registries: names below those of companies, such as github.io, cost nothing. Reading the list
    # takes 30 ms and 2.5 MB, so it waits for the first lookup.
    return PublicSuffixList(only_icann=True)


def _look_up(host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
    try:
        found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG)
    except UnicodeError:
        raise OSError("it is not the name of a host") from None
    return [
        ResolveResult(hostname=host, host=str(where[0]), port=port, family=kind, proto=protocol, flags=0)
        for kind, _, protocol, _, where in found
    ]

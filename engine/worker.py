"""A worker: claims what is due, sends it, and writes down what came of it, until it is told to stop.

Any number of workers, on any number of machines, share the work through PostgreSQL alone. Four things
go on at once in one process: claiming, the requests, writing outcomes in batches, and the chores
(housekeeping.py), which take turns with those of other workers.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import orjson
import psycopg
from django.conf import settings
from psycopg.types.json import set_json_loads
from psycopg_pool import AsyncConnectionPool

from core.wake import CHANNEL
from engine import housekeeping, metrics, notifications, queue
from engine.attempt import lease_seconds, make_attempt
from engine.log import log_attempt
from engine.meta_events import Sender as MetaEvents
from engine.queue import OUTAGES, PAUSE_SECONDS, Claim, Outcome, Pool, Unsettled
from engine.settle import settle
from outbound.client import Outbound
from outbound.oauth2 import Tokens

logger = logging.getLogger("convoyclone.deliver")

#: How long a worker sleeps at most when nobody wakes it: a notification may be lost, a retry come due.
POLL_SECONDS = 0.5
#: The same while there are more parked deliveries than one look goes through.
BACKLOG_POLL_SECONDS = 0.05
#: How long the requests of meta events and notifications may take to end.
STOP_SECONDS = 60
#: Requests under way that are quick. More at once make each slower, and the whole no faster.
QUICK_AT_ONCE = 256
#: A request that is older is slow, and takes a place among the quick ones no longer: endpoints that hang, however
#: many they are, hold up the others for that long.
SLOW_SECONDS = 0.5
#: What one look into the queue takes at most, and one write of outcomes.
CLAIMED_AT_ONCE = 200
WRITTEN_AT_ONCE = 500
#: A look into the queue costs more than a delivery: under load there are this many seconds between two,
#: in which more has come together.
CLAIM_INTERVAL_SECONDS = 0.004
#: Payloads under way, beyond which nothing is claimed.
MAX_PAYLOAD_CHARACTERS = 128 * 1024 * 1024
OTHER_CONNECTIONS = 64


class Worker:
    """One worker. `conninfo` is a libpq connection string."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._stopping = asyncio.Event()
        self._woken = asyncio.Event()
        self._outcomes: asyncio.Queue[Outcome] = asyncio.Queue()
        self._in_flight: set[asyncio.Task[None]] = set()
        #: Claims whose outcome is not written yet. They count as under way, and are not claimed again.
        self._unsettled: set[Unsettled] = set()
        self._payload_characters = 0
        #: The deliveries whose requests have been under way for SLOW_SECONDS.
        self._slow: set[str] = set()
        #: Outcomes wait for the database, and those of new requests would have to wait behind them.
        self._cannot_write = False
        #: The endpoints at which a place got free since the last look.
        self._freed: set[str] = set()
        self._alive_at = time.monotonic()

    async def run(self) -> None:
        """Work until `stop`, then finish what is under way and return."""
        # A claim that the database forgets in a crash is made again: it does not wait for the disk. The connection
        # is apart, because what the others write does.
        # One that hangs in the middle of a claim must not keep the others from theirs.
        claiming = self._pool(1, options="-c synchronous_commit=off -c idle_in_transaction_session_timeout=5s")
        pool = self._pool(6)
        async with claiming, pool, self._outbound() as outbound:
            tokens = Tokens(outbound)
            writing = asyncio.create_task(self._write_outcomes(pool))
            listening = asyncio.create_task(self._listen())
            others = [
                asyncio.create_task(chore)
                for chore in (
                    MetaEvents(pool, outbound).run(self._stopping),
                    self._repeat(lambda: notifications.send_due(pool)),
                    housekeeping.run(pool, self._stopping),
                )
            ]
            await self._claim(claiming, outbound, tokens)
            await self._drain()
            # What these have under way ends too.
            await asyncio.wait(others, timeout=STOP_SECONDS)
            for task in (writing, listening, *others):
                task.cancel()
            await asyncio.gather(writing, listening, *others, return_exceptions=True)

    def _pool(self, size: int, **settings: str) -> Pool:
        return AsyncConnectionPool(
            self._conninfo,
            min_size=1,
            max_size=size,
            open=False,
            # After an outage it is back as soon as the database is.
            timeout=5,
            reconnect_timeout=5,
            kwargs={"autocommit": True, "prepare_threshold": 1, **settings},
            configure=_configure,
        )

    @property
    def is_stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._stopping.is_set()

    @property
    def silent_seconds(self) -> float:
        """For how long it could not look into the queue. While it drains it does not want to."""
        return 0.0 if self.is_stopping else time.monotonic() - self._alive_at

    def stop(self) -> None:
        """Take nothing new, and end once all that is under way has ended."""
        self._stopping.set()
        self._woken.set()

    @contextlib.asynccontextmanager
    async def _outbound(self) -> Any:
        async with Outbound(
            allowed_networks=settings.DELIVERY_ALLOWED_NETWORKS,
            # Beside the deliveries there are meta events and requests for tokens.
            connections=settings.DELIVERY_CONCURRENCY + OTHER_CONNECTIONS,
            ca_file=settings.DELIVERY_CA_FILE,
        ) as outbound:
            yield outbound

    def _free_places(self) -> int:
        """How many more deliveries may be claimed now."""
        if self._cannot_write or self._payload_characters >= MAX_PAYLOAD_CHARACTERS:
            return 0
        quick = len(self._unsettled) - len(self._slow)
        return min(settings.DELIVERY_CONCURRENCY - len(self._unsettled), QUICK_AT_ONCE - quick, CLAIMED_AT_ONCE)

    async def _claim(self, claiming: Pool, outbound: Outbound, tokens: Tokens) -> None:
        """Claim and start requests, as many as there is room for, until the worker is told to stop."""
        last, parked_after, is_wide = 0.0, "", False
        while not self._stopping.is_set():
            await asyncio.sleep(last + CLAIM_INTERVAL_SECONDS - time.monotonic())
            self._woken.clear()
            slots = self._free_places()
            if slots <= 0:
                self._alive_at = time.monotonic()
                await self._wait(POLL_SECONDS)
                continue
            last = time.monotonic()
            freed, self._freed = self._freed, set()
            try:
                async with claiming.connection() as connection:
                    claimed = await queue.claim(
                        connection,
                        slots=slots,
                        cap=settings.DELIVERY_ENDPOINT_CONCURRENCY,
                        lease_seconds=lease_seconds,
                        is_wide=is_wide,
                        parked_after=parked_after,
                        freed=freed,
                        unsettled=self._unsettled,
                    )
            except Exception as error:
                unknown = not isinstance(error, (psycopg.Error, OSError))
                logger.error("cannot read the queue: %s", error, exc_info=unknown)
                self._freed |= freed
                await self._pause()
                continue
            self._alive_at = time.monotonic()
            if claimed.is_busy:
                # Another worker claims; it is not long at it.
                self._freed |= freed
                self._woken.set()
                continue
            parked_after, is_wide = claimed.parked_after, claimed.has_moved
            for claim in claimed.claims:
                self._unsettled.add((claim.delivery.uid, claim.lease))
                self._payload_characters += len(claim.payload.data)
                task = asyncio.create_task(self._send(claim, outbound, tokens))
                self._in_flight.add(task)
                task.add_done_callback(self._in_flight.discard)
            if len(claimed.claims) == slots or claimed.has_moved:
                last = 0.0
            else:
                await self._wait(BACKLOG_POLL_SECONDS if parked_after else POLL_SECONDS)

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), seconds)

    async def _send(self, claim: Claim, outbound: Outbound, tokens: Tokens) -> None:
        uid = claim.delivery.uid
        timer = asyncio.get_running_loop().call_later(SLOW_SECONDS, self._note_slow, uid)
        try:
            with metrics.IN_FLIGHT.track_inprogress():
                outcome = await make_attempt(claim, outbound, tokens)
            log_attempt(outcome)
        except Exception:
            # A defect of ours. The lease ends, and it is sent again.
            logger.exception("the attempt of delivery %s has failed", uid)
            self._give_back([claim])
        else:
            self._outcomes.put_nowait(outcome)
        finally:
            timer.cancel()
            self._slow.discard(uid)

    def _note_slow(self, uid: str) -> None:
        self._slow.add(uid)
        self._woken.set()

    def _give_back(self, claims: Sequence[Claim]) -> None:
        """Count claims as under way no longer."""
        self._freed.update(claim.target.uid for claim in claims)
        self._unsettled.difference_update((claim.delivery.uid, claim.lease) for claim in claims)
        self._payload_characters -= sum(len(claim.payload.data) for claim in claims)
        self._woken.set()

    async def _write_outcomes(self, pool: Pool) -> None:
        """Write outcomes as they come, all that have come together at once, and again until it works."""
        while True:
            batch = [await self._outcomes.get()]
            while len(batch) < WRITTEN_AT_ONCE and not self._outcomes.empty():
                batch.append(self._outcomes.get_nowait())
            await self._write(pool, batch)
            self._give_back([outcome.claim for outcome in batch])

    async def _write(self, pool: Pool, batch: list[Outcome]) -> None:
        while True:
            try:
                async with pool.connection() as connection:
                    await settle(connection, batch)
            except OUTAGES as error:
                # What was sent is known here only: it is kept until the database is back, and can be written.
                self._cannot_write = True
                logger.error("cannot write %s outcomes, trying again: %s", len(batch), error)
                await asyncio.sleep(PAUSE_SECONDS)
            except Exception:
                if len(batch) > 1:
                    # One of them must not take the others with it.
                    for outcome in batch:
                        await self._write(pool, [outcome])
                    return
                # Its lease ends, and it is sent again.
                logger.exception("the outcome of %s cannot be written", batch[0].claim.delivery.uid)
                return
            else:
                self._cannot_write = False
                metrics.count(batch)
                return

    async def _drain(self) -> None:
        """Wait for the requests under way, which all have an end, and for their outcomes to be written."""
        while self._unsettled:
            self._woken.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), POLL_SECONDS)

    async def _listen(self) -> None:
        """Wake up when something becomes due in the database."""
        while not self._stopping.is_set():
            try:
                connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
                async with connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    self._woken.set()
                    async for _ in connection.notifies():
                        self._woken.set()
            except Exception as error:
                logger.warning("cannot listen: %s", error)
            await self._pause()

    async def _repeat(self, work: Callable[[], Awaitable[int]]) -> None:
        """Run `work` as long as there is some, then look again in a moment."""
        while not self._stopping.is_set():
            try:
                done = await work()
            except (psycopg.Error, OSError) as error:
                logger.error("%s", error)
                done = 0
            except Exception:
                logger.exception("a part of the worker has failed, and goes on")
                done = 0
            if not done:
                await self._pause()

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), PAUSE_SECONDS)


async def _configure(connection: psycopg.AsyncConnection[Any]) -> None:
    # The configuration of its project comes with each endpoint.
    set_json_loads(orjson.loads, connection)

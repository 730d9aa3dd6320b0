"""Run a worker: claim due deliveries, send them, and write their outcomes, until it is told to stop.

Any number of workers, on any number of machines, share the work through PostgreSQL alone. One process claims, sends
requests, writes outcomes in batches and does chores (housekeeping.py), all at the same time. Chores alternate between
the workers.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial

import psycopg
from django.conf import settings

from core.postgres.bounded import AsyncConnection
from core.wake import CHANNEL
from engine import housekeeping, metrics, notifications, queue
from engine.attempt import lease_seconds, make_attempt
from engine.beginning import Beginning
from engine.choice import Unsettled
from engine.database import OUTAGES, PAUSE_SECONDS, Pool, make_pool
from engine.log import log_attempt
from engine.looks import Looks
from engine.meta_events import Sender as MetaEvents
from engine.outcomes import Outcome
from engine.queue import Claim
from engine.settle import settle
from engine.shares import Shares
from engine.switchboard import Switchboard
from engine.targets import Target
from outbound.client import Outbound
from outbound.oauth2 import Tokens

logger = logging.getLogger("convoyclone.deliver")

#: The longest sleep of a worker that nobody wakes: a notification may be lost, or a retry become due.
POLL_SECONDS = 0.5
#: The longest sleep while there are more parked deliveries than one look goes through.
BACKLOG_POLL_SECONDS = 0.05
#: The time that requests of meta events and notifications have to end when the worker stops.
STOP_SECONDS = 60
#: Quick requests under way at a time, of which one project has three quarters. With more of them each is slower, and
#: the total is no faster.
QUICK_AT_ONCE = 340
#: A request older than this is slow, and no longer takes one of the QUICK_AT_ONCE places: endpoints that hang, however
#: many they are, hold up the others for this long at most.
SLOW_SECONDS = 0.5
#: Seconds between two looks for requests that have become slow.
SLOW_LOOK_SECONDS = 0.02
#: The most deliveries that one look into the queue claims, and the most outcomes in one write.
CLAIMED_AT_ONCE = 200
WRITTEN_AT_ONCE = 500
#: The most deliveries that one look claims in turns of projects, and for MIXED_SECONDS after it has found projects
#: beside each other with much and with little to send. Requests begin in the order of looks, so that an event waits for
#: those of the look before. A look costs as much as five deliveries, whatever it claims.
CLAIMED_IN_TURNS = 128
CLAIMED_MIXED = 24
MIXED_SECONDS = 2.0
#: Seconds between two looks under load. A look into the queue costs more than a delivery, so it is worth waiting until
#: several are due.
CLAIM_INTERVAL_SECONDS = 0.004
#: Seconds between two writes under load, for the same reason.
WRITE_INTERVAL_SECONDS = 0.016
#: Claim nothing while the payloads under way have this many characters.
MAX_PAYLOAD_CHARACTERS = 128 * 1024 * 1024
#: The longest that a statement may take which claims, which writes outcomes, and which belongs to anything else. Some
#: database connections die without a word, and others must then take their place.
CLAIM_SECONDS = 15
SETTLE_SECONDS = 30
CHORE_SECONDS = 60
#: The longest sleep of the connection that listens, after which it makes sure that the database still answers.
LISTEN_SECONDS = 15
#: Connections for meta events and requests for tokens.
OTHER_CONNECTIONS = 64


class Worker:
    """One worker. `conninfo` is a libpq connection string.

    With `is_shared`, a pooler gives each transaction any server. `listening` leads to the database itself: without it
    such a worker polls.
    """

    def __init__(self, conninfo: str, *, is_shared: bool = False, listening: str = "") -> None:
        self._conninfo = conninfo
        self._is_shared = is_shared
        self._listening = listening or ("" if is_shared else conninfo)
        self._stopping = asyncio.Event()
        self._woken = asyncio.Event()
        self._outcomes: asyncio.Queue[Outcome] = asyncio.Queue()
        self._in_flight: set[asyncio.Task[None]] = set()
        self._beginning = Beginning(is_polling=not self._listening)
        #: The moment at which each request began that is not known to be slow, the oldest first, with those that ended.
        self._begun: deque[tuple[float, str, Target]] = deque()
        #: Claims whose outcome is not written yet. They count as under way and are not claimed again.
        self._unsettled: set[Unsettled] = set()
        self._payload_characters = 0
        self._shares = Shares(settings.DELIVERY_CONCURRENCY, QUICK_AT_ONCE)
        self.switches = Switchboard(lambda: len(self._in_flight))
        #: Whether outcomes wait for the database, so that those of new requests would wait behind them.
        self._cannot_write = False
        #: Whether deliveries may wait for a place that a request under way holds.
        self._waits_for_places = True
        #: The endpoints at which a place has become free since the last look.
        self._freed: set[str] = set()
        self._alive_at = time.monotonic()
        #: When the write that is under way began; None while there is none.
        self._writing_since: float | None = None

    async def run(self) -> None:
        """Work until `stop` is called, then finish the requests under way and return."""
        # A claim that a crash of the database undoes is made again, so this connection does not wait for the disk;
        # the others do.
        make = partial(make_pool, self._conninfo, is_shared=self._is_shared)
        claiming = make(
            1, statement_seconds=CLAIM_SECONDS, is_durable=False, plans_once=True, statements=queue.STATEMENTS
        )
        settling = make(1, statement_seconds=SETTLE_SECONDS, plans_once=True)
        pool = make(5, statement_seconds=CHORE_SECONDS)
        metrics.IN_FLIGHT.set_function(lambda: len(self._in_flight))
        async with claiming, settling, pool, self._outbound() as outbound:
            tokens = Tokens(outbound)
            await self.switches.begin(pool, self._stopping)
            writing = asyncio.create_task(self._write_outcomes(settling))
            listening = asyncio.create_task(self._listen())
            others = [
                asyncio.create_task(chore)
                for chore in (
                    MetaEvents(pool, outbound).run(self._stopping),
                    self._repeat(lambda: notifications.send_due(pool)),
                    housekeeping.run(pool, self._stopping),
                    self.switches.run(pool, self._stopping, self._woken.set),
                )
            ]
            await self._claim(claiming, outbound, tokens)
            await self._drain()
            # Their requests under way end as well.
            await asyncio.wait(others, timeout=STOP_SECONDS)
            for task in (writing, listening, *others):
                task.cancel()
            await asyncio.gather(writing, listening, *others, return_exceptions=True)
            await self.switches.end(pool)

    @property
    def is_stopping(self) -> bool:
        """Tell whether the worker was told to stop."""
        return self._stopping.is_set()

    @property
    def draining(self) -> str:
        """Return how far a worker is that an operator has drained; an empty text for one that is not drained."""
        if not self.switches.is_drained:
            return ""
        number = len(self._in_flight)
        return "drained by an operator: it claims nothing, and " + (f"sends {number} more" if number else "is idle")

    @property
    def silent_seconds(self) -> float:
        """Return the seconds for which the worker could not read the queue; 0 while it is drained and does not try."""
        return 0.0 if self.is_stopping else time.monotonic() - self._alive_at

    @property
    def unwritten_seconds(self) -> float:
        """Return the seconds for which the worker has tried to write the same outcomes; 0 while none wait."""
        return 0.0 if self._writing_since is None else time.monotonic() - self._writing_since

    def stop(self) -> None:
        """Claim nothing more, and end once all requests under way have ended."""
        self._stopping.set()
        self._woken.set()

    def _outbound(self) -> Outbound:
        return Outbound(
            allowed_networks=settings.DELIVERY_ALLOWED_NETWORKS,
            connections=settings.DELIVERY_CONCURRENCY + OTHER_CONNECTIONS,
            ca_file=settings.DELIVERY_CA_FILE,
        )

    def _free_places(self) -> int:
        """Return how many more deliveries may be claimed now."""
        if self._cannot_write or self.switches.is_drained or self._payload_characters >= MAX_PAYLOAD_CHARACTERS:
            return 0
        return min(self._shares.free, CLAIMED_AT_ONCE)

    async def _claim(self, claiming: Pool, outbound: Outbound, tokens: Tokens) -> None:
        """Claim deliveries and start their requests, as many as there are free places, until the worker stops."""
        last, mixed_at = 0.0, -MIXED_SECONDS
        # Whether others were claiming: then looks are rarer, and each claims more.
        was_busy = False
        # The time to wait for something to do before the next look.
        pause = 0.0
        looks, start = Looks(), partial(self._start, outbound, tokens)
        while not self._stopping.is_set():
            await self._beginning.begin(start)
            if pause and not self._beginning:
                await self._wait(pause)
            pause = 0.0
            await asyncio.sleep(last + CLAIM_INTERVAL_SECONDS - time.monotonic())
            view = looks.begin(is_woken=self._woken.is_set())
            self._woken.clear()
            self._beginning.note_look(start)
            slots = self._free_places()
            if self._beginning:
                slots = min(slots, CLAIMED_MIXED)
            elif looks.is_by_turns:
                if time.monotonic() - mixed_at < MIXED_SECONDS:
                    slots = min(slots, CLAIMED_MIXED)
                elif not was_busy:
                    slots = min(slots, CLAIMED_IN_TURNS)
            self._waits_for_places = True
            if slots <= 0:
                self._alive_at = time.monotonic()
                pause = POLL_SECONDS
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
                        view=view,
                        freed=freed,
                        unsettled=self._unsettled,
                        offer=self._shares.offer(self.switches.held),
                    )
            except Exception as error:
                unknown = not isinstance(error, (psycopg.Error, OSError))
                logger.error("cannot read the queue: %s", error, exc_info=unknown)
                self._freed |= freed
                await self._beginning.begin(start)
                await self._pause()
                continue
            was_busy, turn = claimed.is_busy, claimed.turn
            # In turns, a look reads a part of each project only.
            is_full = len(claimed.claims) == slots or bool(turn) or (turn is not None and bool(claimed.claims))
            looks.note(claimed, slots=slots, has_more=is_full or claimed.has_moved)
            self._freed |= looks.left(freed, claimed)
            if looks.has_seen_all():
                self._alive_at = time.monotonic()
            if was_busy:
                # The others do not take long: the probes say so where they do.
                continue
            mixed_at = time.monotonic() if claimed.is_mixed else mixed_at
            for claim in claimed.claims:
                self._unsettled.add((claim.delivery.uid, claim.lease))
                self._shares.take(claim.delivery.uid, claim.target)
                self._payload_characters += len(claim.payload.data)
            self._beginning.add(claimed.claims)
            if is_full or claimed.has_moved:
                last = 0.0
            elif looks.is_done():
                # Of a part it tells nothing of the others.
                self._waits_for_places = claimed.waits_for_places or claimed.part is not None
                pause = BACKLOG_POLL_SECONDS if looks.has_backlog(claimed.part) else POLL_SECONDS
        while self._beginning:
            await self._beginning.begin(start)

    def _start(self, outbound: Outbound, tokens: Tokens, claim: Claim) -> None:
        task = asyncio.create_task(self._send(claim, outbound, tokens))
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()

    async def _send(self, claim: Claim, outbound: Outbound, tokens: Tokens) -> None:
        uid = claim.delivery.uid
        self._begin(uid, claim.target)
        try:
            outcome = await make_attempt(claim, outbound, tokens)
            log_attempt(outcome)
        except Exception:
            # A defect of ours. The delivery is sent again once its lease has ended.
            logger.exception("the attempt of delivery %s has failed", uid)
            self._give_back([claim])
        else:
            self._outcomes.put_nowait(outcome)

    def _begin(self, uid: str, target: Target) -> None:
        """Note when a request begins. One timer watches all of them: most end long before they are slow."""
        loop = asyncio.get_running_loop()
        if not self._begun:
            loop.call_later(SLOW_SECONDS, self._note_slow)
        self._begun.append((loop.time(), uid, target))

    def _note_slow(self) -> None:
        """Give the quick places of slow requests to others; those that have ended hold none."""
        loop = asyncio.get_running_loop()
        while self._begun and self._begun[0][0] <= loop.time() - SLOW_SECONDS:
            _, uid, target = self._begun.popleft()
            if self._shares.note_slow(uid, target):
                self._woken.set()
        if self._begun:
            loop.call_at(max(self._begun[0][0] + SLOW_SECONDS, loop.time() + SLOW_LOOK_SECONDS), self._note_slow)

    def _give_back(self, claims: Sequence[Claim], answered: Collection[str] = ()) -> None:
        """Stop counting claims as under way; the deliveries `answered` have got an answer."""
        for claim in claims:
            self._freed.add(claim.target.uid)
            has_answered = claim.delivery.uid in answered
            self._shares.give_back(claim.delivery.uid, claim.target, has_answered=has_answered)
        self._unsettled.difference_update((claim.delivery.uid, claim.lease) for claim in claims)
        self._payload_characters -= sum(len(claim.payload.data) for claim in claims)
        if self._waits_for_places or self.is_stopping:
            self._woken.set()

    async def _write_outcomes(self, pool: Pool) -> None:
        """Write outcomes as they come, in batches of those that have come since the last write."""
        last = 0.0
        while True:
            batch = [await self._outcomes.get()]
            await asyncio.sleep(last + WRITE_INTERVAL_SECONDS - time.monotonic())
            last = time.monotonic()
            while len(batch) < WRITTEN_AT_ONCE and not self._outcomes.empty():
                batch.append(self._outcomes.get_nowait())
            self._writing_since = time.monotonic()
            await self._write(pool, batch)
            self._writing_since = None
            answered = {outcome.claim.delivery.uid for outcome in batch if outcome.attempt.http_status}
            self._give_back([outcome.claim for outcome in batch], answered)

    async def _write(self, pool: Pool, batch: list[Outcome]) -> None:
        while True:
            try:
                async with pool.connection() as connection:
                    await settle(connection, batch)
            except OUTAGES as error:
                # Only this worker knows the outcomes: it keeps them until the database is back.
                self._cannot_write = True
                logger.error("cannot write %s outcomes, trying again: %s", len(batch), error)
                await asyncio.sleep(PAUSE_SECONDS)
            except Exception:
                if len(batch) > 1:
                    # One bad outcome must not prevent the others from being written.
                    for outcome in batch:
                        await self._write(pool, [outcome])
                    return
                # The delivery is sent again once its lease has ended.
                logger.exception("the outcome of %s cannot be written", batch[0].claim.delivery.uid)
                return
            else:
                self._cannot_write = False
                metrics.count(batch)
                return

    async def _drain(self) -> None:
        """Wait until the requests under way have ended, as each does, and their outcomes are written."""
        while self._unsettled:
            self._woken.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), POLL_SECONDS)

    async def _listen(self) -> None:
        """Wake the worker when PostgreSQL notifies it that deliveries are due."""
        if not self._listening:
            logger.warning("DATABASE_LISTEN_URL is not set: nothing wakes this worker, which polls every half second")
            return
        while not self._stopping.is_set():
            try:
                connection = await AsyncConnection.connect(self._listening, autocommit=True)
                connection.wait_seconds = CLAIM_SECONDS
                async with connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    self._woken.set()
                    while True:
                        async for _ in connection.notifies(timeout=LISTEN_SECONDS):
                            self._beginning.is_notified = True
                            self._woken.set()
                        await connection.execute("SELECT 1")
            except Exception as error:
                logger.warning("cannot listen: %s", error)
            await self._pause()

    async def _repeat(self, work: Callable[[], Awaitable[int]]) -> None:
        """Repeat `work`, with a pause whenever it had nothing to do, until the worker stops."""
        while not self._stopping.is_set():
            try:
                done = await work()
            except (psycopg.Error, OSError) as error:
                logger.error("%s", error)
                done = 0
            except Exception:
                logger.exception("a part of the worker has failed, and continues")
                done = 0
            if not done:
                await self._pause()

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), PAUSE_SECONDS)

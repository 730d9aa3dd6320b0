"""Run a worker of the delivery engine: `manage.py deliver`. Any number of workers share the work."""

import asyncio
import contextlib
import gc
import logging
import resource
import signal
import time
from typing import Any

import psycopg
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error, connection

from core.conninfo import conninfo, with_defaults
from core.pooling import TRANSACTION, pooling_problem
from core.postgres.base import bound_statements
from core.readiness import TOO_OLD, is_too_old, missing_migrations
from core.telemetry import start_telemetry
from engine.log import log_cheaply
from engine.status import beat, serving
from engine.worker import CHORE_SECONDS, Worker

logger = logging.getLogger("convoyclone.deliver")

#: The pause between two tries to reach a database that is away.
PAUSE_SECONDS = 1.0
#: Open files beside those of requests: connections to the database, lookups of names, and logs. Where few are allowed,
#: half of them are for these.
OTHER_FILES = 256


class Command(BaseCommand):
    """Run a worker until SIGTERM or SIGINT."""

    help = "Deliver webhooks until SIGTERM. Run any number of workers, on any number of machines."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--metrics-port",
            type=int,
            default=settings.METRICS_PORT,
            help="Serve /metrics, /healthz and /readyz on this port of METRICS_HOST. Default: METRICS_PORT. 0: none.",
        )
        parser.add_argument(
            "--heartbeat",
            type=int,
            metavar="DESCRIPTOR",
            help="Write a byte a second to this file descriptor while the worker is healthy. script/server reads it.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the worker until a signal comes and all requests under way have ended.

        Waits for a database that is away. Raises CommandError where the database lacks migrations or
        is too old, or the port is taken.
        """
        try:
            start_telemetry("worker")
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from None
        with _ending_by_signals():
            problem = _schema_problem()
        if problem:
            raise CommandError(problem)
        wanted = settings.DELIVERY_CONCURRENCY
        settings.DELIVERY_CONCURRENCY = _allowed_connections(wanted)
        note = ""
        if wanted > settings.DELIVERY_CONCURRENCY:
            note = f"{settings.DELIVERY_CONCURRENCY} requests at once: too few open files are allowed"
        worker = Worker(
            conninfo(connection.settings_dict),
            is_shared=settings.DATABASE_POOL_MODE == TRANSACTION,
            listening=settings.DATABASE_LISTEN_URL and with_defaults(settings.DATABASE_LISTEN_URL),
        )
        # The worker has connections of its own. Those of its threads, for chores and probes, are made from now on.
        connection.close()
        bound_statements(CHORE_SECONDS)
        log_cheaply()
        # Objects that exist now stay, and later ones are freed by counting references. Collecting cycles among all
        # requests under way took a tenth of a worker's time.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 50, 50)
        asyncio.run(_work(worker, options["metrics_port"], options["heartbeat"], note))


def _allowed_connections(wanted: int) -> int:
    """Return the number of requests at once: as `wanted`, or fewer where this process may not open enough files.

    Each request can leave an idle connection behind.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * wanted + OTHER_FILES
    if hard != resource.RLIM_INFINITY and hard < needed:
        allowed = max((hard - min(OTHER_FILES, hard // 2)) // 2, 1)
        logger.warning(
            "%s requests at once need %s open files, but %s are allowed: there will be %s",
            wanted,
            needed,
            hard,
            allowed,
        )
        wanted, needed = allowed, hard
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    return wanted


@contextlib.contextmanager
def _ending_by_signals() -> Any:
    """Let a signal end the process at once, with exit code 0, within a block in which no request is under way."""

    def end(*_: Any) -> None:
        raise SystemExit(0)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _schema_problem() -> str:
    """Return why this version cannot work with the schema, or an empty text, once the database answers."""
    while True:
        try:
            if is_too_old():
                return TOO_OLD
            if missing := missing_migrations():
                return f"the database lacks {', '.join(missing)}: run manage.py migrate first"
            return pooling_problem()
        except (Error, psycopg.Error) as error:
            logger.warning("waiting for the database: %s", " ".join(str(error).split()))
            connection.close()
            time.sleep(PAUSE_SECONDS)


async def _work(worker: Worker, port: int, heartbeat: int | None, note: str) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, worker.stop)
    async with contextlib.AsyncExitStack() as stack:
        if port:
            try:
                await stack.enter_async_context(serving(worker, settings.METRICS_HOST, port, note=note))
            except (OSError, OverflowError) as error:
                reason = getattr(error, "strerror", error)
                raise CommandError(f"cannot listen on {settings.METRICS_HOST} port {port}: {reason}") from None
        if heartbeat is not None:
            beating = asyncio.create_task(beat(worker, heartbeat))
            stack.callback(beating.cancel)
        await worker.run()

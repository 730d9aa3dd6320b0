"""Serve /metrics, /healthz and /readyz of a worker over HTTP, on a port of its own."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from django.conf import settings
from django.db import connections
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from core.readiness import NO_DATABASE, has_metrics_token, why_not_ready
from deliveries.figures import registry
from engine.worker import Worker

#: /healthz fails once a worker could not read the queue, or not write the same outcomes, for this long.
SILENT_SECONDS = 30.0
#: /readyz fails when the database has not answered it after this long.
READY_SECONDS = 5.0
BEAT_SECONDS = 1.0

#: One thread of its own: a probe that waits for the database takes none from the worker's requests.
_thread = ThreadPoolExecutor(1, "status")

Result = TypeVar("Result")


def why_unhealthy(worker: Worker) -> str:
    """Return in one line why a worker should be restarted, or an empty text where it works."""
    if (silent := worker.silent_seconds) > SILENT_SECONDS:
        return f"the queue could not be read for {silent:.0f} seconds"
    if (unwritten := worker.unwritten_seconds) > SILENT_SECONDS:
        return f"outcomes could not be written for {unwritten:.0f} seconds"
    return ""


@asynccontextmanager
async def serving(worker: Worker, host: str, port: int, *, note: str = "") -> AsyncIterator[None]:
    """Serve the status of `worker` until the block ends. Raises OSError where the address cannot be used.

    `/healthz` answers 503 once the worker could not read the queue or write outcomes for SILENT_SECONDS. `/readyz`
    answers 503 while the database is away or lacks migrations, or the worker stops or is drained; otherwise it adds
    `note`, which says what an operator should know of a worker that works. `/metrics` asks for METRICS_TOKEN where that
    is set.
    """

    # Not imported with the module: a worker without METRICS_PORT has no server.
    from aiohttp import web

    async def healthz(_: web.Request) -> web.Response:
        problem = why_unhealthy(worker)
        return web.Response(status=503, text=f"{problem}\n") if problem else web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        problem = "the worker is stopping" if worker.is_stopping else worker.draining
        if not problem:
            try:
                problem = await asyncio.wait_for(_in_a_thread(why_not_ready), READY_SECONDS)
            except TimeoutError:
                problem = NO_DATABASE
        if problem:
            return web.Response(status=503, text=f"{problem}\n")
        return web.Response(text=f"ok, with {note}\n" if note else "ok\n")

    async def metrics(request: web.Request) -> web.Response:
        if settings.METRICS_TOKEN and not has_metrics_token(request.headers.get("Authorization", "")):
            raise web.HTTPUnauthorized
        body = await _in_a_thread(_metrics)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    application = web.Application()
    application.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    runner = web.AppRunner(application, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield
    finally:
        await runner.cleanup()


async def beat(worker: Worker, descriptor: int) -> None:
    """Write a byte a second to the pipe of script/server while `worker` is healthy, until this is cancelled.

    A worker that hangs writes none, whatever it hangs in.
    """
    os.set_blocking(descriptor, False)
    while True:
        if not why_unhealthy(worker):
            # A pipe that is full or closed has nobody who reads it.
            with contextlib.suppress(BlockingIOError, BrokenPipeError):
                os.write(descriptor, b".")
        await asyncio.sleep(BEAT_SECONDS)


def _metrics() -> bytes:
    registries: tuple[CollectorRegistry, ...] = (REGISTRY, registry)
    return b"".join(generate_latest(each) for each in registries)


async def _in_a_thread(work: Callable[[], Result]) -> Result:
    """Run work with Django's database in the thread of the probes, and close its connection: probes are far apart."""

    def run() -> Result:
        try:
            return work()
        finally:
            connections.close_all()

    return await asyncio.get_running_loop().run_in_executor(_thread, run)

"""Serve /metrics, /healthz and /readyz of a worker over HTTP, on a port of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from aiohttp import web
from django.conf import settings
from django.db import connections
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from core.readiness import has_metrics_token, why_not_ready
from deliveries.figures import registry
from engine.worker import Worker

#: /healthz fails once a worker could not read the queue for this long.
SILENT_SECONDS = 30.0

Result = TypeVar("Result")


@asynccontextmanager
async def serving(worker: Worker, host: str, port: int) -> AsyncIterator[None]:
    """Serve the status of `worker` until the block ends. Raises OSError where the address cannot be used.

    `/healthz` answers 503 once the worker could not read the queue for SILENT_SECONDS. `/readyz` answers 503 while the
    database is away or lacks migrations, or the worker drains. `/metrics` asks for METRICS_TOKEN where that is set.
    """

    async def healthz(_: web.Request) -> web.Response:
        silent = worker.silent_seconds
        if silent > SILENT_SECONDS:
            return web.Response(status=503, text=f"the queue could not be read for {silent:.0f} seconds\n")
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        problem = "the worker is stopping" if worker.is_stopping else await _in_a_thread(why_not_ready)
        return web.Response(status=503, text=f"{problem}\n") if problem else web.Response(text="ok\n")

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


def _metrics() -> bytes:
    registries: tuple[CollectorRegistry, ...] = (REGISTRY, registry)
    return b"".join(generate_latest(each) for each in registries)


async def _in_a_thread(work: Callable[[], Result]) -> Result:
    """Run work with Django's database in a thread, and close its connection: the next work may get another thread."""

    def run() -> Result:
        try:
            return work()
        finally:
            connections.close_all()

    return await asyncio.to_thread(run)

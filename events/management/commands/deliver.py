"""`manage.py deliver`: a worker of the delivery engine. Any number of them share the work."""

import asyncio
import signal
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection

from convoyclone.database import conninfo
from events.delivery.worker import Worker


class Command(BaseCommand):
    """Runs a worker until SIGTERM or SIGINT."""

    help = "Deliver webhooks until SIGTERM. Run as many as are needed, on as many machines."

    def handle(self, *args: Any, **options: Any) -> None:
        """Work; a signal ends it once all requests under way have ended."""
        asyncio.run(_work(Worker(conninfo(connection.settings_dict))))


async def _work(worker: Worker) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, worker.stop)
    await worker.run()

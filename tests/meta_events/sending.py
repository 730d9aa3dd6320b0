"""Sending meta events once, as a worker does it again and again."""

from engine.meta_events import Sender
from outbound.client import Outbound
from tests.pools import Pool


async def send_due(pool: Pool, outbound: Outbound) -> int:
    """Claim once, and send what was claimed. Returns how many there were."""
    sender = Sender(pool, outbound)
    count = await sender.start_due()
    await sender.finish()
    return count

"""Sending meta events once, as a worker does it again and again."""

from events.delivery.outbound import Outbound
from meta_events.delivery import Sender
from tests.pools import Pool


async def send_due(pool: Pool, outbound: Outbound) -> int:
    """Claim once, and send what was claimed. Returns how many there were."""
    sender = Sender(pool, outbound)
    count = await sender.start_due()
    await sender.finish()
    return count

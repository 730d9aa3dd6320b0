"""Send meta events once, as a worker does it again and again."""

from engine.database import Pool
from engine.meta_events import Sender
from outbound.client import Outbound
from tests.pools import with_outbound


async def send_due(pool: Pool, outbound: Outbound) -> int:
    """Claim once, and send what was claimed. Returns how many there were."""
    sender = Sender(pool, outbound)
    count = await sender.start_due()
    await sender.finish()
    return count


def send() -> int:
    """Do the same from a test that has no event loop."""
    return with_outbound(lambda pool, outbound: send_due(pool, outbound))

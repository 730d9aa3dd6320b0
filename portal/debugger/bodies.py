"""Compare the body that a customer pastes with the one that was sent."""

import orjson

from outbound.payload import compact
from portal.debugger.findings import Difference

#: Bytes shown on each side of the place where two bodies differ.
SHOWN_BYTES = 24


def change_of(sent: bytes, received: bytes) -> str:
    """Return the code of the change that made the received body of the one that was sent."""
    if not received.strip():
        return "empty"
    if received.rstrip(b"\r\n") == sent:
        return "newline"
    if received.strip() == sent:
        return "space"
    if sent.startswith(received):
        return "cut"
    try:
        text, original = orjson.loads(received), orjson.loads(sent)
    except orjson.JSONDecodeError:
        text = original = None
    if text is not None and text == original:
        return "respaced" if compact(received) == sent else "rewritten"
    if isinstance(text, str) and text.encode() == sent:
        return "twice"
    if received == _misread(sent):
        return "charset"
    return "other"


def _misread(sent: bytes) -> bytes:
    """Return the bytes as they are after UTF-8 was read as Latin-1 and written as UTF-8."""
    return sent.decode("latin-1").encode()


def difference_of(sent: bytes, received: bytes) -> Difference:
    """Return the first place where two bodies differ, with SHOWN_BYTES around it. They must differ."""
    low, high = 0, min(len(sent), len(received))
    while low < high:
        middle = (low + high + 1) // 2
        if sent[:middle] == received[:middle]:
            low = middle
        else:
            high = middle - 1
    begin = max(low - SHOWN_BYTES, 0)
    end = low + SHOWN_BYTES

    def shown(part: bytes) -> str:
        return part.decode(errors="replace")

    return Difference(
        at=low + 1,
        before=("…" if begin else "") + shown(sent[begin:low]),
        sent=shown(sent[low:end]) + ("…" if len(sent) > end else ""),
        received=shown(received[low:end]) + ("…" if len(received) > end else ""),
        sent_bytes=len(sent),
        received_bytes=len(received),
    )

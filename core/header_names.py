"""Tell which names of HTTP headers are valid, and which of them no setting may use."""

import re
from functools import lru_cache

#: A character of a token of RFC 9110, as a regular expression; the API document has it too.
TOKEN_CHARACTER = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_TOKEN = re.compile(f"{TOKEN_CHARACTER}+")
#: The headers that say where a request ends or that belong to one connection, beside all of `proxy-*`.
_FRAMING = {
    *("host", "content-length", "transfer-encoding", "trailer", "connection", "keep-alive", "te", "upgrade", "expect"),
}
#: Headers whose values the engine sets on every webhook.
_OF_EVERY_WEBHOOK = {"content-type", "accept-encoding", "webhook-id", "webhook-timestamp", "webhook-signature"}


def is_header_name(name: str) -> bool:
    """Return whether HTTP can carry a header of this name: whether it is a token of RFC 9110."""
    return _TOKEN.fullmatch(name) is not None


# A worker asks for each header that it sends, and most names are the same ones.
@lru_cache(maxsize=1024)
def is_framing(name: str) -> bool:
    """Return whether only the HTTP client may write the header of this name, in any letter case."""
    name = name.lower()
    return name in _FRAMING or name.startswith("proxy-")


def is_taken(name: str) -> bool:
    """Return whether a webhook's header of this name, in any letter case, has a meaning that no setting can change."""
    return is_framing(name) or name.lower() in _OF_EVERY_WEBHOOK

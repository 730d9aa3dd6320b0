"""The names of HTTP headers: which are valid, and which no header of ours may have."""

import re

#: A character of a header's name (a token of RFC 9110), as a regular expression.
TOKEN_CHARACTER = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_TOKEN = re.compile(f"{TOKEN_CHARACTER}+")
#: They say where a request ends or belong to one connection.
_FRAMING = {
    *("host", "content-length", "transfer-encoding", "trailer", "connection", "keep-alive", "te", "upgrade", "expect"),
}
#: Set by what is sent, on every webhook.
_OF_EVERY_WEBHOOK = {"content-type", "accept-encoding", "webhook-id", "webhook-timestamp", "webhook-signature"}


def is_header_name(name: str) -> bool:
    """Whether HTTP can carry a header of this name (a token of RFC 9110)."""
    return _TOKEN.fullmatch(name) is not None


def is_framing(name: str) -> bool:
    """Whether only the HTTP client may write the header of this name, in any letter case."""
    return name.lower() in _FRAMING or name.lower().startswith("proxy-")


def is_taken(name: str) -> bool:
    """Whether a webhook's header of this name, in any letter case, has a meaning that no setting can change."""
    return is_framing(name) or name.lower() in _OF_EVERY_WEBHOOK

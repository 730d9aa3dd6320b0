"""Say why a request was not sent, or why its response was not accepted.

Nothing here needs the HTTP client, which a web process loads only when it sends something itself.
"""

NOT_IN_TIME = "context deadline exceeded"
HEADERS_END_EARLY = "malformed HTTP response: its headers end early"
NEEDS_CERTIFICATE = "the receiver requires a client certificate"
#: The beginnings of errors beside which a status does not count: the response took too long, or the fault is ours.
_UNDECIDED = (NOT_IN_TIME, "the request failed")


class Unsendable(Exception):
    """The request can never be sent; the text says why."""


class AddressRefused(OSError):
    """The receiver's `address` may not be connected to; the text names it and says why."""

    def __init__(self, reason: str, address: str = "") -> None:
        super().__init__(reason)
        self.address = address


class Malformed(Exception):
    """The response is malformed or too large."""


def is_decided(error: str) -> bool:
    """Return whether a status that was read counts, given the error beside it, which is empty where there is none.

    A response that is malformed or cut short after its status line is no reason to send the webhook again.
    """
    return not error.startswith(_UNDECIDED)


def one_line(text: str) -> str:
    """Return the first 200 characters of a text, with a blank for each that cannot be printed."""
    return "".join(character if character.isprintable() else " " for character in text[:200]).strip()

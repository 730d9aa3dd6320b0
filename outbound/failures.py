"""Say why a request was not sent, or why its response was not accepted."""

import os
import socket
import ssl

import aiohttp

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
    """Tell whether a status that was read counts, given the error beside it, which is empty where there is none.

    What is malformed or cut short after the status line is no reason to send the webhook again.
    """
    return not error.startswith(_UNDECIDED)


def described(problem: Exception, timeout: float, connect_timeout: float) -> str:
    """Say in one line why a request failed, without the URL, whose query may hold a credential."""
    match problem:
        case Malformed():
            return f"malformed HTTP response: {problem}"
        case aiohttp.ClientConnectorDNSError():
            if isinstance(problem.os_error, AddressRefused):
                return str(problem.os_error)
            return f"lookup of the host failed: {_reason(problem.os_error)}"
        case aiohttp.ClientConnectorCertificateError():
            why = getattr(problem.certificate_error, "verify_message", "") or "certificate verify failed"
            return f"tls: failed to verify certificate: {one_line(why)}"
        case aiohttp.ClientConnectorSSLError():
            reason = _reason(problem.os_error)
            # Before TLS 1.3 a receiver has no alert of its own for a client certificate that is missing.
            hint = " (it may require a client certificate)" if reason.endswith("ALERT_HANDSHAKE_FAILURE") else ""
            return f"tls: handshake failed: {reason}{hint}"
        case aiohttp.ClientConnectorError():
            if isinstance(problem.os_error, AddressRefused):
                return str(problem.os_error)
            return f"connection failed: {_reason(problem.os_error)}"
        case aiohttp.ConnectionTimeoutError():
            return f"{NOT_IN_TIME}: not connected within {connect_timeout:g} seconds"
        case TimeoutError():
            return f"{NOT_IN_TIME}: no complete response within {timeout:g} seconds"
        case aiohttp.ClientResponseError():
            # The rest of the text quotes the response, which may echo the request.
            return f"malformed HTTP response: {one_line(problem.message.partition(':')[0])}"
        case aiohttp.ServerDisconnectedError():
            return "the receiver closed the connection without a response"
        case aiohttp.ClientPayloadError():
            return "the response's body ends early or is malformed"
        case aiohttp.ClientOSError() if isinstance(problem.__cause__, ssl.SSLError):
            # In TLS 1.3 a receiver looks at the client's certificate after the handshake.
            return f"tls: the receiver ended the connection: {_reason(problem.__cause__)}"
        case OSError():
            return f"connection failed: {_reason(problem)}"
    return f"the request failed: {type(problem).__name__}"


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return one_line(error.reason or "TLS error")
    if error.errno and not isinstance(error, socket.gaierror):
        # asyncio writes the address in place of the reason.
        return os.strerror(error.errno)
    return one_line(error.strerror or str(error) or type(error).__name__)


def one_line(text: str) -> str:
    """Return the first 200 characters of a text, with a blank for each that cannot be printed."""
    return "".join(character if character.isprintable() else " " for character in text[:200]).strip()

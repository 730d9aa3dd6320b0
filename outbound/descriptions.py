"""Say in one line why a request failed, for each error of the HTTP client."""

import os
import socket
import ssl

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from outbound.failures import NOT_IN_TIME, AddressRefused, Malformed, one_line


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
        case HttpProcessingError():
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

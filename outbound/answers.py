"""Name the kind of an answer: its status code, or a code for what happened instead.

Figures are kept by kind, and the portal puts each kind in words. The kind follows from the texts that an attempt
stores, so that attempts that are older than this module have one too.
"""

from enum import StrEnum

from outbound.failures import NEEDS_CERTIFICATE, NOT_IN_TIME, is_decided


class AnswerKind(StrEnum):
    """The kinds of failures for which there is no answer."""

    TIMEOUT = "timeout"
    #: Nobody listens at the port.
    REFUSED = "refused"
    #: The connection was closed before there was an answer.
    RESET = "reset"
    #: No way leads to the address.
    UNREACHABLE = "unreachable"
    #: The name has no address.
    DNS = "dns"
    TLS_EXPIRED = "tls_expired"
    #: The certificate is for another name.
    TLS_NAME = "tls_name"
    #: The certificate's issuer is not known.
    TLS_UNTRUSTED = "tls_untrusted"
    #: Any other failure of TLS, such as a server that does not speak it.
    TLS = "tls"
    #: The server asks for a client certificate, and was shown none, or one that it does not accept.
    CERTIFICATE_MISSING = "certificate_missing"
    #: The address is not public.
    PRIVATE_ADDRESS = "private_address"
    #: The answer is not HTTP, too large, or ends early.
    BAD_ANSWER = "bad_answer"
    #: The token server of OAuth 2 has given no token.
    NO_TOKEN = "no_token"
    #: No request could be made of what is stored: the URL, the headers, the payload, a secret or a certificate.
    UNSENT = "unsent"
    #: The worker was lost while it sent the request.
    INTERRUPTED = "interrupted"


#: The beginnings of errors, but those of TLS, and their kinds. The first that fits counts.
_BEGINNINGS = (
    (NOT_IN_TIME, AnswerKind.TIMEOUT),
    ("lookup of the host failed", AnswerKind.DNS),
    ("ssrf guard", AnswerKind.PRIVATE_ADDRESS),
    ("malformed HTTP response", AnswerKind.BAD_ANSWER),
    ("the response's", AnswerKind.BAD_ANSWER),
    ("the receiver closed the connection", AnswerKind.RESET),
    ("oauth2: ", AnswerKind.NO_TOKEN),
    ("the worker was lost", AnswerKind.INTERRUPTED),
)
_CONNECTION, _VERIFY, _TLS = "connection failed: ", "tls: failed to verify certificate: ", "tls: "
_REASONS = {
    "Connection refused": AnswerKind.REFUSED,
    "Connection reset by peer": AnswerKind.RESET,
    "Broken pipe": AnswerKind.RESET,
    "Connection aborted": AnswerKind.RESET,
    "Software caused connection abort": AnswerKind.RESET,
    "Connection timed out": AnswerKind.TIMEOUT,
}
#: Alerts of a server that does not accept what it was shown as a client certificate, or that none was shown. They come
#: during the handshake, or where an answer should.
_ABOUT_CLIENT = ("ALERT_CERTIFICATE_", "ALERT_BAD_CERTIFICATE", "ALERT_UNKNOWN_CA", "ALERT_NO_CERTIFICATE")


def answer_kind(http_status: str, error: str) -> str:
    """Return the kind of the answer to an attempt, given its status ("404 Not Found") and error; "" stands for none.

    The status decides, except where a 2xx answer took too long, so that the attempt has failed, and where a 400 says
    that a client certificate is missing.
    """
    if error == NEEDS_CERTIFICATE:
        return AnswerKind.CERTIFICATE_MISSING
    if http_status and (not http_status.startswith("2") or is_decided(error)):
        return http_status.partition(" ")[0]
    for beginning, kind in _BEGINNINGS:
        if error.startswith(beginning):
            return kind
    if error.startswith(_VERIFY):
        return _of_certificate(error.removeprefix(_VERIFY))
    if error.startswith(_TLS):
        is_about_client = any(alert in error for alert in _ABOUT_CLIENT)
        return AnswerKind.CERTIFICATE_MISSING if is_about_client else AnswerKind.TLS
    if error.startswith(_CONNECTION):
        return _REASONS.get(error.removeprefix(_CONNECTION), AnswerKind.UNREACHABLE)
    return AnswerKind.BAD_ANSWER if http_status else AnswerKind.UNSENT


def answer_text(http_status: str, error: str) -> str:
    """Return the text of the answer to an attempt, in step with its kind: "404 Not Found", or the error."""
    return http_status if answer_kind(http_status, error).isdecimal() else error


def _of_certificate(why: str) -> AnswerKind:
    """Return the kind of a certificate that OpenSSL does not accept, by OpenSSL's text."""
    if "has expired" in why:
        return AnswerKind.TLS_EXPIRED
    if "mismatch" in why:
        return AnswerKind.TLS_NAME
    return AnswerKind.TLS if "not yet valid" in why else AnswerKind.TLS_UNTRUSTED

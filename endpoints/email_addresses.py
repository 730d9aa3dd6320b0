"""Know the e-mail addresses whose readers have agreed to alerts, by digests: AlertSettings.email_confirmed."""

from core.tokens import digest, matches


def email_digest(email: str) -> bytes:
    """Return the digest of an e-mail address in any letter case."""
    return digest(email.lower())


def is_confirmed(email: str, confirmed: bytes | memoryview | None) -> bool:
    """Return whether the stored digest, if there is one, is that of this address."""
    return confirmed is not None and matches(email.lower(), confirmed)

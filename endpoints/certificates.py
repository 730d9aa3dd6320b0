"""Check the client certificates of endpoints (mTLS) before they are stored."""

from collections.abc import Mapping
from typing import Annotated, Any, TypedDict

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.utils import timezone

from core.api.documents import component
from core.api.values import REDACTED
from core.exceptions import InvalidInput
from endpoints.private_keys import read_private_key


@component("datastore.MtlsClientCert")
class ClientCertificateDocument(TypedDict):
    """A client certificate without its key."""

    client_cert: Annotated[str, "PEM."]
    client_key: Annotated[str, f"Always `{REDACTED}`."]


def checked(sent: Mapping[str, Any], stored: dict[str, Any] | None) -> dict[str, str] | None:
    """Return the object to store for a `mtls_client_cert`, or None where both parts are empty.

    A key that reads `[REDACTED]` keeps the stored one. Raises InvalidInput where a part is missing
    or cannot be read, the two do not belong together, or the certificate has expired.
    Contract: docs/contract/endpoints.md#client-certificate.
    """
    certificate, key = sent.get("client_cert", ""), sent.get("client_key", "")
    if key == REDACTED:
        key = (stored or {}).get("client_key", "")
    if not certificate and not key:
        return None
    if not certificate or not key:
        raise InvalidInput("mtls_client_cert requires both client_cert and client_key")
    try:
        private = read_private_key(key)
        parsed = x509.load_pem_x509_certificate(certificate.encode())
        same = _spki(parsed.public_key()) == _spki(private.public_key())
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise InvalidInput(f"invalid mTLS client certificate: {' '.join(str(error).split())[:200]}") from None
    if not same:
        raise InvalidInput("invalid mTLS client certificate: the private key does not belong to the certificate")
    if parsed.not_valid_after_utc <= timezone.now():
        raise InvalidInput("invalid mTLS client certificate: it has expired")
    return {"client_cert": certificate, "client_key": key}


def keeps_hidden(sent: Mapping[str, Any] | None, stored: dict[str, str] | None) -> bool:
    """Return whether an update keeps the stored key, which nobody may see. `sent` is None where it has none."""
    return stored is not None and (sent is None or sent.get("client_key") == REDACTED)


def shown(stored: dict[str, str] | None) -> ClientCertificateDocument | None:
    """Return the `mtls_client_cert` of an answer, without its key."""
    return None if stored is None else {"client_cert": stored["client_cert"], "client_key": REDACTED}


def _spki(public_key: Any) -> bytes:
    encoded: bytes = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return encoded

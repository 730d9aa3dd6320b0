"""Make TLS contexts: the one that verifies receivers, and those that show a client certificate."""

import asyncio
import hashlib
import ssl
import tempfile
from collections import OrderedDict
from pathlib import Path

from outbound.failures import Unsendable, one_line

MAX_CERTIFICATES = 64


class Contexts:
    """The TLS contexts of one client. Authorities of `ca_file` are trusted beside the system's."""

    def __init__(self, ca_file: str | None) -> None:
        self._ca_file = ca_file
        self._certified: OrderedDict[bytes, ssl.SSLContext] = OrderedDict()
        self.verifying = _verifying(ca_file)

    async def presenting(self, pair: tuple[str, str]) -> ssl.SSLContext:
        """Return the context that shows this certificate with its private key, both PEM. Raises Unsendable.

        The context is part of a pooled connection's key in aiohttp, so two certificates share no connection.
        """
        digest = hashlib.sha256("\0".join(pair).encode("utf-8", "replace")).digest()
        context = self._certified.get(digest)
        if context is None:
            # Reading all authorities takes some 20 ms.
            context = await asyncio.to_thread(_certified, self._ca_file, pair)
            self._certified[digest] = context
            if len(self._certified) > MAX_CERTIFICATES:
                self._certified.popitem(last=False)
        else:
            self._certified.move_to_end(digest)
        return context


def _verifying(ca_file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file:
        context.load_verify_locations(ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _certified(ca_file: str | None, pair: tuple[str, str]) -> ssl.SSLContext:
    context = _verifying(ca_file)
    try:
        # OpenSSL reads a certificate from a file only: in a folder that is ours alone, and for this moment.
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "pair.pem"
            file.write_text("\n".join(pair), encoding="utf-8")
            # An empty password: a key that needs one is refused, where OpenSSL would ask the terminal.
            context.load_cert_chain(file, password="")
    except ssl.SSLError as error:
        raise Unsendable(f"Invalid mTLS certificate: {one_line(error.reason or 'it cannot be read')}") from None
    except ValueError:
        raise Unsendable("Invalid mTLS certificate: it cannot be read") from None
    return context

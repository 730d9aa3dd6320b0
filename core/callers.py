"""Tell the callers of requests apart before anything is looked up, for the places of a web process."""

from collections.abc import Hashable, Mapping
from typing import Any

from core.client_address import known_network

#: In the environment of a request: the project or the owner that a view has found to be calling.
PARTY = "convoyclone.party"
#: In the environment of a request that is refused because its caller has too many in line for a place.
IS_REFUSED = "convoyclone.is_refused"


def caller_of(environ: Mapping[str, Any]) -> Hashable:
    """Return the credential of a request, in any writing of its headers, else its network, else its cookies.

    A credential and cookies are hashes, which are of no use outside of this process.
    """
    # Feather's clients send their key as X-Api-Key.
    token = environ.get("HTTP_AUTHORIZATION", "").rpartition(" ")[2] or environ.get("HTTP_X_API_KEY", "")
    return hash(token) if token else known_network(environ) or hash(environ.get("HTTP_COOKIE", ""))

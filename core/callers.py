"""Tell the callers of requests apart before anything is looked up, for the places of a web process."""

import re
from collections.abc import Hashable, Mapping
from functools import lru_cache
from typing import Any

from core.client_address import known_network

#: In the environment of a request: the project, the owner or the operator that has been found to be calling.
PARTY = "convoyclone.party"
#: In the environment of a request that is refused because its caller has too many in line for a place.
IS_REFUSED = "convoyclone.is_refused"
#: All callers together whose credential has not been found to be one, and whose network is not known.
STRANGERS = "strangers"

#: The kind of a request: its method, the words of its path, and the number of digits of its body's length.
Kind = tuple[str, str, int]

#: The characters of a path and of a method that are looked at. The server itself lets a method of 300 KB through.
_PATH_CHARACTERS, _METHOD_CHARACTERS = 200, 7
_MOST_REMEMBERED = 1_024
#: A part of a path with a digit in it is an id, or as good as one. Each part is looked at once, from its beginning:
#: from each of its characters, 200 without a digit took as long as a request.
_id = re.compile(r"(?<![^/])[^/\d]*+\d[^/]*")


def credential_of(environ: Mapping[str, Any]) -> Hashable:
    """Return the credential of a request, in any writing of its headers, else its cookies; None without either.

    Both are hashes, which are of no use outside of this process. Whether it is a credential at all is not known yet.
    """
    # Feather's clients send their key as X-Api-Key.
    token = environ.get("HTTP_AUTHORIZATION", "").rpartition(" ")[2] or environ.get("HTTP_X_API_KEY", "")
    found = token or environ.get("HTTP_COOKIE", "")
    return hash(found) if found else None


def stranger_of(environ: Mapping[str, Any]) -> Hashable:
    """Return for whom a request counts whose credential is not known: a made-up one is as good as any other."""
    return known_network(environ) or STRANGERS


def kind_of(environ: Mapping[str, Any]) -> Kind:
    """Return the kind of a request: those of one kind and caller mostly cost as much as each other."""
    method = environ.get("REQUEST_METHOD", "")[:_METHOD_CHARACTERS]
    path = _without_ids(environ.get("PATH_INFO", "")[:_PATH_CHARACTERS])
    # A length may begin with any number of zeros.
    return method, path, len((environ.get("CONTENT_LENGTH") or "").lstrip("0"))


@lru_cache(_MOST_REMEMBERED)
def _without_ids(path: str) -> str:
    return _id.sub("*", path)

"""Check the URL and the headers of a request before it is sent."""

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv6Address
from urllib.parse import SplitResult

from multidict import CIMultiDict
from yarl import URL

from core.addresses import SCHEMES, split_url
from core.header_names import TOKEN_CHARACTER, is_framing
from outbound.failures import Unsendable

_HEADER_NAMES = re.compile(f"(?:{TOKEN_CHARACTER}+\n)*")
_NO_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
#: Labels of 1 to 63 characters, 253 in all (RFC 1035): no name server knows another name.
_HOST = re.compile(r"(?!.{254})[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)
_CANONICAL_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(?:\.(?!$)|$)){4}")
_NOT_IN_A_REQUEST_LINE = re.compile(rb"[^!-~]")


@lru_cache(maxsize=10_000)
def _parsed(url: str) -> URL | str:
    """Return the URL to call, or a text that says why there is none."""
    try:
        parts = split_url(url)
        target = URL(url).with_fragment(None)
        port = target.port
        written = _escaped(parts, url)
    except ValueError:
        # The library's text may quote a password.
        return "invalid endpoint url: it cannot be read"
    if parts.scheme not in SCHEMES or target.scheme not in SCHEMES:
        return "invalid endpoint url: only http and https are sent to"
    if "@" in parts.netloc:
        return "invalid endpoint url: it contains a user name or password"
    host = (target.raw_host or "").removesuffix(".").lower()
    is_ipv6 = "[" in parts.netloc
    if is_ipv6 and "%" in host:
        return "invalid endpoint url: address not allowed: it has a zone"
    if not (_is_ipv6(host) if is_ipv6 else _HOST.fullmatch(host)) or not port:
        return "invalid endpoint url: it names no host and port"
    if _NUMBER.fullmatch(host.rpartition(".")[2]) and not _CANONICAL_IPV4.fullmatch(target.raw_host or ""):
        # For example 2130706433, 0x7f.1 or 0177.0.0.1 (WHATWG URL, "ends in a number").
        return "invalid endpoint url: address not allowed: it is an IP address in an unusual notation"
    path, mark, query = written.partition("?")
    if not path.startswith("/"):
        path = f"/{path}"
    # yarl drops a question mark without a query, unless it is a part of the path.
    return URL.build(
        scheme=target.scheme,
        authority=target.host_port_subcomponent or "",
        path=path if query else path + mark,
        query_string=query,
        encoded=True,
    )


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def _escaped(parts: SplitResult, url: str) -> str:
    """Return path and query with an escape for each byte that cannot stand in a request line, and no other change.

    A receiver may have signed its URL as it wrote it, so one that could be written differently is not rewritten.
    """
    written = url.partition("#")[0].partition("//")[2].removeprefix(parts.netloc)
    return _NOT_IN_A_REQUEST_LINE.sub(lambda byte: b"%%%02X" % byte[0][0], written.encode()).decode("ascii")


def target_of(url: str) -> URL:
    """Return the URL to call, with path and query as they were written. Raises Unsendable."""
    parsed = _parsed(url)
    if isinstance(parsed, str):
        raise Unsendable(parsed)
    return parsed


def checked_headers(headers: Sequence[tuple[str, str]]) -> CIMultiDict[str]:
    """Return the headers without the framing ones. Raises Unsendable where HTTP cannot carry one of them."""
    sent: CIMultiDict[str] = CIMultiDict()
    spellings: dict[str, str] = {}
    for name, value in headers:
        if not is_framing(name):
            # aiohttp keeps several lines of one name only where they are spelt alike.
            sent.add(spellings.setdefault(name.lower(), name), value)
    if not _HEADER_NAMES.fullmatch("".join([f"{name}\n" for name in sent])):
        raise Unsendable("invalid header field name")
    if _NO_VALUE.search("\t".join(sent.values())):
        raise Unsendable("invalid header field value")
    return sent

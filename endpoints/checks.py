"""Check the fields of an endpoint that are validated one by one, against its project and what is stored.

Contract: docs/contract/endpoints.md#url, docs/contract/endpoints.md#body.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from core.addresses import is_public_url
from core.api.values import REDACTED
from core.exceptions import InvalidInput
from endpoints import authentication, certificates
from endpoints.exceptions import ChatUrl, CredentialsElsewhere, HeadersElsewhere, NotStored, UrlTemplate
from endpoints.models import CONTENT_TYPES, DEFAULT_CONTENT_TYPE, Endpoint
from outbound.exceptions import UrlNotSecure
from outbound.urls import check_sendable, is_same_server, parse_target
from projects.models import Project


def check_url(project: Project, url: str) -> None:
    """Refuse a URL to which nothing could be delivered. Contract: docs/contract/endpoints.md#url."""
    if "{" in url or "}" in url:
        raise UrlTemplate
    parts = parse_target(url)
    check_sendable(url)
    if parts.scheme == "http" and project.config["ssl"]["enforce_secure_endpoints"]:
        raise UrlNotSecure


def check_credentials(endpoint: Endpoint, url: str, sent: Mapping[str, Any], *, reveal: bool) -> None:
    """Refuse a URL of another server that would be sent credentials which the caller may not see."""
    if not is_same_server(url, endpoint.url) and (
        authentication.keeps_hidden(sent.get("authentication"), endpoint.authentication, reveal=reveal)
        or certificates.keeps_hidden(sent.get("mtls_client_cert"), endpoint.mtls_client_cert)
    ):
        raise CredentialsElsewhere
    if endpoint.custom_headers and not reveal and not is_same_server(url, endpoint.url):
        raise HeadersElsewhere


def refusals(
    project: Project, sent: Mapping[str, Any], stored: Endpoint | None = None
) -> list[tuple[str, InvalidInput]]:
    """Return every reason for which create_endpoint or, with `stored`, update_endpoint refuses validated fields.

    Each stands beside the field it is about, for a form that shows them all at once.
    """
    known = (None, None) if stored is None else (stored.authentication, stored.mtls_client_cert)
    checks: list[tuple[str, Callable[[], object]]] = [
        ("url", lambda: check_url(project, sent.get("url", ""))),
        ("name", lambda: checked_name(sent.get("name", ""), "")),
        ("content_type", lambda: checked_content_type(sent.get("content_type", ""), "")),
        ("authentication", lambda: authentication.checked(sent.get("authentication") or {}, known[0])),
        ("mtls_client_cert", lambda: certificates.checked(sent.get("mtls_client_cert") or {}, known[1])),
    ]
    for product in ("slack", "teams"):
        url = sent.get(f"{product}_webhook_url", "")
        if url != REDACTED:
            checks.append((f"{product}_webhook_url", partial(checked_chat_url, url, product)))
    found = []
    for field, check in checks:
        try:
            check()
        except InvalidInput as refusal:
            found.append((field, refusal))
    return found


def checked_name(name: str, doing: str) -> str:
    """Return a name that is not blank. Raises NotStored, whose text says which operation was refused."""
    if not name.strip():
        raise NotStored(doing=doing, field="name")
    return name


def checked_content_type(content_type: str, doing: str) -> str:
    """Return a content type, the default one where it is empty. Raises NotStored."""
    if (content_type or DEFAULT_CONTENT_TYPE) not in CONTENT_TYPES:
        raise NotStored(doing=doing)
    return content_type or DEFAULT_CONTENT_TYPE


def checked_chat_url(url: str, product: str) -> str:
    """Return the URL of a chat, or "". Raises ChatUrl where its host is not public."""
    if url and not is_public_url(url):
        raise ChatUrl(product=product, field=f"{product}_webhook_url")
    return url

"""The worst that a customer can write into the portal's forms. Contract: docs/reliability.md#web-server."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from endpoints.models import Endpoint
from tests.portal.customers import Customer
from tests.test_hostile_requests import costs_little

pytestmark = pytest.mark.slow  # it measures large requests

URL = "https://hooks.example.com/in"
#: Two kinds of combining characters in turns: to put each in its place takes time by the square of their number.
COMBINING = "\u0300\u0316" * 50_000
LONG = "a." * 200_000

FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "the host of a URL": ("endpoints/new", {"name": "a", "url": f"https://{COMBINING}"}),
    "a long host": ("endpoints/new", {"name": "a", "url": f"https://{LONG}"}),
    "the host of a changed URL": ("endpoints/{id}/settings", {"name": "a", "url": f"https://{COMBINING}"}),
    "a name": ("endpoints/{id}/settings", {"name": COMBINING, "url": URL}),
    "a URL that is checked": ("endpoints/check", {"url": f"https://{COMBINING}"}),
    "the URL of a chat": (
        "endpoints/{id}/settings",
        {"name": "a", "url": URL, "slack_webhook_url": f"https://{COMBINING}"},
    ),
    "the URL of a token server": (
        "endpoints/{id}/settings",
        {"name": "a", "url": URL, "type": "oauth2", "token_url": f"https://{COMBINING}"},
    ),
    "an address": ("endpoints/{id}/settings", {"name": "a", "url": URL, "support_email": f"a@{LONG}"}),
    "groups of types": (
        "endpoints/{id}/settings",
        {"name": "a", "url": URL, "which": "some", "groups": [f"g{number}" for number in range(900)]},
    ),
    "an alert": ("endpoints/{id}/alerts", {"address": f"a@{LONG}", "email": COMBINING}),
    "a condition": ("endpoints/{id}/settings/filters/*", {"json": "[" * 400_000}),
    "rows of conditions": ("endpoints/{id}/settings/filters/*", {f"key-{number}": "a" for number in range(900)}),
    "a payload that is tried": ("endpoints/{id}/filters/try", {"own": "[" * 400_000}),
    "a payload of a test": ("endpoints/{id}/test", {"type": "a", "body": "[" * 400_000}),
    "pasted lines": ("endpoints/{id}/debug", {"hdr": "a:\n" * 5_000, "raw": "x" * 200_000, "secret": "x"}),
    "a pasted line": ("endpoints/{id}/debug", {"hdr": "-[" * 8_000, "raw": "{" * 200_000, "secret": "x"}),
    "a code": ("open", {"code": COMBINING}),
    "a count": ("deliveries/retry", {"count": "9" * 300_000}),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_form(login: Callable[..., Customer], endpoint: Endpoint, name: str) -> None:
    path, form = FORMS[name]
    customer = login()
    costs_little(lambda: customer.post(path.format(id=endpoint.uid), **form))


@pytest.mark.parametrize(
    "path",
    [
        "deliveries?q=" + "a" * 60_000,
        "deliveries?" + "endpoint=a&" * 6_000,
        "activity?" + "a=1&" * 15_000,
        "events?q=" + "%CC%80%CC%96" * 5_000,
    ],
    ids=lambda path: path[:14],
)
def test_a_query(login: Callable[..., Customer], path: str) -> None:
    customer = login()
    costs_little(lambda: customer.client.get(customer.home + path, headers=customer.headers))


@pytest.mark.django_db
def test_a_credential() -> None:
    for credential in ("PRT." + "a" * 300_000, "a" * 300_000):
        headers = {"HX-Request": "true", "Authorization": f"Bearer {credential}"}
        costs_little(lambda headers=headers: Client().get("/portal/p/", headers=headers))  # type: ignore[misc]

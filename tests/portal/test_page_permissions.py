"""Capabilities, secrets and other owners' endpoints on the portal's pages."""

import re
from collections.abc import Callable

import pytest

from endpoints.models import Endpoint
from portal_links.capabilities import READ_ONLY, ROLES, SVIX
from projects.models import Project
from tests.portal.customers import OWNER, SECRET, Customer, MakeEndpoint

ACTIONS = {
    "manage_endpoint": ["endpoints/new", "endpoints/{id}/settings", "endpoints/{id}/pause", "endpoints/{id}/activate"],
    "delete_endpoint": ["endpoints/{id}/delete"],
    "rotate_secret": ["endpoints/{id}/rotate"],
    "view_secret": ["endpoints/{id}/secret"],
}
SETS = {**ROLES, **SVIX, "read-only": READ_ONLY}


@pytest.mark.parametrize("name", SETS)
def test_what_is_not_allowed_is_neither_shown_nor_done(
    login: Callable[..., Customer], endpoint: Endpoint, name: str
) -> None:
    customer = login(SETS[name])
    there = f"endpoints/{endpoint.uid}"
    html = customer.html() + customer.html(there)
    html += customer.get(f"{there}/settings").content.decode()
    for capability, paths in ACTIONS.items():
        for path in paths:
            there = path.format(id=endpoint.uid)
            allowed = capability in SETS[name]
            if not path.endswith("activate"):  # an active endpoint is paused
                assert (f"{customer.home}{there}" in html) == allowed, path
            if not allowed:
                response = customer.post(there)
                assert response.status_code == 403
                assert "Your access does not include this." in response.content.decode()
                assert response["HX-Retarget"] == "#page"
    before = Endpoint.objects.get(pk=endpoint.pk)
    assert (before.status, before.deleted_at, len(before.secrets)) == ("active", None, 1)


@pytest.mark.parametrize("path", ["", "endpoints/new", "endpoints/{id}", "endpoints/{id}/settings"])
def test_no_secret_is_on_a_page_that_was_not_asked_for_it(
    login: Callable[..., Customer], make_endpoint: MakeEndpoint, path: str
) -> None:
    credentials = {"type": "api_key", "api_key": {"header_name": "X-Key", "header_value": "the key's value"}}
    endpoint = make_endpoint(owner_id=OWNER, secret=SECRET, authentication=credentials)
    html = login().html(path.format(id=endpoint.uid))
    assert SECRET not in html
    assert "the key" not in html


def test_the_page_says_who_until_when_and_what(login: Callable[..., Customer], endpoint: Endpoint) -> None:
    html = login(ROLES["viewer"]).html()
    assert f"<strong>{OWNER}</strong>" in html
    assert "<time datetime=" in html
    (listed,) = re.findall(r'<ul class="can">(.*?)</ul>', html, re.DOTALL)
    words = re.findall(r"<span>(.*?)</span>", listed)
    assert "See endpoints and their settings" in words
    assert "Not allowed: Delete endpoints" in words


@pytest.mark.parametrize("path", ["", "/settings", "/pause", "/activate", "/secret", "/rotate", "/delete"])
def test_an_endpoint_of_somebody_else_is_not_there(
    login: Callable[..., Customer], make_endpoint: MakeEndpoint, other_project: Project, path: str
) -> None:
    customer = login()
    for fields in ({"owner_id": "globex"}, {"owner_id": OWNER, "project_id": other_project.uid}):
        theirs = make_endpoint(name="Theirs", **fields)
        there = f"endpoints/{theirs.uid}{path}"
        response = customer.post(there, expiration="1") if path else customer.get(there)
        assert response.status_code == 404
        assert "Theirs" not in response.content.decode()

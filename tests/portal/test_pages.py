"""The portal's pages: the credentials that open them, the list of endpoints, and code to verify."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from endpoints.models import Endpoint
from portal_links.models import PortalSession
from projects.models import APIKey, Project
from projects.operations import create_api_key, delete_project
from tests.portal.customers import OWNER, PAGES, SECRET, Customer, MakeEndpoint, mint


def test_a_page_and_a_part_come_from_the_same_view(login: Callable[..., Customer], endpoint: Endpoint) -> None:
    customer = login()
    part = customer.html()
    assert "<html" not in part
    assert "<title>" in part
    del customer.headers["HX-Request"]
    assert "<html" in customer.html()
    assert "Orders in" in customer.html()


@pytest.mark.parametrize("path", PAGES)
def test_a_browser_that_comes_by_itself_gets_the_shell(
    client: Client, project: Project, endpoint: Endpoint, path: str
) -> None:
    response = client.get(f"/portal/{project.uid}/{path.format(id=endpoint.uid)}")
    assert response.status_code == 200
    html = response.content.decode()
    assert "/static/portal/portal." in html
    assert "Orders in" not in html


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("credential", ["PST.nope", "", "CO.nope.nope", "\x7f"])
def test_a_credential_that_opens_nothing(project: Project, endpoint: Endpoint, method: str, credential: str) -> None:
    customer = Customer(project, credential)
    response = getattr(customer, method)(f"endpoints/{endpoint.uid}/secret")
    # Without any, a GET is that of a browser that comes by itself.
    assert response.status_code == (200 if method == "get" and not credential else 401)
    assert SECRET not in response.content.decode()


def test_the_credential_of_another_project(other_project: Project, project: Project, endpoint: Endpoint) -> None:
    theirs = Customer(project, mint(other_project).secret)
    assert theirs.get().status_code == 401
    assert theirs.post(f"endpoints/{endpoint.uid}/delete").status_code == 401
    endpoint.refresh_from_db()
    assert endpoint.deleted_at is None


def test_an_api_key_is_no_credential_of_the_portal(project: Project, endpoint: Endpoint) -> None:
    key = create_api_key(name="key", role=APIKey.Role.PROJECT_ADMIN, project=project)[1]
    assert Customer(project, key).get().status_code == 401


def test_a_cookie_is_no_credential(client: Client, project: Project, endpoint: Endpoint) -> None:
    token = mint(project).secret
    for name in ("token", "sessionid", "Authorization"):
        client.cookies[name] = token
    assert client.post(f"/portal/{project.uid}/endpoints/{endpoint.uid}/delete").status_code == 401


def test_no_page_sets_a_cookie(login: Callable[..., Customer], endpoint: Endpoint) -> None:
    customer = login()
    for response in (customer.get(), customer.get("endpoints/new"), customer.post(f"endpoints/{endpoint.uid}/pause")):
        assert not response.cookies


@pytest.mark.parametrize("when", ["expired", "revoked"])
def test_a_session_that_has_ended(project: Project, endpoint: Endpoint, when: str) -> None:
    session, token = mint(project)
    now = timezone.now()
    ended = {"expires_at": now - timedelta(hours=1)} if when == "expired" else {"revoked_at": now}
    PortalSession.objects.filter(pk=session.pk).update(**ended)
    assert Customer(project, token).get().status_code == 401


@pytest.mark.parametrize("path", ["", "endpoints/new", "theme.css", "endpoints/x"])
def test_a_project_that_is_not_there(client: Client, project: Project, path: str) -> None:
    delete_project(project.uid)
    for uid in (project.uid, "nope", "%00"):
        assert client.get(f"/portal/{uid}/{path}").status_code == 404


@pytest.mark.parametrize("path", ["?q=%00", "?after=%00", "?q=%ff", "endpoints/%00", "endpoints/%E2%82%AC"])
def test_what_no_database_can_hold(login: Callable[..., Customer], endpoint: Endpoint, path: str) -> None:
    customer = login()
    response = customer.client.get(customer.home + path, headers=customer.headers)
    assert response.status_code in (200, 404)


def test_the_list_is_searched_by_name_and_url(login: Callable[..., Customer], make_endpoint: MakeEndpoint) -> None:
    make_endpoint(owner_id=OWNER, name="Alpha", url="https://one.example/in")
    make_endpoint(owner_id=OWNER, name="Beta", url="https://two.example/in")
    customer = login()
    assert "Beta" not in customer.html(q="alph")
    assert "Alpha" not in customer.html(q="TWO.example")
    assert "No endpoint" in customer.html(q="%")


def test_code_to_verify_is_that_of_the_endpoint(login: Callable[..., Customer], make_endpoint: MakeEndpoint) -> None:
    simple = make_endpoint(owner_id=OWNER, advanced_signatures=False)
    advanced = make_endpoint(owner_id=OWNER, advanced_signatures=True)
    customer = login()
    pages = [customer.html(f"endpoints/{endpoint.uid}") for endpoint in (simple, advanced)]
    for html in pages:
        assert all(language in html for language in ("Python", "JavaScript", "Go", "PHP"))
        assert "X-Convoy-Signature" in html
    code = [re.findall(r"<pre.*?</pre>", html, re.DOTALL) for html in pages]
    assert code[0] != code[1]


def test_what_a_form_endpoint_verifies_is_the_form(login: Callable[..., Customer], make_endpoint: MakeEndpoint) -> None:
    customer = login()
    for content_type, is_form in (("application/json", False), ("application/x-www-form-urlencoded", True)):
        html = customer.html(f"endpoints/{make_endpoint(owner_id=OWNER, content_type=content_type).uid}")
        assert "over the body exactly as it arrives" in html
        assert ("the form, before it is decoded" in html) is is_form

"""The portal's pages: who gets them, what is on them, and the headers of each."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from endpoints.models import Endpoint
from endpoints.operations import pause_endpoint
from portal_links.capabilities import EVERYTHING, READ_ONLY, ROLES, SVIX, Capabilities
from portal_links.models import PortalSession
from portal_links.operations import create_portal_link
from portal_links.sessions import Minted, mint_session
from projects.models import APIKey, Project
from projects.operations import create_api_key, delete_project
from tests.conftest import API

MakeEndpoint = Callable[..., Endpoint]
OWNER = "acme"
SECRET = "the secret of the endpoint"


def mint(project: Project, capabilities: Capabilities = EVERYTHING, **options: Any) -> Minted:
    key, _ = create_api_key(name="key", role=APIKey.Role.PROJECT_ADMIN, project=project)
    given: dict[str, Any] = {
        "owner_id": OWNER,
        "surface": PortalSession.Surface.NAHOOK,
        "lifetime": timedelta(hours=1),
        "single_use": False,
        "minted_by": key.uid,
    }
    return mint_session(project.uid, capabilities=capabilities, **given | options)


class Customer:
    """Asks for pages as the portal's script does, with a credential and by way of htmx."""

    def __init__(self, project: Project, credential: str) -> None:
        self.client = Client(enforce_csrf_checks=True)
        self.home = f"/portal/{project.uid}/"
        self.headers = {"HX-Request": "true", "Authorization": f"Bearer {credential}"}

    def get(self, path: str = "", **query: str) -> Any:
        return self.client.get(self.home + path, query, headers=self.headers)

    def post(self, path: str, **form: Any) -> Any:
        return self.client.post(self.home + path, form, headers=self.headers)

    def html(self, path: str = "", **query: str) -> str:
        response = self.get(path, **query)
        assert response.status_code == 200
        return str(response.content.decode())


@pytest.fixture
def login(project: Project) -> Callable[..., Customer]:
    """A customer with some capabilities, by default all."""
    return lambda capabilities=EVERYTHING: Customer(project, mint(project, capabilities).secret)


@pytest.fixture
def endpoint(make_endpoint: MakeEndpoint) -> Endpoint:
    return make_endpoint(owner_id=OWNER, name="Orders in", secret=SECRET)


# What a page is, and for whom


def test_a_page_and_a_part_come_from_the_same_view(login: Callable[..., Customer], endpoint: Endpoint) -> None:
    customer = login()
    part = customer.html()
    assert "<html" not in part
    assert "<title>" in part
    del customer.headers["HX-Request"]
    assert "<html" in customer.html()
    assert "Orders in" in customer.html()


PAGES = ["", "endpoints/new", "endpoints/{id}", "endpoints/{id}/edit", "endpoints/no-such"]


@pytest.mark.parametrize("path", PAGES)
def test_a_browser_that_comes_by_itself_gets_the_shell(
    client: Client, project: Project, endpoint: Endpoint, path: str
) -> None:
    response = client.get(f"/portal/{project.uid}/{path.format(id=endpoint.uid)}")
    assert response.status_code == 200
    html = response.content.decode()
    assert "portal.js" in html
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


# Opening a single-use link


def opened(client: Client, project: Project, code: str) -> Any:
    return client.post(f"/portal/{project.uid}/open", {"code": code}, headers={"HX-Request": "true"})


def test_a_code_is_exchanged_for_a_token(client: Client, project: Project, endpoint: Endpoint) -> None:
    response = opened(client, project, mint(project, single_use=True).secret)
    assert response.status_code == 200
    assert "Orders in" in Customer(project, response.json()["token"]).html()


def test_a_code_that_was_used(client: Client, project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(portal_return_url="https://app.example.com/back")
    code = mint(project, single_use=True).secret
    opened(client, project, code)
    response = opened(client, project, code)
    assert response.status_code == 409
    assert "already been used" in response.content.decode()
    assert "https://app.example.com/back" in response.content.decode()


def test_a_code_that_has_expired(client: Client, project: Project) -> None:
    session, code = mint(project, single_use=True)
    PortalSession.objects.filter(pk=session.pk).update(expires_at=timezone.now() - timedelta(hours=1))
    response = opened(client, project, code)
    assert response.status_code == 409
    assert "has expired" in response.content.decode()


@pytest.mark.parametrize("code", ["", "nope", "\x00", "ü", "a" * 5000])
def test_a_code_that_never_was_one(client: Client, project: Project, code: str) -> None:
    response = opened(client, project, code)
    assert response.status_code == 404
    assert "does not open anything" in response.content.decode()


def test_a_code_of_another_project(client: Client, project: Project, other_project: Project) -> None:
    code = mint(project, single_use=True).secret
    assert opened(client, other_project, code).status_code == 404
    assert opened(client, project, code).status_code == 200


def test_a_revoked_code_is_as_unknown(client: Client, project: Project) -> None:
    session, code = mint(project, single_use=True)
    PortalSession.objects.filter(pk=session.pk).update(revoked_at=timezone.now())
    assert opened(client, project, code).status_code == 404


def test_looking_does_not_open(client: Client, project: Project) -> None:
    session, code = mint(project, single_use=True)
    for method in ("GET", "HEAD"):
        client.generic(method, f"/portal/{project.uid}/")
        assert client.generic(method, f"/portal/{project.uid}/open?code={code}").status_code == 405
    session.refresh_from_db()
    assert session.opened_at is None


# Headers


def answers(client: Client, project: Project, endpoint: Endpoint) -> Iterator[Any]:
    customer = Customer(project, mint(project).secret)
    link = create_portal_link(project.uid, name="x", owner_id=OWNER).link
    yield client.get("/portal", {"token": link.token})
    yield client.get("/portal?token=nope")
    yield client.get(f"/portal/{project.uid}/")
    yield client.get("/portal/nope/")
    yield client.get(f"/portal/{project.uid}/theme.css")
    yield opened(client, project, "nope")
    yield opened(client, project, mint(project, single_use=True).secret)
    yield from (customer.get(path.format(id=endpoint.uid)) for path in PAGES)
    yield customer.get(f"endpoints/{endpoint.uid}/delete")
    yield customer.post(f"endpoints/{endpoint.uid}/secret")
    yield Customer(project, "nope").get()


def test_headers_of_every_answer(client: Client, project: Project, endpoint: Endpoint) -> None:
    for response in answers(client, project, endpoint):
        policy = response["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; ")
        assert "form-action 'self'; base-uri 'none'; frame-ancestors 'self'" in policy
        assert "unsafe" not in policy
        assert response["Cache-Control"] == "no-store"
        assert response["Referrer-Policy"] == "no-referrer"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert "X-Frame-Options" not in response
        html = response.content.decode()
        assert not re.search(r"<style|\bstyle=|<script(?! src=)|\son\w+=|javascript:", html)


def test_who_may_embed_and_where_the_logo_is_are_the_projects(login: Callable[..., Customer], project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(
        portal_allowed_origins=["https://app.example.com"], logo_url="https://cdn.example.com/logo.png?x=1"
    )
    response = login().get()
    policy = response["Content-Security-Policy"]
    assert policy.endswith("frame-ancestors 'self' https://app.example.com")
    assert "img-src 'self' data: https://cdn.example.com;" in policy


@pytest.mark.parametrize("logo", ["https://x; script-src *", "javascript:alert(1)", "https://[", "https://a'b/", ""])
def test_a_logo_that_is_no_address_is_not_shown(client: Client, project: Project, logo: str) -> None:
    Project.objects.filter(pk=project.pk).update(logo_url=logo)
    response = client.get(f"/portal/{project.uid}/")
    assert "img-src 'self' data:;" in response["Content-Security-Policy"]
    assert "<img" not in response.content.decode()


def test_the_theme_is_the_projects(client: Client, project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(portal_primary_color="#aa0011", portal_name="Northwind")
    response = client.get(f"/portal/{project.uid}/theme.css")
    assert response["Content-Type"] == "text/css"
    assert "#aa0011" in response.content.decode()
    assert "Northwind" in client.get(f"/portal/{project.uid}/").content.decode()


# The list


def test_the_list_is_searched_by_name_and_url(login: Callable[..., Customer], make_endpoint: MakeEndpoint) -> None:
    make_endpoint(owner_id=OWNER, name="Alpha", url="https://one.example/in")
    make_endpoint(owner_id=OWNER, name="Beta", url="https://two.example/in")
    customer = login()
    assert "Beta" not in customer.html(q="alph")
    assert "Alpha" not in customer.html(q="TWO.example")
    assert "No endpoint" in customer.html(q="%")


def test_the_list_has_pages(login: Callable[..., Customer], make_endpoint: MakeEndpoint) -> None:
    for number in range(52):
        make_endpoint(owner_id=OWNER, name=f"Number {number:02}")
    customer = login()
    first = customer.html()
    assert "Number 51" in first
    assert "Number 01" not in first
    [after] = re.findall(r"after=(\w{26})", first)
    second = customer.html(after=after)
    assert "Number 01" in second
    assert "Number 02" not in second


def test_the_list_costs_as_much_for_one_as_for_many(
    login: Callable[..., Customer], make_endpoint: MakeEndpoint, django_assert_num_queries: Any
) -> None:
    customer = login()
    make_endpoint(owner_id=OWNER)
    customer.get()  # notes the use
    for rows in (1, 20):
        while Endpoint.objects.count() < rows:
            make_endpoint(owner_id=OWNER)
        with django_assert_num_queries(4):  # a link with this token, a session, its use, the endpoints
            customer.get()


# What each may do


ACTIONS = {
    "manage_endpoint": ["endpoints/new", "endpoints/{id}/edit", "endpoints/{id}/pause", "endpoints/{id}/activate"],
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
    html = customer.html() + customer.html(f"endpoints/{endpoint.uid}")
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


@pytest.mark.parametrize("path", ["", "endpoints/new", "endpoints/{id}", "endpoints/{id}/edit"])
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
    can, cannot = re.findall(r"<ul>(.*?)</ul>", html)
    assert "see endpoints and their settings" in can
    assert "delete endpoints" in cannot


@pytest.mark.parametrize("path", ["", "/edit", "/pause", "/activate", "/secret", "/rotate", "/delete"])
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


# Doing it


FORM = {
    "url": "https://hooks.example.com/new",
    "name": "New",
    "advanced_signatures": "on",
    "content_type": "application/json",
}


def test_create(login: Callable[..., Customer], project: Project) -> None:
    response = login().post("endpoints/new", **FORM | {"secret": "mine", "rate_limit": "5", "rate_limit_duration": "2"})
    made = Endpoint.objects.get()
    assert response["HX-Push-Url"] == f"/portal/{project.uid}/endpoints/{made.uid}"
    assert (made.owner_id, made.name, made.rate_limit, made.rate_limit_duration) == (OWNER, "New", 5, 2)
    assert made.secrets[0]["value"] == "mine"
    assert made.advanced_signatures is True
    assert made.authentication is None
    assert "mine" not in response.content.decode()


def test_a_created_endpoint_receives_what_is_sent_to_its_owner(
    login: Callable[..., Customer], project: Project, api: API
) -> None:
    response = login().post("endpoints/new", **FORM)
    assert "The endpoint was created. It receives all events that are sent to you." in response.content.decode()
    api.post(f"/projects/{project.uid}/events/fanout", {"owner_id": OWNER, "event_type": "order.paid", "data": {}})
    [delivery] = api.get(f"/projects/{project.uid}/eventdeliveries").data["content"]
    assert delivery["endpoint_id"] == Endpoint.objects.get().uid


def test_the_urls_of_chats_are_shown_as_secrets_are_and_kept(
    login: Callable[..., Customer], make_endpoint: MakeEndpoint
) -> None:
    """No client grants changing without seeing today, so the pair is put together here."""
    url = "https://hooks.slack.com/services/the-slack-secret"
    endpoint = make_endpoint(owner_id=OWNER, slack_webhook_url=url)
    path = f"endpoints/{endpoint.uid}/edit"
    assert url in login().html(path)
    customer = login(READ_ONLY | {"manage_endpoint"})
    page = customer.html(path)
    assert "the-slack-secret" not in page
    [shown] = re.findall(r'name="slack_webhook_url" value="([^"]*)"', page)
    for sent, stored in ((shown, url), ("", "")):
        assert customer.post(path, **FORM | {"slack_webhook_url": sent}).status_code == 200
        endpoint.refresh_from_db()
        assert endpoint.slack_webhook_url == stored


WRONG = {
    "": ("url", "Enter the URL"),
    "nonsense": ("url", "Invalid endpoint scheme."),
    "https://": ("url", "Endpoint url must include a valid host."),
    "https://a b/": ("url", "it contains a space"),
}


@pytest.mark.parametrize("url", WRONG)
def test_a_wrong_url_is_an_error_at_its_field(login: Callable[..., Customer], url: str) -> None:
    response = login().post("endpoints/new", **FORM | {"url": url})
    _, text = WRONG[url]
    assert response.status_code == 422
    assert re.search(rf'<small id="id_url_error" class="wrong">[^<]*{re.escape(text)}', response.content.decode())
    assert not Endpoint.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "x" * 256),
        ("support_email", "nobody"),
        ("slack_webhook_url", "http://localhost/"),
        ("http_timeout", "-1"),
        ("rate_limit", "99999999999"),
        ("content_type", "text/plain"),
        ("type", "magic"),
    ],
)
def test_other_errors_are_at_their_fields(login: Callable[..., Customer], field: str, value: str) -> None:
    response = login().post("endpoints/new", **FORM | {field: value})
    assert response.status_code == 422
    assert f'id="id_{field}_error"' in response.content.decode()


@pytest.mark.parametrize(
    ("kind", "fields", "wrong"),
    [
        ("api_key", {"header_name": "X-Key"}, "header_value"),
        ("api_key", {"header_name": "X Key", "header_value": "v"}, "header_name"),
        ("basic_auth", {"password": "p"}, "username"),
    ],
)
def test_credentials_are_checked(login: Callable[..., Customer], kind: str, fields: dict[str, str], wrong: str) -> None:
    response = login().post("endpoints/new", **FORM | fields | {"type": kind})
    assert response.status_code == 422
    assert f'id="id_{wrong}_error"' in response.content.decode()


def test_edit_keeps_what_is_not_shown(login: Callable[..., Customer], make_endpoint: MakeEndpoint) -> None:
    stored = {"type": "basic_auth", "basic_auth": {"username": "we", "password": "stored"}}
    endpoint = make_endpoint(owner_id=OWNER, secret=SECRET, authentication=stored, http_timeout=7)
    form = FORM | {"type": "basic_auth", "username": "them", "password": "", "http_timeout": "7"}
    assert login().post(f"endpoints/{endpoint.uid}/edit", **form).status_code == 200
    endpoint.refresh_from_db()
    assert endpoint.authentication == {"type": "basic_auth", "basic_auth": {"username": "them", "password": "stored"}}
    assert (endpoint.name, endpoint.http_timeout, endpoint.secrets[0]["value"]) == ("New", 7, SECRET)


def test_edit_keeps_oauth2_and_can_end_credentials(login: Callable[..., Customer], make_endpoint: MakeEndpoint) -> None:
    inner = {
        "url": "https://id.example.com/",
        "client_id": "c",
        "authentication_type": "shared_secret",
        "client_secret": "s",
    }
    endpoint = make_endpoint(owner_id=OWNER, authentication={"type": "oauth2", "oauth2": inner})
    customer = login()
    customer.post(f"endpoints/{endpoint.uid}/edit", **FORM | {"type": "oauth2"})
    endpoint.refresh_from_db()
    assert endpoint.authentication["oauth2"]["client_secret"] == "s"
    customer.post(f"endpoints/{endpoint.uid}/edit", **FORM | {"type": ""})
    endpoint.refresh_from_db()
    assert endpoint.authentication is None


def test_pause_and_activate_say_where_the_endpoint_is(login: Callable[..., Customer], endpoint: Endpoint) -> None:
    customer = login()
    response = customer.post(f"endpoints/{endpoint.uid}/pause")
    assert response["HX-Push-Url"] == f"{customer.home}endpoints/{endpoint.uid}"
    endpoint.refresh_from_db()
    assert endpoint.status == "paused"
    customer.post(f"endpoints/{endpoint.uid}/activate")
    endpoint.refresh_from_db()
    assert endpoint.status == "active"


def test_what_the_state_does_not_allow_is_said(login: Callable[..., Customer], endpoint: Endpoint) -> None:
    pause_endpoint(endpoint.project_id, endpoint.uid)
    response = login().post(f"endpoints/{endpoint.uid}/pause")
    assert response.status_code == 409
    assert "This cannot be done now" in response.content.decode()


@pytest.mark.parametrize("hours", ["0", "24", "168"])
def test_rotate(login: Callable[..., Customer], endpoint: Endpoint, hours: str) -> None:
    response = login().post(f"endpoints/{endpoint.uid}/rotate", expiration=hours)
    assert response.status_code == 200
    endpoint.refresh_from_db()
    old, new = endpoint.secrets
    assert old["expires_at"] is not None
    assert new["value"] not in response.content.decode()


@pytest.mark.parametrize("hours", ["", "-1", "x", "1.5", "99999999", "²"])
def test_rotate_needs_hours(login: Callable[..., Customer], endpoint: Endpoint, hours: str) -> None:
    response = login().post(f"endpoints/{endpoint.uid}/rotate", expiration=hours)
    assert response.status_code == 409
    endpoint.refresh_from_db()
    assert len(endpoint.secrets) == 1


def test_the_live_secrets_are_revealed(login: Callable[..., Customer], endpoint: Endpoint) -> None:
    customer = login()
    customer.post(f"endpoints/{endpoint.uid}/rotate", expiration="1")
    html = customer.post(f"endpoints/{endpoint.uid}/secret").content.decode()
    endpoint.refresh_from_db()
    assert html.index(endpoint.secrets[1]["value"]) < html.index(SECRET)
    customer.post(f"endpoints/{endpoint.uid}/rotate", expiration="0")
    endpoint.refresh_from_db()
    assert endpoint.secrets[1]["value"] not in customer.post(f"endpoints/{endpoint.uid}/secret").content.decode()


def test_delete(login: Callable[..., Customer], endpoint: Endpoint) -> None:
    customer = login()
    response = customer.post(f"endpoints/{endpoint.uid}/delete")
    assert response["HX-Push-Url"] == customer.home
    assert "The endpoint was deleted." in response.content.decode()
    assert customer.get(f"endpoints/{endpoint.uid}").status_code == 404


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

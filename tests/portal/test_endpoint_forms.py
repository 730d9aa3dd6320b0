"""Endpoints that customers create, change, pause, rotate and delete on the portal's pages."""

import re
from collections.abc import Callable

import pytest

from endpoints.models import Endpoint
from endpoints.operations import pause_endpoint
from portal_links.capabilities import EVERYTHING, MANAGE_SUBSCRIPTIONS, READ_ONLY
from projects.models import Project
from subscriptions.models import Subscription
from tests.conftest import API
from tests.endpoints.bodies import CLIENT_ASSERTION
from tests.portal.customers import OWNER, SECRET, Customer, MakeEndpoint

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
    assert "The endpoint was added. It receives all events that are sent to you." in response.content.decode()
    api.post(f"/projects/{project.uid}/events/fanout", {"owner_id": OWNER, "event_type": "order.paid", "data": {}})
    [delivery] = api.get(f"/projects/{project.uid}/eventdeliveries").data["content"]
    assert delivery["endpoint_id"] == Endpoint.objects.get().uid


def test_who_may_not_manage_subscriptions_creates_an_endpoint_without_one(login: Callable[..., Customer]) -> None:
    response = login(EVERYTHING - {MANAGE_SUBSCRIPTIONS}).post("endpoints/new", **FORM)
    assert "It receives nothing until it is subscribed to events." in response.content.decode()
    assert Endpoint.objects.exists()
    assert not Subscription.objects.exists()


@pytest.mark.slow
def test_the_urls_of_chats_are_shown_as_secrets_are_and_kept(
    login: Callable[..., Customer], make_endpoint: MakeEndpoint
) -> None:
    """No client grants changing without seeing today, so the pair is put together here."""
    url = "https://hooks.slack.com/services/the-slack-secret"
    endpoint = make_endpoint(owner_id=OWNER, slack_webhook_url=url)
    path = f"endpoints/{endpoint.uid}/settings"
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
    "nonsense": ("url", "Begin with https://"),
    "https://": ("url", "Enter the name of a host after https://"),
    "https://{tenant}.example.com/": ("url", "Leave out { and }"),
    "https://a b/": ("url", "it contains a space"),
}


@pytest.mark.parametrize("url", WRONG)
def test_a_wrong_url_is_an_error_at_its_field(login: Callable[..., Customer], url: str) -> None:
    response = login().post("endpoints/new", **FORM | {"url": url})
    _, text = WRONG[url]
    assert response.status_code == 422
    assert re.search(
        rf'id="id_url_error" class="wrong"><svg .*?</svg><span>[^<]*{re.escape(text)}', response.content.decode()
    )
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
    assert login().post(f"endpoints/{endpoint.uid}/settings", **form).status_code == 200
    endpoint.refresh_from_db()
    assert endpoint.authentication == {"type": "basic_auth", "basic_auth": {"username": "them", "password": "stored"}}
    assert (endpoint.name, endpoint.http_timeout, endpoint.secrets[0]["value"]) == ("New", 7, SECRET)


@pytest.mark.slow
def test_edit_keeps_oauth2_and_can_end_credentials(login: Callable[..., Customer], make_endpoint: MakeEndpoint) -> None:
    inner = {
        "url": "https://id.example.com/",
        "client_id": "c",
        "authentication_type": "shared_secret",
        "client_secret": "s",
    }
    endpoint = make_endpoint(owner_id=OWNER, authentication={"type": "oauth2", "oauth2": inner})
    customer = login()
    kept = {"type": "oauth2", "token_url": inner["url"], "client_id": "d", "client_secret": "", "scope": "hooks"}
    assert customer.post(f"endpoints/{endpoint.uid}/settings", **FORM | kept).status_code == 200
    endpoint.refresh_from_db()
    assert endpoint.authentication["oauth2"] == {
        **inner,
        "client_id": "d",
        "scope": "hooks",
        "grant_type": "client_credentials",
        "expiry_time_unit": "seconds",
    }
    # Another server must not get the secret of this one.
    moved = kept | {"token_url": "https://elsewhere.example.com/"}
    response = customer.post(f"endpoints/{endpoint.uid}/settings", **FORM | moved)
    assert "Enter it again, as the token URL is another." in response.content.decode()
    customer.post(f"endpoints/{endpoint.uid}/settings", **FORM | {"type": ""})
    endpoint.refresh_from_db()
    assert endpoint.authentication is None


ELSEWHERE = FORM | {"url": "https://elsewhere.example.com/new"}
AGAIN = "Enter it again, as the URL leads to another server."


def test_another_server_does_not_get_a_stored_password(
    login: Callable[..., Customer], make_endpoint: MakeEndpoint
) -> None:
    stored = {"type": "basic_auth", "basic_auth": {"username": "we", "password": "stored"}}
    endpoint = make_endpoint(owner_id=OWNER, authentication=stored)
    path, customer = f"endpoints/{endpoint.uid}/settings", login()
    response = customer.post(path, **ELSEWHERE | {"type": "basic_auth", "username": "we", "password": ""})
    assert response.status_code == 422
    assert AGAIN in response.content.decode()
    endpoint.refresh_from_db()
    assert (endpoint.url, endpoint.authentication) == ("https://hooks.example.com/in", stored)
    again = {"type": "basic_auth", "username": "we", "password": "mine"}
    assert customer.post(path, **ELSEWHERE | again).status_code == 200
    endpoint.refresh_from_db()
    assert (endpoint.url, endpoint.authentication["basic_auth"]["password"]) == (ELSEWHERE["url"], "mine")


def test_another_server_gets_no_token_by_a_signing_key(
    login: Callable[..., Customer], make_endpoint: MakeEndpoint
) -> None:
    """The form has no fields for it, so that it can be kept or removed only."""
    endpoint = make_endpoint(owner_id=OWNER, authentication=CLIENT_ASSERTION)
    path, customer = f"endpoints/{endpoint.uid}/settings", login()
    response = customer.post(path, **ELSEWHERE | {"type": "oauth2"})
    assert response.status_code == 422
    assert "Choose the authentication again, or none." in response.content.decode()
    assert customer.post(path, **ELSEWHERE | {"type": ""}).status_code == 200
    endpoint.refresh_from_db()
    assert (endpoint.url, endpoint.authentication) == (ELSEWHERE["url"], None)


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


@pytest.mark.slow
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

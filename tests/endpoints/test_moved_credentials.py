"""An update of the URL must not have stored credentials sent to a server of the caller's own."""

from typing import Any

import pytest

from endpoints.models import Endpoint
from endpoints.operations import create_endpoint, update_endpoint
from outbound.urls import is_same_server, stored_form
from portal_links.capabilities import READ_ONLY
from projects.models import Project
from tests.conftest import API
from tests.endpoints import bodies
from tests.endpoints.bodies import API_KEY, BASIC_AUTH, CLIENT_ASSERTION, SHARED_SECRET
from tests.endpoints.test_certificates import certificate, pem, private_key
from tests.portal.api.customers import create_session
from tests.statements import nothing_changes

BODY: dict[str, Any] = bodies.BODY
URL = bodies.BODY["url"]
#: Other servers than URL's, and its own under other names.
ELSEWHERE = [
    "https://attacker.example.com/in",
    "http://hooks.example.com/in",
    "https://hooks.example.com:8443/in",
    "https://hooks.example.com.attacker.example.com/in",
    "https://hooks.example.com./in",
]
THERE = [
    URL,
    "https://hooks.example.com/elsewhere?a=1#b",
    "HTTPS://HOOKS.example.com/in",
    "https://hooks.example.com:443/in",
]
REFUSED = (400, "the url leads to another server: send authentication and mtls_client_cert again")
HIDDEN = [API_KEY, BASIC_AUTH, SHARED_SECRET, CLIENT_ASSERTION]


def masked(stored: Any) -> Any:
    """Return each secret text of an object, as a client that has read it sends it."""
    if not isinstance(stored, dict):
        return "[REDACTED]" if str(stored).startswith("the ") else stored
    return {name: masked(value) for name, value in stored.items()}


def certified() -> dict[str, str]:
    key = private_key()
    return {"client_cert": pem_of(certificate(key)), "client_key": pem(key)}


def pem_of(found: Any) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    text: bytes = found.public_bytes(Encoding.PEM)
    return text.decode()


@pytest.mark.parametrize("other", ELSEWHERE)
def test_another_server(other: str) -> None:
    assert not is_same_server(URL, other)
    assert not is_same_server(other, URL)


@pytest.mark.parametrize("other", THERE)
def test_the_same_server(other: str) -> None:
    assert is_same_server(URL, other)


@pytest.mark.parametrize("unreadable", ["", "https://", "ftp://hooks.example.com/in", "https://[::1/in", "a b"])
def test_no_server(unreadable: str) -> None:
    assert not is_same_server(unreadable, unreadable)


class TestACustomerWhoSeesNoSecrets:
    @pytest.fixture
    def portal(self, api: API, project: Project) -> API:
        """No client grants changing without seeing today, so the pair is put together here."""
        token = create_session(project, capabilities=READ_ONLY | {"manage_endpoint"}).secret
        portal = API(token, root="/portal-api")
        portal.get("/endpoints")
        return portal

    def endpoint(self, project: Project, **fields: Any) -> Endpoint:
        return create_endpoint(project.uid, owner_id="acme", **BODY | fields)

    @pytest.mark.parametrize("url", ELSEWHERE)
    @pytest.mark.parametrize("stored", HIDDEN)
    def test_what_is_not_sent_again_stays_where_it_is(
        self, project: Project, portal: API, stored: dict[str, Any], url: str
    ) -> None:
        endpoint = self.endpoint(project, authentication=stored)
        mores: list[dict[str, Any]] = [{}, {"authentication": masked(stored)}, {"mtls_client_cert": {}}]
        for more in mores:
            with nothing_changes():
                status, message = portal.put(f"/endpoints/{endpoint.uid}", BODY | {"url": url} | more).error
            assert (status, message[: len(REFUSED[1])]) == REFUSED

    def test_a_mask_of_another_member_is_enough(self, project: Project, portal: API) -> None:
        endpoint = self.endpoint(project, authentication=API_KEY)
        sent = {"type": "api_key", "api_key": {"header_name": "X-Echo", "header_value": "[REDACTED]"}}
        answer = portal.put(f"/endpoints/{endpoint.uid}", BODY | {"url": ELSEWHERE[0], "authentication": sent})
        assert answer.error[0] == 400

    def test_a_mask_under_another_type_keeps_nothing(self, project: Project, portal: API) -> None:
        endpoint = self.endpoint(project, authentication=BASIC_AUTH)
        sent = {"type": "api_key", "api_key": {"header_name": "X-Echo", "header_value": "[REDACTED]"}}
        answer = portal.put(f"/endpoints/{endpoint.uid}", BODY | {"url": ELSEWHERE[0], "authentication": sent})
        assert answer.error == (400, "api key field is required")

    @pytest.mark.parametrize("stored", HIDDEN)
    @pytest.mark.parametrize("new", [{}, BASIC_AUTH | {"basic_auth": {"username": "me", "password": "mine"}}])
    def test_new_ones_or_none_go_along(
        self, project: Project, portal: API, stored: dict[str, Any], new: dict[str, Any]
    ) -> None:
        endpoint = self.endpoint(project, authentication=stored)
        answer = portal.put(f"/endpoints/{endpoint.uid}", BODY | {"url": ELSEWHERE[0], "authentication": new})
        assert answer.status == 202
        endpoint.refresh_from_db()
        assert (endpoint.url, endpoint.authentication) == (ELSEWHERE[0], new or None)

    @pytest.mark.parametrize("url", THERE)
    @pytest.mark.parametrize("stored", HIDDEN)
    def test_another_path_keeps_them(self, project: Project, portal: API, stored: dict[str, Any], url: str) -> None:
        endpoint = self.endpoint(project, authentication=stored)
        before = Endpoint.objects.get().authentication
        for more in ({}, {"authentication": masked(stored)}):
            assert portal.put(f"/endpoints/{endpoint.uid}", BODY | {"url": url} | more).status == 202
        endpoint.refresh_from_db()
        assert (endpoint.url, endpoint.authentication) == (stored_form(url), before)

    def test_an_endpoint_without_credentials_moves(self, project: Project, portal: API) -> None:
        endpoint = self.endpoint(project)
        assert portal.put(f"/endpoints/{endpoint.uid}", BODY | {"url": ELSEWHERE[0]}).status == 202

    def test_a_certificate_stays(self, project: Project, portal: API) -> None:
        stored = certified()
        endpoint = self.endpoint(project, mtls_client_cert=stored)
        moved = BODY | {"url": ELSEWHERE[0]}
        masks = {"client_cert": stored["client_cert"], "client_key": "[REDACTED]"}
        mores: list[dict[str, Any]] = [{}, {"mtls_client_cert": masks}, {"authentication": {}}]
        for more in mores:
            with nothing_changes():
                assert portal.put(f"/endpoints/{endpoint.uid}", moved | more).error[0] == 400
        assert portal.put(f"/endpoints/{endpoint.uid}", moved | {"mtls_client_cert": {}}).status == 202
        endpoint.refresh_from_db()
        assert endpoint.mtls_client_cert is None


class TestTheCompany:
    """A project's key sees the value of an API key's header, and nothing else."""

    @pytest.mark.parametrize("stored", [BASIC_AUTH, SHARED_SECRET, CLIENT_ASSERTION])
    def test_what_no_answer_shows_stays(
        self, api: API, project: Project, collection: str, stored: dict[str, Any]
    ) -> None:
        endpoint = create_endpoint(project.uid, **BODY, authentication=stored)
        with nothing_changes():
            status, message = api.put(f"{collection}/{endpoint.uid}", BODY | {"url": ELSEWHERE[0]}).error
        assert (status, message[: len(REFUSED[1])]) == REFUSED
        sent = BODY | {"url": ELSEWHERE[0], "authentication": stored}
        assert api.put(f"{collection}/{endpoint.uid}", sent).status == 202

    def test_what_it_sees_goes_along(self, api: API, project: Project, collection: str) -> None:
        endpoint = create_endpoint(project.uid, **BODY, authentication=API_KEY)
        assert api.put(f"{collection}/{endpoint.uid}", BODY | {"url": ELSEWHERE[0]}).status == 202
        endpoint.refresh_from_db()
        assert endpoint.authentication == API_KEY

    def test_a_caller_that_says_nothing_sees_nothing(self, project: Project) -> None:
        endpoint = create_endpoint(project.uid, **BODY, authentication=API_KEY)
        with pytest.raises(Exception, match="another server"):
            update_endpoint(project.uid, endpoint.uid, **BODY | {"url": ELSEWHERE[0]})

"""Customers with a credential of each kind, and what every operation of the portal API refuses in the same way."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from endpoints.models import Endpoint
from endpoints.operations import delete_endpoint
from portal_links.capabilities import EVERYTHING, READ_ONLY, Capabilities
from portal_links.models import PortalLink, PortalSession
from portal_links.operations import create_portal_link, mint_refresh_token, revoke_portal_link
from portal_links.sessions import Minted, mint_session
from projects.models import APIKey, Project
from projects.operations import create_api_key, delete_project
from tests.callers import caller_of
from tests.conftest import API, Answer
from tests.statements import nothing_changes

ROOT = "/portal-api"
KINDS = ["static token", "PRT token", "session token"]

Call = Callable[[API], Answer]
Send = Callable[[API, str], Answer]
MakeEndpoint = Callable[..., Endpoint]


def portal(token: str | None) -> API:
    """The portal API with a credential."""
    return API(token, root=ROOT)


def create_link(project: Project, *, owner_id: str = "acme", manages: bool = True, **fields: object) -> PortalLink:
    given = {"name": "Acme", "owner_id": owner_id, "can_manage_endpoint": manages} | fields
    return create_portal_link(project.uid, **given).link  # type: ignore[arg-type]


def create_session(
    project: Project, *, owner_id: str = "acme", capabilities: Capabilities = EVERYTHING, **fields: object
) -> Minted:
    key = APIKey.objects.filter(project=project).first()
    assert key is not None
    given = {"surface": PortalSession.Surface.SVIX, "lifetime": timedelta(hours=1), "single_use": False} | fields
    return mint_session(
        project.uid,
        owner_id=owner_id,
        capabilities=capabilities,
        minted_by=caller_of(key),
        **given,  # type: ignore[arg-type]
    )


def customer(
    project: Project, kind: str, *, owner_id: str = "acme", manages: bool = True, endpoints: Sequence[str] = ()
) -> API:
    """A customer who may do everything, or look only. `endpoints` is the list of a link without an owner."""
    given = {"owner_id": owner_id, "manages": manages, "endpoints": endpoints}
    if kind == "static token":
        return portal(create_link(project, **given).token)  # type: ignore[arg-type]
    if kind == "PRT token":
        link = create_link(project, auth_type="refresh_token", **given)  # type: ignore[arg-type]
        token = mint_refresh_token(project.uid, link.uid)
    else:
        capabilities = EVERYTHING if manages else READ_ONLY
        token = create_session(project, owner_id=owner_id, capabilities=capabilities).secret
    # A use is noted once a minute: this one has just been, so that a request that is refused writes nothing.
    PortalSession.objects.update(last_used_at=timezone.now(), last_used_from="127.0.0.1")
    return portal(token)


class RefusesStrangers:
    """Only a live credential opens anything, and a dead one looks like one that never was."""

    def test_no_credential(self, project: Project, call: Call) -> None:
        token = create_link(project).token
        callers = [portal(None)]
        for header in (token, f"Token {token}", f"Basic {token}", "Bearer", "Bearer ", f"Bearer {token} {token}"):
            callers.append(portal(None))
            callers[-1].headers = {"Authorization": header}
        with nothing_changes():
            assert {call(caller).error for caller in callers} == {(401, "Authentication required")}

    def test_the_dead_and_the_unknown_look_the_same(self, project: Project, other_project: Project, call: Call) -> None:
        link, refresh = create_link(project), create_link(project, auth_type="refresh_token")
        expired, unopened = create_session(project), create_session(project, single_use=True)
        gone = create_link(other_project)
        revoke_portal_link(project.uid, link.uid)
        delete_project(other_project.uid)
        PortalSession.objects.filter(pk=expired.session.pk).update(expires_at=timezone.now())
        of_an_owner = create_api_key(name="o", role=APIKey.Role.PROJECT_ADMIN, project=project, owner_id="acme")[1]
        tokens = [link.token, refresh.token, expired.secret, unopened.secret, gone.token, of_an_owner]
        tokens += ["a" * 24, f"PRT.{'a' * 16}.{'b' * 64}", f"PST.{'a' * 64}", f"CO.{'a' * 16}.{'b' * 64}", "…"]
        with nothing_changes():
            answers = [call(portal(token)) for token in tokens]
        assert [answer.error for answer in answers] == [(401, "authorization failed")] * len(tokens)
        assert len({answer.response.content for answer in answers}) == 1

    def test_a_key_of_the_instance(self, instance: API, call: Call) -> None:
        instance.root = ROOT
        with nothing_changes():
            assert call(instance).error == (400, "project id not present in request")


class RefusesKeys:
    """An API key looks at its project here, and changes nothing."""

    def test_keys_of_the_project(self, api: API, viewer: API, call: Call) -> None:
        api.root = viewer.root = ROOT
        with nothing_changes():
            assert call(api).error == (400, "invalid auth object")
            assert call(viewer).error == (400, "invalid auth object")


class NeedsCapability:
    """A customer who may only look changes nothing, with a credential of any kind."""

    @pytest.mark.parametrize("kind", KINDS)
    def test_who_may_only_look(self, project: Project, call: Call, kind: str) -> None:
        looker = customer(project, kind, manages=False)
        with nothing_changes():
            assert call(looker).error == (403, "Unauthorized")


class HidesOtherEndpoints:
    """An object out of scope and one that never was look the same."""

    @pytest.mark.parametrize("kind", KINDS)
    def test_endpoints_out_of_scope(
        self, project: Project, other_project: Project, make_endpoint: MakeEndpoint, send: Send, kind: str
    ) -> None:
        gone = make_endpoint(owner_id="acme")
        delete_endpoint(project.uid, gone.uid)
        others = [
            make_endpoint(owner_id="globex"),
            make_endpoint(),
            make_endpoint(owner_id="ACME"),
            make_endpoint(project_id=other_project.uid, owner_id="acme"),
        ]
        caller = customer(project, kind)
        with nothing_changes():
            answers = [send(caller, uid) for uid in [gone.uid, *(other.uid for other in others), "nope", "a" * 5000]]
        assert [answer.error for answer in answers] == [(401, "unauthorized")] * len(answers)
        assert len({answer.response.content for answer in answers}) == 1

    @pytest.mark.parametrize("kind", ["static token", "PRT token"])
    def test_a_list_link_opens_its_list_and_no_more(
        self, project: Project, make_endpoint: MakeEndpoint, send: Send, kind: str
    ) -> None:
        listed, other = make_endpoint(), make_endpoint()
        caller = customer(project, kind, owner_id="", endpoints=[listed.uid])
        with nothing_changes():
            assert send(caller, other.uid).error == (401, "unauthorized")
        assert send(caller, listed.uid).status < 300


class AnswersOptions:
    """Browsers ask first. Only the pages of an origin that a project allows get leave, and never with cookies."""

    @pytest.mark.parametrize("origin", ["", "https://evil.example", "https://app.example.com.evil.example", "null"])
    def test_options(self, project: Project, path: str, origin: str) -> None:
        Project.objects.filter(pk=project.pk).update(portal_allowed_origins=["https://app.example.com"])
        response = Client().options(f"{ROOT}{path}", headers={"Origin": origin} if origin else {})
        assert (response.status_code, response.content) == (200, b"")
        assert not [name for name in response.headers if name.startswith("Access-Control")]

    def test_options_of_an_allowed_origin(self, project: Project, path: str) -> None:
        Project.objects.filter(pk=project.pk).update(portal_allowed_origins=["https://app.example.com"])
        response = Client().options(f"{ROOT}{path}", headers={"Origin": "https://app.example.com"})
        assert (response.status_code, response.content) == (200, b"")
        assert {name: value for name, value in response.headers.items() if name.startswith("Access-Control")} == {
            "Access-Control-Allow-Origin": "https://app.example.com",
            "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE",
            "Access-Control-Allow-Headers": "Authorization, Content-Type, X-Convoy-Version",
            "Access-Control-Max-Age": "600",
        }
        assert "Origin" in response.headers["Vary"]

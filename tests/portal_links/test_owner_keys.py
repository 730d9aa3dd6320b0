"""One rule for every call that opens the portal: no session gives more than the key that asks for it has."""

from typing import Any

import pytest
from django.utils import timezone

from portal_links.access import find_access
from portal_links.capabilities import EVERYTHING, READ_ONLY, ROLES, SVIX, VIEW_SECRET
from portal_links.models import PortalSession
from portal_links.sessions import open_session
from projects.keys import MANAGE
from projects.models import Project
from projects.operations import create_api_key
from tests.conftest import API, Role
from tests.portal_links.calls import Reply, call, secret_in
from tests.statements import nothing_changes

NAHOOK = [{}, *({"role": role} for role in ROLES)]
SVIX_BODIES: list[dict[str, Any]] = [{}, {"capabilities": []}, {"readOnly": True}, {"readOnly": False}]
SVIX_BODIES += [{"capabilities": [name]} for name in SVIX] + [{"capabilities": list(SVIX)}]
CASES = [("nahook", body) for body in NAHOOK] + [("svix", body) for body in SVIX_BODIES] + [("feather", {})]
#: Scopes that are not the one that manages.
OTHER_SCOPES = [[], ["webhooks:read"], ["WEBHOOKS:MANAGE"], ["webhooks:manage:all", "webhooks", "*"]]


def owner_key(project: Project, scopes: list[str], role: str = Role.PROJECT_ADMIN) -> str:
    return create_api_key(name="acme", role=role, project=project, owner_id="acme", scopes=scopes)[1]


def ask(surface: str, project: Project, key: str, body: dict[str, Any]) -> Reply:
    match surface:
        case "nahook":
            path = f"/management/v1/workspaces/{project.uid}/applications/acme/portal"
            return call("POST", path, body, Authorization=f"Bearer {key}")
        case "svix":
            return call("POST", "/api/v1/auth/app-portal-access/acme", body, Authorization=f"Bearer {key}")
    return call("POST", "/v1/webhooks/portal", x_api_key=key)


def token_of(surface: str, project: Project, reply: Reply) -> str:
    assert reply.status in (200, 201), reply.json
    secret = secret_in(reply.json["url"])
    return open_session(project.uid, secret, address=None).secret if surface == "nahook" else secret


@pytest.mark.parametrize(("surface", "body"), CASES)
class TestWithoutTheScope:
    @pytest.mark.parametrize("scopes", OTHER_SCOPES)
    def test_a_session_only_looks(
        self, project: Project, surface: str, body: dict[str, Any], scopes: list[str]
    ) -> None:
        token = token_of(surface, project, ask(surface, project, owner_key(project, scopes), body))
        access = find_access(token)
        assert access is not None
        assert (access.owner_id, access.capabilities) == ("acme", READ_ONLY)
        # A use is noted once a minute: this one has just been, so that a request that is refused writes nothing.
        PortalSession.objects.update(last_used_at=timezone.now(), last_used_from="127.0.0.1")
        portal = API(token, root="/portal-api")
        with nothing_changes():
            assert portal.post("/endpoints", {"name": "In", "url": "https://in.example.com"}).error[0] == 403
            assert portal.post("/subscriptions", {"name": "In"}).error[0] == 403
            assert portal.post("/events", {"event_type": "a", "data": {}}).error[0] == 403
        assert portal.get("/endpoints").status == 200

    def test_with_it_a_session_gives_what_was_asked_for(
        self, project: Project, surface: str, body: dict[str, Any]
    ) -> None:
        token_of(surface, project, ask(surface, project, owner_key(project, [MANAGE]), body))
        bound = frozenset(PortalSession.objects.get().capabilities)
        PortalSession.objects.all().delete()
        if surface == "feather":
            assert bound == EVERYTHING
            return
        unbound = create_api_key(name="whole project", role=Role.PROJECT_ADMIN, project=project)[1]
        token_of(surface, project, ask(surface, project, unbound, body))
        assert bound == frozenset(PortalSession.objects.get().capabilities)


@pytest.mark.parametrize("scopes", [[], [MANAGE]])
@pytest.mark.parametrize(("surface", "body"), CASES)
def test_a_viewers_key_never_gives_more_than_looking(
    project: Project, surface: str, body: dict[str, Any], scopes: list[str]
) -> None:
    reply = ask(surface, project, owner_key(project, scopes, Role.PROJECT_VIEWER), body)
    if surface == "feather":
        assert frozenset(PortalSession.objects.get().capabilities) == READ_ONLY
    else:
        assert reply.status == 403
        assert not PortalSession.objects.exists()


def test_no_key_of_a_reader_sees_secrets() -> None:
    assert VIEW_SECRET not in READ_ONLY


class TestEndingAll:
    PATH = "/api/v1/auth/app/acme/expire-all"

    def test_needs_the_scope(self, project: Project) -> None:
        token_of("feather", project, ask("feather", project, owner_key(project, [MANAGE]), {}))
        key = owner_key(project, [])
        with nothing_changes():
            reply = call("POST", self.PATH, Authorization=f"Bearer {key}")
        assert (reply.status, reply.json) == (403, {"code": "permission_denied", "detail": "Unauthorized"})
        assert call("POST", self.PATH, Authorization=f"Bearer {owner_key(project, [MANAGE])}").status == 204
        assert PortalSession.objects.get().revoked_at is not None


@pytest.mark.parametrize("scopes", [[], [MANAGE]])
def test_convoys_calls_refuse_a_key_of_one_owner(project: Project, api: API, scopes: list[str]) -> None:
    key = owner_key(project, scopes)
    body = {"name": "Acme", "owner_id": "acme", "auth_type": "refresh_token", "can_manage_endpoint": True}
    links = f"/projects/{project.uid}/portal-links"
    link = api.post(links, body).data
    with nothing_changes():
        assert API(key).post(links, body).error[0] == 403
        assert API(key).get(f"{links}/{link['uid']}/refresh_token").error[0] == 403
        assert API(key).get(f"{links}/{link['uid']}").error[0] == 403
        assert API(key, root="/portal-api").get("/endpoints").error[0] == 401

"""Calls of Svix's operations, in-process."""

from typing import Any

from portal_links.access import find_access
from projects.models import Project
from projects.operations import create_api_key
from tests.conftest import Role
from tests.portal_links.calls import Reply, call

ACCESS = "/api/v1/auth/app-portal-access/acme"
EXPIRE = "/api/v1/auth/app/acme/expire-all"
LOGOUT = "/api/v1/auth/logout"
HOUR, WEEK = 3600, 604_800


def key_of(project: Project | None, role: str = Role.PROJECT_ADMIN, **fields: Any) -> str:
    return create_api_key(name="svix", role=role, project=project, **fields)[1]


def post(path: str, key: str, body: Any = None, **more: str) -> Reply:
    return call("POST", path, body, **{"Authorization": f"Bearer {key}"} | more)


def token_of(key: str, body: Any = None, path: str = ACCESS, **more: str) -> str:
    """A new session's token."""
    return str(granted(post(path, key, body, **more)).json["token"])


def granted(reply: Reply) -> Reply:
    assert reply.status == 200, reply.json
    return reply


def lives(token: str) -> bool:
    return find_access(token) is not None


def refusal(reply: Reply) -> tuple[int, str, str]:
    """(status, code, detail) of an error, which has Svix's shape and no more."""
    assert reply.json.keys() == {"code", "detail"}, reply.json
    return reply.status, reply.json["code"], reply.json["detail"]


def wrong_fields(reply: Reply) -> list[tuple[list[Any], str]]:
    """(where, what) of each fault in a 422."""
    assert reply.status == 422, reply.json
    assert reply.json.keys() == {"detail"}
    for failure in reply.json["detail"]:
        assert failure.keys() == {"loc", "msg", "type"}
    return [(failure["loc"], failure["msg"]) for failure in reply.json["detail"]]

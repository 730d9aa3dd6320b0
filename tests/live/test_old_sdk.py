"""convoy-python 0.2.0, in a process of its own, against the running server."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.live.conftest import LiveProject
from tests.server import ROOT, environment

CLIENT = ROOT / ".venv" / "clients" / "convoy-python-0.2.0"


@pytest.fixture(params=["", "/"], ids=["plain", "slash"])
def answers(project: LiveProject, request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return the answers that the client got. With a slash at its URL's end it asks for `//endpoints`; without
    one its `endpoint.find` asks for a path that runs into the project's id."""
    uri = f"{project.server.url}/api/v1/projects/{project.uid}{request.param}"
    command = [sys.executable, str(ROOT / "tests" / "clients" / "old_client.py"), uri, project.key]
    done = subprocess.run(
        command, env=environment(PYTHONPATH=str(CLIENT)), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_every_call(answers: dict[str, Any], request: pytest.FixtureRequest) -> None:
    expected = {
        "create": (201, "Endpoint created successfully"),
        "all": (200, "Endpoints fetched successfully"),
        "all, second page": (200, "Endpoints fetched successfully"),
        "find": (200, "Endpoint fetched successfully"),
        "update": (202, "Endpoint updated successfully"),
        "create, nameless": (400, "Invalid input provided"),
        "update, unknown": (400, "endpoint not found"),
        "link": (201, "Portal link created successfully"),
        "link, found": (200, "Portal link fetched successfully"),
        "link, by endpoints": (201, "Portal link created successfully"),
        "links": (200, "Portal links fetched successfully"),
        "link, revoked": (200, "Portal link revoked successfully"),
        "link, gone": (404, "Resource not found"),
        "delete": (200, "Endpoint deleted successfully"),
        "delete, again": (400, "endpoint not found"),
        "stranger": (401, "authorization failed"),
        # Groups are what projects were called before 2023.
        "group": (404, "404 page not found"),
    }
    if "find" not in answers:
        del expected["find"]
    assert {name: (status, body["message"]) for name, (body, status) in answers.items()} == expected

    def data(name: str) -> Any:
        return answers[name][0]["data"]

    first = data("create")["uid"]
    assert len(data("all")["content"]) == 2
    assert data("all")["pagination"]["has_next_page"] is True
    assert [endpoint["uid"] for endpoint in data("all, second page")["content"]] == [first]
    if "find" in answers:
        assert data("find")["uid"] == first
    assert data("update")["name"] == "changed"
    assert data("link")["endpoint_count"] == 3
    assert data("link, found") == data("link")
    assert [endpoint["uid"] for endpoint in data("link, by endpoints")["endpoints_metadata"]] == [first]
    assert data("links")["content"][0]["uid"] == data("link, by endpoints")["uid"]
    assert ("find" in answers) == request.node.callspec.id.endswith("slash")

"""schemathesis: requests made out of the OpenAPI document, good and bad, and all its checks of the answers."""

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.live.conftest import LiveProject
from tests.routes import EVERY_OPERATION, Surface
from tests.server import environment

pytestmark = pytest.mark.server

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")


class Client(NamedTuple):
    """Who makes the requests, and of which paths."""

    paths: str
    operations: int
    least: int


def documented(surface: Surface) -> int:
    """How many operations the document has of a surface: a collection's path stands there once, without its slash."""
    return len({(each.method, each.path.rstrip("/")) for each in EVERY_OPERATION if each.surface == surface})


CLIENTS = {
    # The Convoy API, with an instance key.
    "convoy": Client("^/v1/projects", documented(Surface.CONVOY), 1000),
    # The portal API, with the token of a session that may do everything.
    "portal": Client("^/portal-api", documented(Surface.PORTAL), 100),
    # Nahook, Feather and Svix, with a key of the project, and for Feather one of its owners.
    "others": Client("^/(management|v1/auth|v1/webhooks)", 5, 50),
}


@pytest.mark.parametrize("name", CLIENTS)
def test_the_document_is_kept(project: LiveProject, instance: httpx.Client, tmp_path: Path, name: str) -> None:
    """No answer is a 500, each has the shape that the document gives it, and what breaks the document is refused."""
    client = CLIENTS[name]

    def link(**fields: str) -> str:
        answer = project.client.post(project.links, json={"name": "Link", "owner_id": "schema"} | fields)
        return str(answer.json()["data"]["uid"])

    def mint() -> str:
        url = f"{project.server.url}/api/v1/auth/app-portal-access/schema"
        answer = httpx.post(url, json={}, headers={"Authorization": f"Bearer {project.key}"}, trust_env=False)
        return str(answer.json()["token"])

    doomed = instance.post("/projects", json={"name": f"doomed {project.uid}", "type": "outgoing"}).json()["data"]
    mint()
    [session] = instance.get(f"/projects/{project.uid}/portal-sessions").json()["data"]["content"]
    endpoint = project.make_endpoint(owner_id="schema")
    event = project.client.post(f"{project.path}/events", json={"endpoint_id": endpoint, "event_type": "a", "data": {}})
    rows = {
        "project": project.uid,
        "endpoint": endpoint,
        "event": event.json()["data"]["uid"],
        "link": link(auth_type="refresh_token"),
        "doomed project": doomed["project"]["uid"],
        "doomed endpoint": project.make_endpoint(owner_id="schema"),
        "doomed link": link(),
        "doomed session": session["uid"],
    }
    bearer = {
        "convoy": str(instance.headers["Authorization"]),
        "portal": f"Bearer {mint()}",
        "others": f"Bearer {project.key}",
    }[name]
    configuration = tmp_path / "schemathesis.toml"
    configuration.write_text(re.sub("@(.+?)@", lambda found: rows[found[1]], CONFIGURATION.read_text()))
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(configuration)]
    command += ["run", f"{project.server.url}/api/schema", "--output-truncate", "false"]
    command += ["--include-path-regex", client.paths, "--header", f"Authorization: {bearer}"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Tested: {client.operations}\n" in done.stdout
    generated = re.search(r"(\d+) generated", done.stdout)
    assert generated is not None
    assert int(generated[1]) > client.least
    assert "Traceback" not in project.server.stderr

    if name == "convoy":
        # The rows that the requests were meant for were there to the end.
        def status(path: str) -> int:
            return instance.get(path).status_code

        assert status(f"{project.endpoints}/{rows['endpoint']}") == 200
        assert status(f"{project.links}/{rows['link']}") == 200
        assert status(f"{project.endpoints}/{rows['doomed endpoint']}") == 404
        assert status(f"{project.links}/{rows['doomed link']}") == 404
        assert status(f"/projects/{rows['doomed project']}") == 404

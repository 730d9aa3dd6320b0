"""schemathesis: requests made out of the OpenAPI document, good and bad, and all its checks of the answers."""

import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.live.conftest import LiveProject
from tests.routes import OPERATIONS
from tests.server import environment

pytestmark = pytest.mark.server

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")


def test_the_document_is_kept(project: LiveProject, instance: httpx.Client, tmp_path: Path) -> None:
    """No answer is a 500, each has the shape that the document gives it, and what breaks the document is refused."""

    def link(**fields: str) -> str:
        answer = project.client.post(project.links, json={"name": "Link", "owner_id": "schema"} | fields)
        return str(answer.json()["data"]["uid"])

    doomed = instance.post("/projects", json={"name": f"doomed {project.uid}", "type": "outgoing"}).json()["data"]
    rows = {
        "project": project.uid,
        "endpoint": project.make_endpoint(),
        "link": link(auth_type="refresh_token"),
        "doomed project": doomed["project"]["uid"],
        "doomed endpoint": project.make_endpoint(),
        "doomed link": link(),
    }
    configuration = tmp_path / "schemathesis.toml"
    configuration.write_text(re.sub("@(.+?)@", lambda name: rows[name[1]], CONFIGURATION.read_text()))
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(configuration)]
    command += ["run", f"{project.server.url}/api/schema", "--output-truncate", "false"]
    command += ["--header", f"Authorization: {instance.headers['Authorization']}"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    operations = {(operation.method, operation.path.rstrip("/")) for operation in OPERATIONS}
    assert f"Tested: {len(operations)}\n" in done.stdout
    generated = re.search(r"(\d+) generated", done.stdout)
    assert generated is not None
    assert int(generated[1]) > 1000
    assert "Traceback" not in project.server.stderr

    def status(path: str) -> int:
        return instance.get(path).status_code

    # The rows that the requests were meant for were there to the end.
    assert status(f"{project.endpoints}/{rows['endpoint']}") == 200
    assert status(f"{project.links}/{rows['link']}") == 200
    assert status(f"{project.endpoints}/{rows['doomed endpoint']}") == 404
    assert status(f"{project.links}/{rows['doomed link']}") == 404
    assert status(f"/projects/{rows['doomed project']}") == 404

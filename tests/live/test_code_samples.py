"""Samples of the OpenAPI document, run as they stand against the running server."""

import json
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.core.api.openapi_document import DOCUMENT
from tests.live.conftest import LiveProject
from tests.server import ROOT

MakeKey = Callable[..., str]
#: In the order of a first hour; each needs ids that are there already.
OPERATIONS = [
    *("GetProject", "CreateEndpoint", "GetEndpoints", "GetEndpoint", "UpdateEndpoint"),
    *("PauseEndpoint", "ActivateEndpoint", "SendTestEvent", "CreatePortalLink", "LoadPortalLinksPaged"),
    *("LoadPortalSessionsPaged", "CreateEndpointFanoutEvent", "GetEventsPaged", "GetEventDeliveriesPaged"),
    *("CreateEventType", "GetEventTypes", "GetJobs"),
]


def sample(operation_id: str, language: str) -> str:
    [source] = [
        one["source"]
        for item in DOCUMENT["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict) and operation.get("operationId") == operation_id
        for one in operation["x-codeSamples"]
        if one["lang"] == language
    ]
    return str(source)


#: Runs each of the sources of its input as a program of its own, in one process: the packages are loaded once.
PYTHON = """
import contextlib, io, json, sys
outputs = []
for source in json.load(sys.stdin):
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(source, {"__name__": "__main__"})
    outputs.append(printed.getvalue())
json.dump(outputs, sys.stdout)
"""


def run(language: str, *operation_ids: str, **variables: str) -> list[str]:
    """The outputs of samples. They have nothing of the environment but the way to programs, and what they name."""
    sources = [sample(operation_id, language) for operation_id in operation_ids]
    if language == "Python":
        outputs: list[str] = json.loads(_output([sys.executable, "-c", PYTHON], json.dumps(sources), variables))
        return outputs
    return [
        _output(["sh", "-euc", source.replace("curl ", "curl --silent --show-error --fail ", 1)], "", variables)
        for source in sources
    ]


def _output(command: list[str], text: str, variables: dict[str, str]) -> str:
    env = {"PATH": os.environ["PATH"], **variables}
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, cwd=ROOT, env=env)
    assert done.returncode == 0, f"{command[-1]}\n{text}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("language", ["Shell", "Python"])
def test_an_hour_of_an_integrator(project: LiveProject, language: str) -> None:
    ids = {"PROJECT_ID": project.uid, "ENDPOINT_ID": project.make_endpoint(owner_id="acme")}
    outputs = run(language, *OPERATIONS, SERVER_URL=project.server.url, API_KEY=project.key, **ids)
    for operation_id, output in zip(OPERATIONS, outputs, strict=True):
        said = json.loads(output)
        assert said["status"] is True, (operation_id, said)


@pytest.mark.parametrize("language", ["Shell", "Python"])
def test_other_clients(project: LiveProject, make_key: MakeKey, language: str) -> None:
    variables = {"SERVER_URL": project.server.url, "PROJECT_ID": project.uid, "OWNER_ID": "acme"}
    for operation_id, key in [
        ("v1.authentication.app-portal-access", project.key),
        ("CreateNahookPortalSession", make_key("--nahook")),
    ]:
        [output] = run(language, operation_id, API_KEY=key, **variables)
        assert f"{project.server.url}/portal/" in output
    operation_ids = ("v1.authentication.expire-all", "LoadPortalSessionsPaged")
    expired, said = run(language, *operation_ids, API_KEY=project.key, **variables)
    assert expired.strip() in ("", "None")
    surfaces = {row["surface"]: row["revoked_at"] is None for row in json.loads(said)["data"]["content"]}
    assert surfaces == {"svix": False, "nahook": False}

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


def run(operation_id: str, language: str, **variables: str) -> str:
    """The output of a sample. It has nothing of the environment but the way to programs, and what it names."""
    source = sample(operation_id, language)
    command = ["sh", "-euc", source.replace("curl ", "curl --silent --show-error --fail ", 1)]
    if language == "Python":
        command = [sys.executable, "-c", source]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=ROOT, env={"PATH": os.environ["PATH"], **variables}
    )
    assert done.returncode == 0, f"{source}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("language", ["Shell", "Python"])
def test_an_hour_of_an_integrator(project: LiveProject, language: str) -> None:
    ids = {"PROJECT_ID": project.uid, "ENDPOINT_ID": project.make_endpoint(owner_id="acme")}
    for operation_id in OPERATIONS:
        said = json.loads(run(operation_id, language, SERVER_URL=project.server.url, API_KEY=project.key, **ids))
        assert said["status"] is True, (operation_id, said)


@pytest.mark.parametrize("language", ["Shell", "Python"])
def test_other_clients(project: LiveProject, make_key: MakeKey, language: str) -> None:
    variables = {"SERVER_URL": project.server.url, "PROJECT_ID": project.uid, "OWNER_ID": "acme"}
    for operation_id, key in [
        ("v1.authentication.app-portal-access", project.key),
        ("CreateNahookPortalSession", make_key("--nahook")),
    ]:
        assert f"{project.server.url}/portal/" in run(operation_id, language, API_KEY=key, **variables)
    assert run("v1.authentication.expire-all", language, API_KEY=project.key, **variables).strip() in ("", "None")
    said = run("LoadPortalSessionsPaged", language, API_KEY=project.key, **variables)
    surfaces = {row["surface"]: row["revoked_at"] is None for row in json.loads(said)["data"]["content"]}
    assert surfaces == {"svix": False, "nahook": False}

"""The documented request that creates a portal link, with real ids, and each key of its documented answer."""

import json
import re
import shutil
import subprocess
from typing import Any

import httpx
import pytest

from tests.live.conftest import LiveProject
from tests.waiting import PATIENCE_SECONDS

#: The documented answer. "<string>" and 123 stand for any text and number.
EXAMPLE: dict[str, Any] = {
    "message": "<string>",
    "status": True,
    "data": {
        "can_manage_endpoint": True,
        "created_at": "<string>",
        "deleted_at": "<string>",
        "endpoint_count": 123,
        "endpoints": ["<string>"],
        "endpoints_metadata": [
            {
                "advanced_signatures": True,
                "authentication": {
                    "api_key": {"header_name": "<string>", "header_value": "<string>"},
                    "type": "api_key",
                },
                "created_at": "<string>",
                "deleted_at": "<string>",
                "description": "<string>",
                "events": 123,
                "failure_rate": 123,
                "http_timeout": 123,
                "name": "<string>",
                "owner_id": "<string>",
                "project_id": "<string>",
                "rate_limit": 123,
                "rate_limit_duration": 123,
                "secrets": [
                    {
                        "created_at": "<string>",
                        "deleted_at": "<string>",
                        "expires_at": "<string>",
                        "uid": "<string>",
                        "updated_at": "<string>",
                        "value": "<string>",
                    }
                ],
                "slack_webhook_url": "<string>",
                "status": "active",
                "support_email": "<string>",
                "uid": "<string>",
                "updated_at": "<string>",
                "url": "<string>",
            }
        ],
        "name": "<string>",
        "owner_id": "<string>",
        "project_id": "<string>",
        "token": "<string>",
        "uid": "<string>",
        "updated_at": "<string>",
        "url": "<string>",
    },
}
#: Times that have not come, and never will for what is shown.
NOT_YET = {"deleted_at", "expires_at"}


def conforms(found: Any, example: Any, name: str = "") -> None:
    """Each key of `example` is in `found`, with a value of its type."""
    if found is None and name in NOT_YET:
        return
    assert type(found) is type(example), (name, found)
    if isinstance(example, dict):
        for key, inner in example.items():
            assert key in found, key
            conforms(found[key], inner, key)
    elif isinstance(example, list):
        assert found, name
        for item in found:
            conforms(item, example[0], name)


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", ""], ids=["Bearer", "bearer", "bare"])
def test_the_documented_request(project: LiveProject, scheme: str) -> None:
    endpoint = project.make_endpoint(
        description="Orders",
        support_email="ops@example.com",
        slack_webhook_url="https://hooks.slack.com/services/x",
        authentication={"type": "api_key", "api_key": {"header_name": "X-Key", "header_value": "value"}},
        http_timeout=10,
        rate_limit=5,
        rate_limit_duration=60,
    )
    sent = {"can_manage_endpoint": True, "endpoints": [endpoint], "name": "Acme", "owner_id": "acme"}
    answer = curl(f"{project.server.url}/api/v1{project.links}", f"{scheme}{project.key}", json.dumps(sent, indent=0))
    conforms(answer, EXAMPLE)

    assert answer["message"] == "Portal link created successfully"
    data = answer["data"]
    assert {name: data[name] for name in sent} == sent
    assert data["project_id"] == project.uid
    assert data["endpoint_count"] == 1
    assert re.fullmatch(r"[A-Za-z0-9]{24}", data["token"])
    assert data["url"] == f"{project.server.url}/portal?token={data['token']}"
    shown = data["endpoints_metadata"][0]
    assert (shown["uid"], shown["owner_id"], shown["status"]) == (endpoint, "acme", "active")
    assert shown["secrets"][0]["value"]
    assert httpx.get(data["url"], trust_env=False).status_code == 200
    stored = project.client.get(f"{project.links}/{data['uid']}").json()
    conforms(stored, EXAMPLE)
    stored["data"]["endpoints_metadata"][0]["updated_at"] = shown["updated_at"]
    assert stored["data"] == data


def curl(url: str, authorization: str, body: str) -> dict[str, Any]:
    """The answer to the request, sent by curl where there is one."""
    headers = {"Authorization": authorization, "Content-Type": "application/json"}
    if not shutil.which("curl"):
        return dict(httpx.post(url, headers=headers, content=body, trust_env=False).json())
    command = ["curl", "--silent", "--fail-with-body", "--noproxy", "*", "--request", "POST", "--url", url]
    for name, value in headers.items():
        command += ["--header", f"{name}: {value}"]
    done = subprocess.run(
        [*command, "--data", body], capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS
    )
    assert done.returncode == 0, done.stdout
    return dict(json.loads(done.stdout))

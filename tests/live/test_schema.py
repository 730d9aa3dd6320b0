"""schemathesis: requests made out of the OpenAPI document, good and bad, and all its checks of the answers.

Most requests, and most of the time, are of the phase that tries each value of each parameter and field. Of the
large APIs the suite tries the document's examples and some values that are made up; script/test long tries all.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.live.conftest import LiveProject
from tests.routes import EVERY_OPERATION, Surface
from tests.server import environment
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(900)

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")

#: The operations that the document lacks: the second method of a change, and those that are always refused.
UNDOCUMENTED = {
    "POST /projects/{projectID}/subscriptions/{subscriptionID}/filters/bulk_update",
    "POST /portal-api/subscriptions/{subscriptionID}/filters/bulk_update",
    "POST /portal-api/subscriptions/test_function",
    "POST /portal-api/event-types",
    "PUT /portal-api/event-types/{eventTypeId}",
    "POST /portal-api/event-types/{eventTypeId}/deprecate",
}


class Client(NamedTuple):
    """A caller of the requests, and the paths that it calls."""

    paths: str
    operations: int
    #: More requests than this are made, in all phases and in those of SHORT.
    least: int
    least_in_short: int


SHORT = ("examples", "fuzzing", "stateful")
ALL = ("examples", "coverage", "fuzzing", "stateful")


def documented(surface: Surface) -> int:
    """How many operations the document has of a surface: a collection's path stands there once, without its slash."""
    every = {f"{each.method} {each.path.rstrip('/')}" for each in EVERY_OPERATION if each.surface == surface}
    return len(every - UNDOCUMENTED)


CLIENTS = {
    # The Convoy API, with an instance key.
    "convoy": Client("^/v1/projects", documented(Surface.CONVOY), 1000, 150),
    # The portal API, with the token of a session that may do everything.
    "portal": Client("^/portal-api", documented(Surface.PORTAL), 1000, 100),
    # Nahook, Feather and Svix's portal sessions, with a key of the project, and for Feather one of its owners.
    "others": Client("^/(management|ingest|v1/auth|v1/webhooks)", 36, 500, 10),
    # Svix's API, with a key of the project.
    "svix": Client("^/v1/(app|background-task|event-type)", 44, 1000, 100),
}


@pytest.mark.parametrize(
    ("name", "phases"),
    [
        ("convoy", SHORT),
        ("portal", SHORT),
        ("others", ALL),
        ("svix", SHORT),
        pytest.param("convoy", ALL, marks=pytest.mark.long),
        pytest.param("portal", ALL, marks=pytest.mark.long),
        pytest.param("svix", ALL, marks=pytest.mark.long),
    ],
    ids=lambda value: value if isinstance(value, str) else "all" if value is ALL else "short",
)
def test_the_document_is_kept(
    project: LiveProject, instance: httpx.Client, tmp_path: Path, name: str, phases: tuple[str, ...]
) -> None:
    """No answer is a 500, each has the shape that the document gives it, and what breaks the document is refused."""
    client = CLIENTS[name]

    def link(**fields: str) -> str:
        answer = project.client.post(project.links, json={"name": "Link", "owner_id": "schema"} | fields)
        return str(answer.json()["data"]["uid"])

    def mint() -> str:
        url = f"{project.server.url}/api/v1/auth/app-portal-access/schema"
        answer = httpx.post(url, json={}, headers={"Authorization": f"Bearer {project.key}"}, trust_env=False)
        return str(answer.json()["token"])

    def one(path: str, body: Any) -> Any:
        answer = project.client.post(f"{project.path}/{path}", json=body)
        return answer.raise_for_status().json()["data"]

    def listed(path: str) -> Any:
        answer = project.client.get(f"{project.path}/{path}")
        return answer.raise_for_status().json()["data"]

    def subscribe(endpoint: str, **fields: Any) -> str:
        return str(one("subscriptions", {"name": "s", "endpoint_id": endpoint} | fields)["uid"])

    # A delivery that fails once can be sent again; a meta event is one of the endpoints that follow.
    config = {
        "strategy": {"type": "linear", "duration": 1, "retry_count": 1},
        "meta_event": {"is_enabled": True, "url": "https://hooks.example.com/meta", "event_type": ["endpoint.created"]},
    }
    project.client.put(project.path, json={"name": project.uid, "config": config}).raise_for_status()
    doomed = instance.post("/projects", json={"name": f"doomed {project.uid}", "type": "outgoing"}).json()["data"]
    mint()
    [session] = instance.get(f"/projects/{project.uid}/portal-sessions").json()["data"]["content"]
    # Nobody listens there.
    endpoint = project.make_endpoint(owner_id="schema", url="http://127.0.0.1:1/in")
    subscription = subscribe(endpoint, filter_config={"event_types": ["a", "b"]})
    filters = listed(f"subscriptions/{subscription}/filters")
    event = one("events", {"endpoint_id": endpoint, "event_type": "a", "data": {}})["uid"]
    [delivery] = eventually(
        lambda: listed(f"eventdeliveries?eventId={event}&status=Failure")["content"], "the delivery has failed"
    )
    [attempt] = listed(f"eventdeliveries/{delivery['uid']}/deliveryattempts")
    rows = {
        "project": project.uid,
        "endpoint": endpoint,
        "event type": one("event-types", {"name": "order.created"})["uid"],
        "subscription": subscription,
        "filter": filters[0]["uid"],
        "event": event,
        "delivery": delivery["uid"],
        "attempt": attempt["uid"],
        "meta event": listed("meta-events")["content"][0]["uid"],
        "batch": one("onboard", {"items": [{"name": "a", "url": "https://hooks.example.com/a"}]})["batch_ids"][0],
        "link": link(auth_type="refresh_token"),
        "doomed project": doomed["project"]["uid"],
        "doomed endpoint": project.make_endpoint(owner_id="schema"),
        "doomed subscription": subscribe(project.make_endpoint(owner_id="schema")),
        "changed endpoint": project.make_endpoint(owner_id="schema"),
        "changed subscription": subscribe(project.make_endpoint(owner_id="schema")),
        "doomed filter": filters[1]["uid"],
        "doomed link": link(),
        "doomed session": session["uid"],
    }
    bearer = {
        "convoy": str(instance.headers["Authorization"]),
        "portal": f"Bearer {mint()}",
        "others": f"Bearer {project.key}",
        "svix": f"Bearer {project.key}",
    }[name]
    configuration = tmp_path / "schemathesis.toml"
    configuration.write_text(re.sub("@(.+?)@", lambda found: rows[found[1]], CONFIGURATION.read_text()))
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(configuration)]
    command += ["run", f"{project.server.url}/api/schema", "--output-truncate", "false", "--phases", ",".join(phases)]
    command += ["--include-path-regex", client.paths, "--header", f"Authorization: {bearer}"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=800, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Tested: {client.operations}\n" in done.stdout
    generated = re.search(r"(\d+) generated", done.stdout)
    assert generated is not None
    assert int(generated[1]) > (client.least if phases == ALL else client.least_in_short)
    assert "Traceback" not in project.server.stderr

    def status(path: str) -> int:
        return instance.get(path).status_code

    # The rows that the requests were meant for were there to the end.
    if name in ("convoy", "portal"):
        assert status(f"{project.endpoints}/{rows['endpoint']}") == 200
        assert status(f"{project.endpoints}/{rows['doomed endpoint']}") == 404
        assert status(f"{project.path}/subscriptions/{rows['subscription']}") == 200
        assert status(f"{project.path}/subscriptions/{rows['doomed subscription']}") == 404
        filters = f"{project.path}/subscriptions/{rows['subscription']}/filters"
        assert status(f"{filters}/{rows['filter']}") == 200
        assert status(f"{filters}/{rows['doomed filter']}") == 404
        assert status(f"{project.path}/eventdeliveries/{rows['delivery']}") == 200
    if name == "convoy":
        assert status(f"{project.links}/{rows['link']}") == 200
        assert status(f"{project.links}/{rows['doomed link']}") == 404
        assert status(f"/projects/{rows['doomed project']}") == 404

"""`convoyclone listen`: a program on another machine gets signed copies, and nothing changes at the server."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import standardwebhooks.webhooks

from outbound.signatures import standard_secret
from tests.live.conftest import LiveProject
from tests.outbound.receivers import Receiver
from tests.server import ROOT, free_port
from tests.waiting import eventually

SECRET = "the-customers-secret"
#: The whole environment: no setting, no database.
BARE = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@contextmanager
def listening(folder: Path, arguments: Sequence[str], **variables: str) -> Iterator[Callable[[], str]]:
    """Run the command outside of the repository while the block runs; yields a function that returns its output."""
    program = "import sys; from convoyclone.commands import main; sys.exit(main())"
    output = folder / "output"
    with output.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-c", program, "listen", *arguments],
            cwd=folder,
            env=BARE | variables,
            stdout=file,
            stderr=subprocess.STDOUT,
            # A shell has what it runs in the background ignore SIGINT, and so would this process.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )
        try:
            eventually(lambda: "Listening to " in output.read_text(), "it listens")
            yield output.read_text
        finally:
            process.send_signal(signal.SIGINT)
            code = process.wait(timeout=30)
            print(output.read_text())
    assert code == 0


def post(project: LiveProject, endpoint: str, data: dict[str, object]) -> str:
    """The id of the delivery of a new event."""
    body = {"endpoint_id": endpoint, "event_type": "order.created", "data": data}
    event = project.client.post(f"{project.path}/events", json=body).raise_for_status().json()["data"]["uid"]
    answer = project.client.get(f"{project.path}/eventdeliveries", params={"eventId": event})
    [delivery] = answer.raise_for_status().json()["data"]["content"]
    return str(delivery["uid"])


def paused_endpoint(project: LiveProject, **fields: str) -> str:
    """An endpoint to which the server sends nothing."""
    endpoint = project.make_endpoint(url="https://laptop.example.com/in", secret=SECRET, **fields)
    project.client.put(f"{project.endpoints}/{endpoint}/pause").raise_for_status()
    return endpoint


def test_with_a_key_copies_arrive_whose_signatures_verify(
    project: LiveProject, receiver: Receiver, tmp_path: Path
) -> None:
    endpoint, other = paused_endpoint(project), paused_endpoint(project)
    post(project, endpoint, {"number": 0})
    arguments = ["--url", project.server.url, "--forward", receiver.url("/hooks?a=1"), "--endpoint", endpoint]
    with listening(tmp_path, arguments, API_KEY=project.key, PROJECT_ID=project.uid) as output:
        deliveries = [post(project, endpoint, {"number": number, "note": "é"}) for number in (1, 2, 3)]
        post(project, other, {"number": 9})
        requests = receiver.wait_for(3)
        eventually(lambda: output().count("  200  order.created  ") >= 3, "each has a line")
    assert [request.header("webhook-id") for request in requests] == deliveries
    for request in requests:
        assert request.path == "/hooks?a=1"
        assert request.header("webhook-copy") == "1"
        standardwebhooks.webhooks.Webhook(standard_secret(SECRET)).verify(request.body, dict(request.headers))
    for delivery in deliveries:
        path = f"{project.path}/eventdeliveries/{delivery}"
        kept = project.client.get(path).json()["data"]
        assert (kept["status"], kept["metadata"]["num_trials"]) == ("Discarded", 0)


def test_with_a_portal_token_and_a_program_that_comes_later(project: LiveProject, tmp_path: Path) -> None:
    endpoint = paused_endpoint(project, owner_id="acme")
    link = {"name": "Acme", "owner_id": "acme", "can_manage_endpoint": True}
    token = project.client.post(project.links, json=link).raise_for_status().json()["data"]["token"]
    port = free_port()
    arguments = ["--url", project.server.url, "--forward", f"http://127.0.0.1:{port}"]
    with listening(tmp_path, arguments, PORTAL_TOKEN=token) as output:
        delivery = post(project, endpoint, {"number": 1})
        eventually(lambda: f"not handed on: Connection refused  order.created  {delivery}" in output(), "it says so")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--forward", "http://localhost:1"], "either an API key or a portal token"),
        (["--forward", "localhost:3000", "--token", "t"], "--forward must be an address"),
        (["--forward", "http://localhost:70000", "--token", "t"], "--forward must be an address"),
        (["--forward", "http://localhost:1", "--url", "http://[::1", "--token", "t"], "--url must be an address"),
        (["--forward", "http://localhost:1", "--key", "k"], "needs --project"),
    ],
)
def test_what_is_missing(tmp_path: Path, arguments: list[str], says: str) -> None:
    program = "import sys; from convoyclone.commands import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", program, "listen", *arguments],
        cwd=tmp_path,
        env=BARE,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert says in done.stderr


def test_a_credential_that_is_refused(project: LiveProject, tmp_path: Path) -> None:
    program = "import sys; from convoyclone.commands import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", program, "listen", "--url", project.server.url, "--forward", "http://localhost:1"],
        cwd=tmp_path,
        env=BARE | {"PORTAL_TOKEN": "wrong"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr == "convoyclone: the server refuses: authorization failed\n"

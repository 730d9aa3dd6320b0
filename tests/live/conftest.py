"""One running server for all tests of this folder, and a new project in it for each test."""

import json
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.server import ROOT, Server, environment

if TYPE_CHECKING:
    from svix.api import Svix


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server after its first start, which may send to receivers on this machine."""
    running = Server(tmp_path_factory.mktemp("server"), DELIVERY_ALLOWED_NETWORKS="127.0.0.0/8").prepared().start()
    yield running
    running.stop()


@pytest.fixture
def instance(server: Server) -> Iterator[httpx.Client]:
    """A client with the instance's key."""
    with server.client(server.quickstart["instance_api_key"]) as client:
        yield client


class LiveProject:
    """A project of its own, with its default key."""

    def __init__(self, server: Server, created: dict[str, Any]) -> None:
        self.server = server
        self.uid: str = created["project"]["uid"]
        self.key: str = created["api_key"]["key"]
        self.client = server.client(self.key)
        self.path = f"/projects/{self.uid}"
        self.links = f"{self.path}/portal-links"
        self.endpoints = f"{self.path}/endpoints"

    def make_endpoint(self, **fields: Any) -> str:
        """The id of a new endpoint."""
        answer = self.client.post(self.endpoints, json={"name": "In", "url": "https://hooks.example.com/in"} | fields)
        return str(answer.raise_for_status().json()["data"]["uid"])


@pytest.fixture
def project(server: Server, instance: httpx.Client) -> Iterator[LiveProject]:
    """A new project."""
    body = {"name": f"live {secrets.token_hex(8)}", "type": "outgoing"}
    created = LiveProject(server, instance.post("/projects", json=body).raise_for_status().json()["data"])
    with created.client:
        yield created


@pytest.fixture
def connect_svix(project: LiveProject) -> Iterator[Callable[[str], "Svix"]]:
    """Makes a client of Svix's package with a credential. The client has no close() of its own."""
    from svix.api import Svix, SvixOptions

    with ExitStack() as opened:

        def connect_svix(credential: str) -> Svix:
            client = Svix(credential, SvixOptions(server_url=project.server.url))
            opened.enter_context(client._httpx_client)
            return client

        yield connect_svix


#: Runs a management command for each line, and answers with what it prints.
COMMANDS = """
import io, json, sys
import django
from django.core.management import call_command
django.setup()
for line in sys.stdin:
    printed = io.StringIO()
    call_command(*json.loads(line), stdout=printed)
    print(json.dumps(printed.getvalue()), flush=True)
"""


@pytest.fixture(scope="session")
def run_command(server: Server) -> Iterator[Callable[..., str]]:
    """Runs management commands on the server's database, all in one process, and returns what they print."""
    env = environment(
        DATA_DIR=str(server.data), DATABASE_URL=server.database_url, DJANGO_SETTINGS_MODULE="convoyclone.settings"
    )
    command, pipe = [sys.executable, "-c", COMMANDS], subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=env, stdin=pipe, stdout=pipe, text=True) as run:
        asked, answers = run.stdin, run.stdout
        assert asked is not None
        assert answers is not None

        def run_command(*words: str) -> str:
            print(json.dumps(words), file=asked, flush=True)
            answer = answers.readline()
            assert answer, f"the process has ended at the command {words}"
            return str(json.loads(answer))

        yield run_command
        asked.close()


@pytest.fixture
def make_key(project: LiveProject, run_command: Callable[..., str]) -> Callable[..., str]:
    """Makes a key of the project with options of manage.py create_api_key."""

    def make(*options: str) -> str:
        return run_command("create_api_key", "--name=live", f"--project={project.uid}", *options).strip()

    return make

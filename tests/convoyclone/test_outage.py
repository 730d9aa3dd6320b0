"""The web server while its database does not answer: a 503 of each surface, soon, and all that needs no database."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from django.db import connection, transaction

from core.postgres.bounded import GRACE_SECONDS
from projects.models import Project
from projects.operations import create_api_key
from tests.conftest import Role
from tests.proxy import Proxy
from tests.server import ROOT, free_port
from tests.waiting import eventually

pytestmark = [pytest.mark.server, pytest.mark.django_db(transaction=True)]
STATEMENT_SECONDS = 2
#: The web server promises an answer within this, with its default of 4 seconds a statement.
PROMISED_SECONDS = 5
UNAVAILABLE = "the database is not available, try again"


@contextlib.contextmanager
def web_server(url: str, **more: str) -> Iterator[httpx.Client]:
    """One process of the web server with two threads, as production runs it, until the block ends."""
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--blocking-threads", "2", "--http", "1", "--no-ws", "--log-level", "warning"]
    settings = {"DATABASE_URL": url, "DATABASE_STATEMENT_SECONDS": str(STATEMENT_SECONDS), "PORT": str(port)} | more
    process = subprocess.Popen([*command, "convoyclone.wsgi:application"], cwd=ROOT, env=os.environ | settings)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:

            def is_up() -> bool:
                assert process.poll() is None
                with contextlib.suppress(httpx.TransportError):
                    return client.get("/healthz").status_code == 200
                return False

            eventually(is_up, "the web server answers")
            yield client
    finally:
        process.terminate()
        process.wait(30)


class TestADatabaseThatFallsSilent:
    def test_each_surface_says_so_in_time_and_files_are_served(self, project: Project) -> None:
        key = create_api_key(name="admin", role=Role.PROJECT_ADMIN, project=project)[1]
        paths = {
            f"/api/v1/projects/{project.uid}/endpoints": {"status": False, "message": UNAVAILABLE},
            "/portal-api/endpoints": {"status": False, "message": UNAVAILABLE},
            "/v1/webhooks/portal": {"error": "unavailable", "message": UNAVAILABLE},
            f"/portal/{project.uid}/": None,
            "/healthz": {"status": False, "message": "the database is not available"},
            "/readyz": {"status": False, "message": "the database is not available"},
            "/admin/": None,
        }
        headers = {"Authorization": f"Bearer {key}", "x-api-key": key, "Cookie": "sessionid=abcdefgh"}
        with Proxy() as proxy, web_server(proxy.url) as client:
            assert client.get(next(iter(paths)), headers=headers).status_code == 200
            proxy.fall_silent()
            started = time.monotonic()
            first = client.get(next(iter(paths)), headers=headers)
            assert first.status_code == 503
            assert STATEMENT_SECONDS < time.monotonic() - started < PROMISED_SECONDS
            with ThreadPoolExecutor(12) as threads:
                asked = [threads.submit(client.get, next(iter(paths)), headers=headers) for _ in range(12)]
                started = time.monotonic()
                assert client.get("/static/portal/portal.css").status_code == 200
                # One thread is trying the database, and the other is free.
                assert time.monotonic() - started < STATEMENT_SECONDS + GRACE_SECONDS
                assert {answer.result().status_code for answer in asked} == {503}
            for path, document in paths.items():
                method = "POST" if path == "/v1/webhooks/portal" else "GET"
                started = time.monotonic()
                answer = client.request(method, path, headers=headers, json={} if method == "POST" else None)
                assert (path, answer.status_code) == (path, 503)
                assert time.monotonic() - started < PROMISED_SECONDS
                if document is not None:
                    assert answer.json() == document
                else:
                    assert answer.headers["Content-Type"].startswith("text/html")
                    assert answer.headers["Retry-After"] == "1"
                    if path.startswith("/portal"):
                        assert "These pages are not available for the moment" in answer.text
                        assert "Content-Security-Policy" in answer.headers
            proxy.pass_on()
            eventually(lambda: client.get(next(iter(paths)), headers=headers).status_code == 200, "it is back")

    def test_a_lock_that_is_held_ends_with_a_503(self, project: Project) -> None:
        key = create_api_key(name="admin", role=Role.PROJECT_ADMIN, project=project)[1]
        path, headers = f"/api/v1/projects/{project.uid}/endpoints", {"Authorization": f"Bearer {key}"}
        with Proxy() as proxy, web_server(proxy.url) as client:
            assert client.get(path, headers=headers).status_code == 200
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("LOCK TABLE endpoints_endpoint")
                answer = client.get(path, headers=headers)
                assert (answer.status_code, answer.json()["message"]) == (503, UNAVAILABLE)
                # The database has ended the statement: its connection is still good.
                assert client.get("/healthz").status_code == 200
            assert client.get(path, headers=headers).status_code == 200

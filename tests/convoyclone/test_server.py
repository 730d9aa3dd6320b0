"""script/server, as a process: what it prints, what it leaves behind, and when it refuses to start."""

import contextlib
import fcntl
import os
import re
import secrets
import signal
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import psycopg
import pytest

from tests.convoyclone.pasting import link_command_of_the_readme, paste
from tests.server import START_SECONDS, Server, free_port, stop_seconds
from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.server

QUICKSTART = {
    *("base_url", "portal_url", "receiver_url", "docs_url", "admin_url", "admin_user", "admin_password"),
    *("project_id", "api_key", "instance_api_key", "owner_id", "endpoint_ids", "portal_link_id"),
}


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server that is killed again and again."""
    server = Server(tmp_path_factory.mktemp("victim")).prepared().start()
    yield server
    server.stop()


def is_free(server: Server) -> bool:
    """Whether a server on this folder and port would have both for itself."""
    with (server.data / "server.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return not server.is_listening()


def until(condition: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> bool:
    """Whether `condition` comes true."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()


def without_figures(link: dict[str, Any]) -> dict[str, Any]:
    """A link without what the worker changes in its endpoints, to which it sends the demo's events meanwhile."""
    figures = {"events", "failure_rate", "cb_state"}
    kept = [{name: one[name] for name in one.keys() - figures} for one in link["endpoints_metadata"]]
    return link | {"endpoints_metadata": kept}


class TestFirstAndSecondRun:
    def test_the_second_run_is_the_first_ones_continuation(self, server: Server) -> None:
        server.start()
        known = server.quickstart
        assert known.keys() == QUICKSTART
        for name in ("quickstart.json", "secrets.json"):
            assert stat.S_IMODE((server.data / name).stat().st_mode) == 0o600
        assert known["base_url"] == server.url
        assert len(known["endpoint_ids"]) == 3

        for name in ("portal_url", "receiver_url", "docs_url", "admin_url", "admin_password"):
            assert known[name] in server.stdout
        pasted = paste(server, link_command_of_the_readme(server))
        assert pasted["data"]["endpoint_count"] == 3
        with httpx.Client(base_url=server.url, trust_env=False) as browser:
            assert browser.get(known["docs_url"]).status_code == 200
            assert browser.get(known["portal_url"]).status_code == 200
            welcome = browser.get("/")
            assert [welcome.status_code, known["portal_url"] in welcome.text] == [200, True]
            self.log_in(browser, known["admin_user"], known["admin_password"])
        assert server.stderr == ""
        printed = server.stdout

        server.stop()
        server.start()
        assert server.quickstart == known
        assert server.stdout == printed
        with server.client() as client, server.client(known["instance_api_key"]) as instance:
            link = client.get(f"/projects/{known['project_id']}/portal-links/{pasted['data']['uid']}").json()
            assert without_figures(link["data"]) == without_figures(pasted["data"])
            assert len(instance.get("/projects").json()["data"]) == 1

    @staticmethod
    def log_in(browser: httpx.Client, user: str, password: str) -> None:
        browser.get("/admin/login/").raise_for_status()
        form = {"username": user, "password": password, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        assert browser.post("/admin/login/?next=/admin/", data=form).headers["Location"] == "/admin/"

    def test_another_name_of_the_host_and_a_proxy_that_is_not_asked(self, server: Server) -> None:
        server.settings |= {"ALLOWED_HOSTS": "hooks.example.com", "BASE_URL": "https://hooks.example.com/"}
        server.settings |= {"http_proxy": f"http://127.0.0.1:{free_port()}", "WORKERS": "1"}
        server.prepared().start()
        assert server.quickstart["base_url"] == "https://hooks.example.com"
        answer = httpx.get(f"{server.url}/healthz", headers={"Host": "hooks.example.com"}, trust_env=False)
        assert answer.status_code == 200


class TestStop:
    def test_within_five_seconds_and_nothing_is_left(self, server: Server) -> None:
        server.prepared()
        # Some programs leave it ignored for those that they start that a child process has ended.
        for number, of_children in ((signal.SIGTERM, signal.SIG_DFL), (signal.SIGINT, signal.SIG_IGN)):
            before = signal.signal(signal.SIGCHLD, of_children)
            server.spawn()
            signal.signal(signal.SIGCHLD, before)
            server.wait_until_printed("Ctrl-C stops it.")
            self.stops(server, number)

    def stops(self, server: Server, number: int) -> None:
        assert server.process is not None
        # A fork of a process with more threads could wait for ever for what another thread has locked.
        assert psutil.Process(server.process.pid).num_threads() == 1
        with socket.create_connection(("127.0.0.1", server.port)) as stalled:
            # Somebody is in the middle of a request that never ends.
            head = f"POST /api/v1/projects HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.key(server)}\r\n"
            stalled.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
            assert server.signal(number) < stop_seconds()
        assert server.process.returncode == 0
        assert server.processes() == []
        assert is_free(server)
        assert not (server.data / "postgres" / "postmaster.pid").exists()
        assert server.stderr == ""

    def test_the_web_server_answers_until_the_worker_has_ended(self, server: Server) -> None:
        # The demo's receiver asks it for the secrets of the webhooks that the worker is still sending.
        server.settings["WORKERS"] = "1"
        server.prepared().start()
        assert server.process is not None
        with socket.create_server(("127.0.0.1", 0)) as listener, server.client() as client:
            path = f"/projects/{server.quickstart['project_id']}"
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
            endpoint = client.post(f"{path}/endpoints", json={"name": "Slow", "url": url}).json()["data"]["uid"]
            event = {"endpoint_id": endpoint, "event_type": "order.created", "data": {}}
            client.post(f"{path}/events", json=event).raise_for_status()
            request, _ = listener.accept()
            with request:
                server.process.send_signal(signal.SIGTERM)
                for _ in range(20):
                    assert client.get(f"{server.url}/healthz").status_code == 200
                    time.sleep(0.05)
                request.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        assert server.process.wait(START_SECONDS) == 0
        assert (server.processes(), server.stderr) == ([], "")

    @staticmethod
    def interrupt(server: Server, moment: str) -> None:
        server.spawn()
        assert until(lambda: any(server.data.glob(moment))), moment
        assert server.signal(signal.SIGTERM) < stop_seconds(), moment
        assert server.process is not None
        assert (server.process.returncode, server.stderr) == (0, ""), moment
        assert until(lambda: server.processes() == [], stop_seconds()), moment
        assert is_free(server), moment

    @staticmethod
    def key(server: Server) -> str:
        return str(server.quickstart["instance_api_key"])

    def test_while_it_starts(self, server: Server) -> None:
        """One start after the other, each of which comes further, and the last one to its end."""
        for moment in ("secrets.json", "postgres.partial-*/PG_VERSION", "postgres/postmaster.pid", "quickstart.json"):
            self.interrupt(server, moment)
        server.start()
        with server.client() as client:
            assert client.get("/projects").json()["data"][0]["uid"] == server.quickstart["project_id"]


def web_server(server: Server) -> psutil.Process:
    """Granian's main process, whose id stands first in the lock."""
    return psutil.Process(int((server.data / "server.lock").read_text().split()[0]))


def kill_server(server: Server) -> None:
    assert server.process is not None
    server.process.kill()


def kill_group(server: Server) -> None:
    assert server.process is not None
    os.killpg(server.process.pid, signal.SIGKILL)


def kill_everything(server: Server) -> None:
    """As a power cut does, after which another process gets the database's process id."""

    def nothing_is_left() -> bool:
        for process in server.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                for one in [*process.children(recursive=True), process]:
                    one.kill()
        return server.processes() == []

    assert until(nothing_is_left)
    pid_file = server.data / "postgres" / "postmaster.pid"
    pid_file.write_text("\n".join([str(os.getpid()), *pid_file.read_text().splitlines()[1:]]) + "\n")


def kill_all_but_the_workers(server: Server) -> None:
    """The web server's workers stay behind without anybody who would end them, and listen."""
    assert server.process is not None
    main = web_server(server)
    main.suspend()
    server.process.kill()
    main.kill()


def kill_web_server(server: Server) -> None:
    """Granian's main process dies, and leaves its workers behind."""
    main = web_server(server)
    main.kill()


def refuses(server: Server, why: str) -> None:
    """Assert that the server does not start, says why in one line, and leaves nothing running."""
    code, text = server.refusal()
    assert code == 1
    assert re.fullmatch(rf"convoyclone: {why}\n", text), text
    assert server.stdout == ""
    assert server.processes() == []


def test_a_second_server_on_the_same_folder_is_refused(victim: Server, tmp_path: Path) -> None:
    refuses(
        Server(tmp_path / "second", DATA_DIR=str(victim.data)),
        r"another server uses the data folder .+; set DATA_DIR for this one",
    )
    with victim.client() as client:
        assert client.get("/projects").status_code == 200


class TestKill:
    @pytest.mark.parametrize(
        "kill", [kill_server, kill_group, kill_everything, kill_web_server, kill_all_but_the_workers]
    )
    def test_what_was_answered_with_201_is_there_after_the_restart(
        self, victim: Server, kill: Callable[[Server], None]
    ) -> None:
        links = f"/projects/{victim.quickstart['project_id']}/portal-links"
        created: list[dict[str, object]] = []
        enough, killed = threading.Event(), threading.Event()

        def write(number: int) -> None:
            with victim.client() as client, contextlib.suppress(httpx.TransportError):
                while not killed.is_set():
                    body = {"name": f"{number}", "owner_id": f"{number}", "auth_type": "refresh_token"}
                    answer = client.post(links, json=body)
                    if answer.status_code == 503:
                        return  # the database was killed before the web server
                    assert answer.status_code == 201, answer.text
                    created.append(answer.json()["data"])
                    if len(created) > 50:
                        enough.set()

        with ThreadPoolExecutor(4) as pool:
            writers = [pool.submit(write, number) for number in range(4)]
            try:
                assert enough.wait(30)
                kill(victim)
            finally:
                killed.set()
            for writer in writers:
                writer.result()
        assert victim.process is not None
        victim.process.wait(stop_seconds())

        victim.start()
        with victim.client() as client:
            stored: dict[str, str] = {}
            cursor = ""
            while True:
                page = client.get(links, params={"perPage": 1000, "next_page_cursor": cursor}).json()["data"]
                stored |= {link["uid"]: link["token"] for link in page["content"]}
                cursor = page["pagination"]["next_page_cursor"]
                if not page["pagination"]["has_next_page"]:
                    break
            assert {link["uid"]: link["token"] for link in created}.items() <= stored.items()
            assert client.post(links, json={"name": "after", "owner_id": "after"}).status_code == 201

    def test_killed_workers_are_replaced(self, victim: Server) -> None:
        main = web_server(victim)
        assert until(lambda: len(main.children()) == 2)
        killed = main.children()
        for worker in killed:
            worker.kill()

        def answers() -> bool:
            with contextlib.suppress(httpx.TransportError):
                return httpx.get(f"{victim.url}/healthz", trust_env=False).status_code == 200
            return False

        assert until(lambda: len(set(main.children()) - set(killed)) == 2)
        assert until(answers)

    def test_the_end_after_all_that_leaves_nothing(self, victim: Server) -> None:
        assert victim.signal(signal.SIGTERM) < stop_seconds()
        assert victim.processes() == []
        assert is_free(victim)


class TestRefuses:
    def test_a_port_in_use(self, server: Server) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", server.port))
            taken.listen()
            refuses(server, rf"cannot listen on 127.0.0.1 port {server.port}: Address already in use")

    @pytest.mark.parametrize("port", ["0", "-1", "65536", "http", "²"])
    def test_what_is_no_port(self, server: Server, port: str) -> None:
        server.settings["PORT"] = port
        refuses(server, "PORT must be .+")

    def test_a_host_that_is_not_this_machines(self, server: Server) -> None:
        server.settings["HOST"] = "192.0.2.1"
        refuses(server, rf"cannot listen on 192.0.2.1 port {server.port}: .+")

    @pytest.mark.parametrize("place", [".", "below"])
    def test_a_data_folder_that_is_a_file(self, server: Server, tmp_path: Path, place: str) -> None:
        (tmp_path / "file").write_text("")
        server.settings["DATA_DIR"] = str(tmp_path / "file" / place)
        refuses(server, r"the data folder .*file\S* cannot be written: .+")

    @pytest.mark.parametrize(
        "url",
        ["mysql://127.0.0.1/x", "dbname=x", "postgresql://[", "postgresql://127.0.0.1:port/x", "postgresql:///?what=1"],
    )
    def test_a_malformed_database_url(self, server: Server, url: str) -> None:
        server.settings["DATABASE_URL"] = url
        refuses(server, ".*DATABASE_URL.+")

    def test_a_database_that_does_not_answer(self, server: Server) -> None:
        server.settings["DATABASE_URL"] = f"postgresql://nobody@127.0.0.1:{free_port()}/x"
        refuses(server, "cannot connect to the database of DATABASE_URL: .+refused.+")

    def test_a_database_that_may_not_be_written(self, server: Server, own_database: str) -> None:
        role = f"reader_{secrets.token_hex(4)}"
        with psycopg.connect(own_database, autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {role} LOGIN")
            try:
                parts = urlsplit(own_database)
                server.settings["DATABASE_URL"] = parts._replace(netloc=f"{role}@").geturl()
                refuses(server, "the database cannot be prepared: .*permission denied.*")
            finally:
                connection.execute(f"DROP ROLE {role}")

    @pytest.mark.parametrize("name", ["SECRET_KEY", "API_KEY_PEPPER", "ENCRYPTION_KEYS"])
    def test_a_short_secret(self, server: Server, name: str) -> None:
        server.settings[name] = "short"
        refuses(server, f"{name} must be .+")

    def test_a_base_url_that_is_none(self, server: Server) -> None:
        server.settings["BASE_URL"] = "ftp://127.0.0.1"
        refuses(server, "BASE_URL must be .+")


class TestOwnDatabase:
    def test_it_is_used_and_left_running(self, server: Server, own_database: str) -> None:
        server.settings |= {"DATABASE_URL": own_database, "WORKERS": "1"}
        server.start()
        known = server.quickstart
        with server.client() as client:
            path = f"/projects/{known['project_id']}/portal-links"
            assert client.post(path, json={"name": "Acme", "owner_id": "acme"}).json()["data"]["endpoint_count"] == 3
        assert not (server.data / "postgres").exists()
        assert server.signal(signal.SIGTERM) < stop_seconds()
        with psycopg.connect(own_database) as connection:
            links = connection.execute("SELECT name FROM portal_links_portallink ORDER BY uid").fetchall()
            # That of the demo, and the one that was created here
            assert links == [("Acme webhooks",), ("Acme",)]

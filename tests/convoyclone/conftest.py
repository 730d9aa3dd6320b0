"""Servers that are processes, a database for them, and the places of a process without one."""

import os
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from convoyclone import places
from convoyclone.places import PLACES
from convoyclone.threads import THREADS
from tests.convoyclone.place_requests import Connections, Requests
from tests.server import Server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server that is not started yet."""
    server = Server(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def own_database() -> Iterator[str]:
    """The URL of a new database on a PostgreSQL that is not the server's."""
    url = os.environ["DATABASE_URL"]
    name = f"own_{secrets.token_hex(4)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield urlsplit(url)._replace(path=f"/{name}").geturl()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def without_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "connections", Connections())


@pytest.fixture
def requests(without_database: None) -> Iterator[Requests]:
    with ThreadPoolExecutor(THREADS) as pool:
        made = Requests(pool, PLACES)
        made.meet_others()
        try:
            yield made
        finally:
            made.end_all()

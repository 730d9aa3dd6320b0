"""Servers that are processes, and a database for them."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

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

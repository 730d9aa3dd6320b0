"""A pytest plugin: a real PostgreSQL and fresh secrets, before Django reads its settings.

Without DATABASE_URL an embedded PostgreSQL is made for this run, in a temporary folder, and thrown
away after it. The workers of pytest-xdist find it in the environment.
"""

import atexit
import base64
import os
import secrets
import shutil
import tempfile
from pathlib import Path

import psycopg
import pytest

from convoyclone import database

if "PYTEST_XDIST_WORKER" not in os.environ:
    # What is in the developer's own data folder must not decide what the tests see.
    folder = Path(tempfile.mkdtemp(prefix="convoyclone-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["DATA_DIR"] = str(folder)
    os.environ["SECRET_KEY"] = secrets.token_urlsafe(48)
    os.environ["API_KEY_PEPPER"] = secrets.token_urlsafe(48)
    os.environ["ENCRYPTION_KEYS"] = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    embedded = not os.environ.get("DATABASE_URL")
    url = database.ensure_running()
    if embedded:
        # Nobody needs the tests' rows after a power cut.
        with psycopg.connect(url, autocommit=True) as connection:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                connection.execute(f"ALTER SYSTEM SET {setting} = off")
            connection.execute("SELECT pg_reload_conf()")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Keep tmp_path in the folder of this run.

    pytest shuts its usual folder to other users whenever a session begins, and so would end the start
    of an embedded PostgreSQL beneath it, which runs as another user where the tests are root.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ and not config.option.basetemp:
        config.option.basetemp = str(folder / "tmp")

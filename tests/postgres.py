"""A pytest plugin: a real PostgreSQL and fresh secrets, before Django reads its settings.

Without DATABASE_URL an embedded PostgreSQL is made for this run, in a temporary folder, and thrown
away after it. The workers of pytest-xdist find it in the environment.
"""

import atexit
import base64
import gc
import os
import re
import secrets
import shutil
import tempfile
from pathlib import Path

import certifi
import psycopg
import pytest

from convoyclone import database
from tests.outbound.certificates import Authority

# All that is imported and collected stays: to look for garbage in it takes a fifth of the time. tests/conftest.py has
# it looked for while tests run.
gc.disable()

PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")


def documented_settings() -> set[str]:
    """The names in the first column of the table of settings."""
    rows = re.findall(r"^\|([^|]*`[^|]*)\|", (database.BASE_DIR / "docs/settings.md").read_text("utf-8"), re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}


def forget_the_callers_environment() -> None:
    """Remove what the caller's shell has for other programs, and every setting but DATABASE_URL."""
    database.own_the_environment()
    settings = documented_settings() - {"DATABASE_URL"}
    for name in list(os.environ):
        is_python = name.startswith("PYTHON") and name != "PYTHONHASHSEED"
        is_django = name.startswith("DJANGO_") and name != "DJANGO_SETTINGS_MODULE"
        if name in settings or is_python or is_django or name.lower() in PROXIES:
            del os.environ[name]


if "PYTEST_XDIST_WORKER" not in os.environ:
    forget_the_callers_environment()
    # The developer's own data folder must not influence the tests.
    folder = Path(tempfile.mkdtemp(prefix="convoyclone-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["DATA_DIR"] = str(folder)
    os.environ["SECRET_KEY"] = secrets.token_urlsafe(48)
    os.environ["API_KEY_PEPPER"] = secrets.token_urlsafe(48)
    # Nor does it matter which authorities the machine trusts, and each HTTP client would read them all.
    # The file must hold one: httpx refuses a file without any.
    os.environ["SSL_CERT_FILE"] = Authority(folder, "authority of nobody").file
    os.environ["SSL_CERT_DIR"] = str(folder / "no-authorities")
    os.environ["ENCRYPTION_KEYS"] = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    # No test looks up a name on the internet; those of the pre-flight switch it on.
    os.environ["PORTAL_PREFLIGHT"] = "0"
    embedded = not os.environ.get("DATABASE_URL")
    url = database.ensure_running()
    if embedded:
        # Nobody needs the tests' rows after a power cut.
        with psycopg.connect(url, autocommit=True) as connection:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                connection.execute(f"ALTER SYSTEM SET {setting} = off")
            connection.execute("SELECT pg_reload_conf()")


# httpx reads certifi's 140 authorities for each of its clients, 20 ms of a processor, where it must not ask the
# environment which to trust. No test calls a server that one of them has signed.
authority = os.environ["SSL_CERT_FILE"]
setattr(certifi, "where", lambda: authority)  # noqa: B010


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Keep tmp_path in the folder of this run.

    pytest shuts its usual folder to other users whenever a session begins, and so would end the start
    of an embedded PostgreSQL beneath it, which runs as another user where the tests are root.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ and not config.option.basetemp:
        config.option.basetemp = str(folder / "tmp")

"""Which modules a process loads before it has anything to do: each costs time at the start, and memory."""

import subprocess
import sys

import pytest

from convoyclone.database import BASE_DIR

pytestmark = pytest.mark.server

WEB = "import convoyclone.wsgi; from django.urls import get_resolver; get_resolver().url_patterns"
WORKER = "import django; django.setup(); import engine.management.commands.deliver"


@pytest.mark.parametrize(
    ("load", "is_loaded"),
    [(WEB, {"aiohttp": False}), (WORKER, {"aiohttp": True, "aiohttp.web": False})],
    ids=["web", "worker"],
)
def test_the_http_client_is_loaded_only_where_it_sends(load: str, is_loaded: dict[str, bool]) -> None:
    code = f"{load}; import sys; print([name in sys.modules for name in {list(is_loaded)!r}])"
    done = subprocess.run([sys.executable, "-c", code], cwd=BASE_DIR, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(list(is_loaded.values()))

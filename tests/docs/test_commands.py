"""The commands of the README and of the documentation's pages, pasted into a shell at a server with its demo."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from convoyclone import embedded_user
from tests.server import ROOT, Server, environment
from tests.waiting import eventually

pytestmark = pytest.mark.server

PAGES = ["README.md", *(f"docs/{name}.md" for name in ("index", "send", "moving", "install", "upgrade", "backup"))]
#: The two commands of the README, which tests/test_hostile_start.py and CI run.
OWN_TESTS = {"script/server", "script/test"}
_FENCE = re.compile(
    r"(?:^ *<!-- not run: (?P<reason>[^\n]+) -->\n)?^ *```(?P<language>sh|python)\n(?P<code>.*?)\n *```$",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """A fenced block of commands, and the reason why it is not run."""

    language: str
    code: str
    reason: str


def blocks(page: str) -> list[Block]:
    """The blocks of a page, in its order."""
    text = (ROOT / page).read_text("utf-8")
    return [Block(found["language"], found["code"], found["reason"] or "") for found in _FENCE.finditer(text)]


def to_run(page: str, language: str) -> list[str]:
    """The code of a page's blocks that a test can run."""
    return [
        one.code for one in blocks(page) if one.language == language and not one.reason and one.code not in OWN_TESTS
    ]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server after its first start."""
    running = Server(tmp_path_factory.mktemp("docs")).start()
    yield running
    running.stop()


def variables(server: Server, folder: Path) -> dict[str, str]:
    """The environment of a reader: the server's, the exported line, and programs on PATH; curl says what fails."""
    (folder / ".curlrc").write_text("fail-with-body\nsilent\nshow-error\n")
    known, secrets = server.quickstart, json.loads((server.data / "secrets.json").read_text())
    return environment(
        **secrets,
        DATABASE_URL=server.database_url,
        RESTORED_URL=server.database_url.replace("@/postgres?", "@/restored?"),
        BASE_URL=server.url,
        DATA_DIR=str(folder / "data"),
        PROJECT_ID=known["project_id"],
        API_KEY=known["api_key"],
        CURL_HOME=str(folder),
        PATH=f"{embedded_user.program_folder()}{os.pathsep}{os.environ['PATH']}",
    )


def paste(server: Server, folder: Path, codes: list[str]) -> str:
    """Run blocks in one shell, as a reader does, and return what they print."""
    script = "\n".join(["set -euo pipefail", f"cd {shlex.quote(str(ROOT))}", *codes])
    script = script.replace("http://127.0.0.1:8000", server.url).replace(
        ".venv/bin/python", shlex.quote(sys.executable)
    )
    script = script.replace("> convoyclone.dump", f"> {folder}/convoyclone.dump")
    script = script.replace('"$RESTORED_URL" convoyclone.dump', f'"$RESTORED_URL" {folder}/convoyclone.dump')
    done = subprocess.run(
        ["bash", "-c", script], env=variables(server, folder), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_readme_shows_what_script_server_prints(running: Server) -> None:
    shown = (ROOT / "README.md").read_text("utf-8").partition("```\nConvoyClone is running")[2].partition("```")[0]
    printed = running.stdout.partition("ConvoyClone is running")[2]

    def words(text: str) -> list[str]:
        return re.findall(r"^ *(\w+(?: \w+)?) {2,}|^(export PROJECT_ID)=\S+ (API_KEY)=", text, re.MULTILINE)

    assert len(words(shown)) == 6
    assert words(shown) == words(printed)


@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_the_event_of_the_first_minute_arrives_and_the_link_opens(running: Server, tmp_path: Path, page: str) -> None:
    printed = paste(running, tmp_path, to_run(page, "sh"))
    link = json.loads(printed[printed.rindex('{"status":') :])["data"]
    assert urlsplit(link["url"]).netloc == urlsplit(running.url).netloc
    assert httpx.get(link["url"], trust_env=False).status_code == 200
    received = f"{running.quickstart['receiver_url']}/"
    eventually(lambda: "ORD-1044" in httpx.get(received, trust_env=False).text, "the event arrives")


def test_the_commands_of_sending(running: Server, tmp_path: Path) -> None:
    printed = paste(running, tmp_path, to_run("docs/send.md", "sh"))
    assert "ORD-1045" in printed
    assert "Subscription created successfully" in printed


def test_the_commands_and_programs_of_moving(running: Server, tmp_path: Path) -> None:
    assert running.url in paste(running, tmp_path, to_run("docs/moving.md", "sh"))
    create = 'TOKEN=$(.venv/bin/python manage.py create_api_key --name Nahook --project "$PROJECT_ID" --nahook)'
    programs = to_run("docs/moving.md", "python")
    assert len(programs) == 3
    for number, program in enumerate(programs):
        names = 'import os\nproject_id, api_key = os.environ["PROJECT_ID"], os.environ["API_KEY"]\n'
        path = tmp_path / f"program{number}.py"
        text = f'{names}management_token = os.environ["TOKEN"]\n{program}\n'
        path.write_text(text.replace("http://127.0.0.1:8000", running.url))
        assert "/portal" in paste(running, tmp_path, [create, f"TOKEN=$TOKEN .venv/bin/python {path}"])


def test_a_restored_backup_is_the_database_and_has_new_keys(running: Server, tmp_path: Path) -> None:
    with psycopg.connect(running.database_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE restored TEMPLATE template0")
    dump, restore, rotate = to_run("docs/backup.md", "sh")
    paste(running, tmp_path, [dump, restore])
    restored = variables(running, tmp_path)["RESTORED_URL"]
    counts = "SELECT (SELECT count(*) FROM endpoints_endpoint), (SELECT count(*) FROM projects_apikey)"
    with psycopg.connect(restored) as copy, psycopg.connect(running.database_url) as original:
        assert copy.execute(counts).fetchone() == original.execute(counts).fetchone()
    # On the copy: the running server must keep its keys.
    lines = paste(running, tmp_path, ['export DATABASE_URL="$RESTORED_URL"', rotate]).splitlines()
    first, second = lines[: len(lines) // 2], lines[len(lines) // 2 :]
    assert any(" 0 re-encrypted" not in line for line in first)
    assert all(" 0 re-encrypted" in line for line in second)


def test_each_block_is_run_or_says_why_not() -> None:
    ran = {"README.md", "docs/index.md", "docs/send.md", "docs/moving.md", "docs/backup.md"}
    for page in PAGES:
        for block in blocks(page):
            assert page in ran or block.reason, f"{page}: {block.code}"

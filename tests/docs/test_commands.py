"""The commands of the README and of the documentation's pages, pasted into a shell at a server with its demo."""

import json
import os
import re
import shlex
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from convoyclone import embedded_user
from outbound.signatures import convoy_signature, standard_headers
from tests.server import ROOT, Server, environment
from tests.waiting import eventually

pytestmark = pytest.mark.server

#: The pages with the languages of which a test runs every block that does not say why not.
PAGES = {
    "README.md": {"sh"},
    "docs/index.md": {"sh"},
    "docs/send.md": {"sh"},
    "docs/moving.md": {"sh", "python"},
    "docs/signatures.md": {"python"},
    "docs/install.md": set[str](),
    "docs/upgrade.md": {"sh"},
    "docs/backup.md": {"sh"},
    "docs/operations.md": {"sh"},
    "docs/performance.md": set[str](),
}
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


def text_of(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def blocks(page: str) -> list[Block]:
    """The blocks of a page, in its order; those of a list without the indentation that they have there."""
    found = _FENCE.finditer(text_of(page))
    return [Block(one["language"], textwrap.dedent(one["code"]), one["reason"] or "") for one in found]


def to_run(page: str, language: str) -> list[str]:
    """The code of a page's blocks that a test can run."""
    return [
        one.code for one in blocks(page) if one.language == language and not one.reason and one.code not in OWN_TESTS
    ]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server after its first start."""
    running = Server(tmp_path_factory.mktemp("docs")).prepared().start()
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
        OWNER_ID="globex",
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
    script = script.replace("owner.jsonl", f"{folder}/owner.jsonl").replace("> key.txt", f"> {folder}/key.txt")
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


def test_the_commands_of_operating(running: Server, tmp_path: Path) -> None:
    path = f"/projects/{running.quickstart['project_id']}/endpoints"
    body = {"name": "Globex", "url": "https://globex.example.com/in", "owner_id": "globex"}
    with running.client(running.quickstart["api_key"]) as client:
        endpoint = client.post(path, json=body).raise_for_status().json()["data"]["uid"]
        keys, forget = to_run("docs/operations.md", "sh")
        assert paste(running, tmp_path, [keys]).count("CO.") == 2
        assert (tmp_path / "key.txt").read_text().startswith("CO.")
        printed = paste(running, tmp_path, [forget])
        assert printed.index("To delete: ") < printed.index("Deleted: ")
        assert endpoint in (tmp_path / "owner.jsonl").read_text()
        assert client.get(f"{path}/{endpoint}").status_code == 404


def test_the_upgrade_migrates_a_database_of_the_first_version(running: Server, tmp_path: Path) -> None:
    with psycopg.connect(running.database_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE older TEMPLATE template0")
    [migrate] = to_run("docs/upgrade.md", "sh")
    apps = sorted({path.parts[-3] for path in ROOT.glob("*/migrations/0001_initial.py")})
    assert "events" in apps
    older = ['export DATABASE_URL="${DATABASE_URL/@\\/postgres?/@/older?}"']
    # In one process: to begin one for each app takes longer than to migrate.
    first = f"from django.core.management import call_command\nfor app in {apps}: call_command('migrate', app, '0001')"
    paste(running, tmp_path, [*older, f".venv/bin/python manage.py shell --no-imports -c {shlex.quote(first)}"])
    printed = paste(running, tmp_path, [*older, migrate, ".venv/bin/python manage.py migrate --check"])
    newest = max(path.stem for path in ROOT.glob("events/migrations/0*.py"))
    assert f"Applying events.{newest}... OK" in printed


def test_the_programs_that_verify(running: Server, tmp_path: Path) -> None:
    """Those of docs/signatures.md, with a request that is signed as the server does it."""
    plain, timestamp, body = "5VkBzC8mBfQbgWZRSUFnXvDn_", int(time.time()), b'{"a":1}'
    versions = [{"hash": "SHA256", "encoding": "hex"}]
    signature = convoy_signature(body, secrets=[plain], versions=versions, advanced=True, timestamp=timestamp)
    headers = standard_headers(body, message_id="msg", timestamp=timestamp, secrets=[plain])
    programs = to_run("docs/signatures.md", "python")
    assert len(programs) == 3
    given = f"body, headers = {body!r}, {headers | {'X-Convoy-Signature': signature}!r}\n"
    path = tmp_path / "program.py"
    path.write_text("\n".join([given, *programs, "print('genuine' if is_genuine else 'forged')"]))
    assert paste(running, tmp_path, [f".venv/bin/python {path}"]) == "genuine\n"
    path.write_text(path.read_text().replace("headers = b'{", "headers = b' {"))
    with pytest.raises(AssertionError, match="WebhookVerificationError"):
        paste(running, tmp_path, [f".venv/bin/python {path}"])


def test_each_block_is_run_or_says_why_not() -> None:
    for page, languages in PAGES.items():
        assert blocks(page), page
        for block in blocks(page):
            assert block.language in languages or block.reason, f"{page}: {block.code}"


def test_no_other_page_has_commands() -> None:
    pages = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")} - PAGES.keys()
    assert [page for page in sorted(pages) if blocks(page)] == []
    # Another name of the shell would hide a block from this file.
    named = [page for page in sorted(PAGES) if re.search(r"^ *```(bash|shell|console|zsh|py)\b", text_of(page), re.M)]
    assert named == []

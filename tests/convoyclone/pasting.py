"""Pasting commands, the README's and those that script/server prints, into a shell."""

import json
import re
import shutil
import subprocess
from typing import Any

import httpx

from tests.server import ROOT, Server, environment


def link_command_of_the_readme(server: Server) -> str:
    """The README's curl that creates a portal link, at the address of this server."""
    text = (ROOT / "README.md").read_text("utf-8")
    found = re.search(r"^curl \S+/portal-links .*?(?=\n```)", text, re.MULTILINE | re.DOTALL)
    assert found
    return found[0].replace("http://127.0.0.1:8000", server.url)


def printed_command(server: Server) -> str:
    """The one curl that the server has printed."""
    [command] = [line for line in server.stdout.splitlines() if line.startswith("curl ")]
    return command


def paste(server: Server, command: str) -> dict[str, Any]:
    """The answer to a curl command after the line of exports that the server has printed."""
    [exports] = [line for line in server.stdout.splitlines() if line.startswith("export ")]
    if shutil.which("curl"):
        done = subprocess.run(
            ["sh", "-c", f"{exports}\n{command} --silent"],
            env=environment(),
            capture_output=True,
            check=True,
            timeout=30,
        )
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer
    for name, value in re.findall(r"(\w+)=(\S+)", exports):
        command = command.replace(f"${name}", value)
    url = command.split()[1]
    headers = dict(re.findall(r"""-H ['"]([^:'"]+): ([^'"]+)['"]""", command))
    body = re.findall(r"-d '([^']+)'", command)[0]
    return dict(httpx.post(url, headers=headers, content=body, trust_env=False).json())

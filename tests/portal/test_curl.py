"""The command that "Copy as curl" copies, as a shell reads it."""

import subprocess
import unicodedata

import pytest

from portal.curl import LONGEST_BODY, curl_command, quoted

HEADERS = [("Content-Type", "application/json"), ("X-Tenant", "it's $HOME `id` \\ \"")]
BODIES = [
    '{"invoice":991}',
    "it's",
    "'; rm -rf / #",
    '"$(id)" `id` !! !$ \\ \\\\ *',
    "@/etc/passwd",
    "-x",
    "",
    "two\nlines\r\n",
    "\x1b[201~; id\n",
    "\x03\x04\x15\x17\x7f\x9b",
    "'\\\x01 quote, backslash and a control character",
    "\u202eturned\u2028",
    "ä € 😀",
]


def words(command: str) -> list[str]:
    """The words of a command, as bash reads it."""
    script = f'curl() {{ printf "%s\\0" "$@"; }}\n{command}'
    run = subprocess.run(["bash", "-c", script], capture_output=True, check=True)
    assert run.stderr == b""
    return run.stdout.decode().split("\0")[:-1]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_a_shell_reads_the_body_as_one_word(body: str) -> None:
    command = curl_command("https://hooks.example.com/in?a=1&b=[2]", HEADERS, body)
    assert words(command) == [
        *("--globoff", "--request", "POST", "https://hooks.example.com/in?a=1&b=[2]"),
        *("--header", "Content-Type: application/json", "--header", "X-Tenant: it's $HOME `id` \\ \""),
        *("--data-raw", body),
    ]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_a_terminal_sees_no_control_character(body: str) -> None:
    command = curl_command("https://hooks.example.com/", HEADERS, body).replace(" \\\n  ", " ")
    assert {unicodedata.category(character) for character in command}.isdisjoint({"Cc", "Cf", "Zl", "Zp"})


def test_every_character() -> None:
    texts = [chr(code) + "a" for code in range(1, 0x3000)]
    assert words(f"curl {' '.join(map(quoted, texts))}") == texts


def test_headers_of_the_connection_are_left_out() -> None:
    headers = [("Accept-Encoding", "gzip"), ("Content-Length", "2"), ("Host", "a"), ("Webhook-Id", "1")]
    assert words(curl_command("https://a.example", headers, "{}"))[4:6] == ["--header", "Webhook-Id: 1"]


def test_a_header_without_a_value_is_sent() -> None:
    assert words(curl_command("https://a.example", [("X-Empty", "")], "{}"))[5] == "X-Empty;"


def test_a_body_that_no_command_can_hold() -> None:
    assert curl_command("https://a.example", [], "a" * (LONGEST_BODY + 1)) == ""
    assert curl_command("https://a.example", [], "a" * LONGEST_BODY) != ""

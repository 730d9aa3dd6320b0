"""Payloads, answers and headers as pages show them."""

import re
from html import unescape

import pytest

from core.highlight import LONG, MOST_MARKUP, header_lines, highlighted, is_binary

HOSTILE = "</pre><script>alert(1)</script><img src=x onerror=alert(1)>&amp;'\""


def plain(markup: str) -> str:
    """The text that a browser shows."""
    return unescape(re.sub(r'</?span(?: class="[ksnl]")?>', "", markup))


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("{}", ["{}"]),
        ("[]", ["[]"]),
        ('{"a":{},"b":[]}', ["{", '  "a": {},', '  "b": []', "}"]),
        ('{"a":[1,2.50,-3e+10]}', ["{", '  "a": [', "    1,", "    2.50,", "    -3e+10", "  ]", "}"]),
        ('{"a":true,"b":false,"c":null}', ["{", '  "a": true,', '  "b": false,', '  "c": null', "}"]),
        ('[[1],[{"a":"b"}]]', ["[", "  [", "    1", "  ],", "  [", "    {", '      "a": "b"', "    }", "  ]", "]"]),
        (' { "a" : 1 }\n', ["{", '  "a": 1', "}"]),
    ],
)
def test_json_has_line_breaks(text: str, lines: list[str]) -> None:
    shown = highlighted(text)
    assert plain(shown.markup).split("\n") == lines
    assert (shown.is_json, shown.is_cut, shown.size) == (True, False, len(text))


@pytest.mark.parametrize(
    "token",
    [
        "123456789012345678901234567890.12345678901234567890",
        "1" * 5000,
        "-0",
        "1.0",
        "1e400",
        '"\\u0041\\/\\ud83d\\ude00"',
        '"{\\"a\\":[1,2]}, : true"',
        '"ends with a backslash \\\\"',
        '"\u202eturned"',
        '"<b>&amp;</b>"',
    ],
)
def test_no_digit_and_no_escape_is_lost(token: str) -> None:
    assert plain(highlighted(f'{{"v":{token}}}').markup) == f'{{\n  "v": {token}\n}}'


def test_a_key_that_occurs_twice_is_shown_twice() -> None:
    assert plain(highlighted('{"a":1,"a":2}').markup) == '{\n  "a": 1,\n  "a": 2\n}'


def test_the_kinds_of_tokens() -> None:
    assert highlighted('{"k":["s",1,null]}').markup == (
        '{\n  <span class="k">"k"</span>: [\n    <span class="s">"s"</span>,\n    <span class="n">1</span>,\n'
        '    <span class="l">null</span>\n  ]\n}'
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain words",
        '"a string alone"',
        "12",
        "{",
        '{"a":1',
        "[1 2]",
        '{"a":1}}',
        '{"a":NaN}',
        "{'a': 1}",
        "<h1>503</h1>",
        "[" * 100_000,
        "[" * 60_000,
        "[" * 65 + "]" * 65,
        "[" * 5000 + "]" * 5000,
    ],
)
def test_what_is_no_json_or_too_deep_stays_as_it_is(text: str) -> None:
    shown = highlighted(text, whole=True)
    assert (plain(shown.markup), shown.is_json, shown.size) == (text, False, len(text))


def test_markup_does_not_explode() -> None:
    text = "[" * 60 + ",".join(["1"] * 30_000) + "]" * 60
    assert len(text) < LONG
    shown = highlighted(text)
    assert not shown.is_json
    assert len(shown.markup) <= MOST_MARKUP


@pytest.mark.parametrize("text", [HOSTILE, f'{{"{HOSTILE[:-1]}":"x"}}', f'["{HOSTILE[:-1]}"]', f"{HOSTILE}" * 3000])
def test_hostile_texts_are_escaped(text: str) -> None:
    markup = highlighted(text).markup
    assert "<" not in re.sub(r'<span class="[ksnl]">|</span>', "", markup)
    assert "alert(1)" in markup


class TestLongTexts:
    TEXT = '["' + "ä" * LONG + '"]'

    def test_a_long_one_is_cut_between_two_characters(self) -> None:
        shown = highlighted(self.TEXT)
        assert (shown.is_cut, shown.is_json, shown.size) == (True, False, 2 * LONG + 4)
        assert shown.markup == '["' + "ä" * (LONG // 2 - 1)

    def test_all_of_it(self) -> None:
        shown = highlighted(self.TEXT, whole=True)
        assert (shown.is_cut, shown.markup) == (False, self.TEXT)

    def test_the_bound(self) -> None:
        assert not highlighted("a" * LONG).is_cut
        assert highlighted("a" * (LONG + 1)).is_cut


def test_headers_are_lines() -> None:
    lines = header_lines({"Content-Type": "text/html", "X-<b>": HOSTILE})
    assert lines.startswith('<span class="k">content-type</span>: text/html\n<span class="k">x-&lt;b&gt;</span>: ')
    assert "<script" not in lines
    assert header_lines({}) == ""


@pytest.mark.parametrize(
    ("text", "content_type", "binary"),
    [
        ("", "", False),
        ("hello\r\n\tworld", "text/plain", False),
        ("\x1b[31mred\x1b[0m", "", False),
        ("caf\ufffd with one byte that was wrong, in a text of some length", "text/plain", False),
        ("\ufffdPNG\r\n\x1a\n\x01\x02\ufffd", "", True),
        ("GIF89a", "image/gif", True),
        ("%PDF-1.7", "Application/PDF; x=1", True),
    ],
)
def test_binary_answers(text: str, content_type: str, binary: bool) -> None:
    assert is_binary(text, content_type) is binary

"""The payload's bytes: what is taken out of a request, what of it is removed, and what becomes of it in a form."""

import json
import time
from collections.abc import Iterator
from json.decoder import scanstring  # type: ignore[attr-defined]
from types import SimpleNamespace
from urllib.parse import parse_qsl

import orjson
import pytest

from core import waiting
from core.waiting import STEPS_BETWEEN_LOOKS
from outbound.payload import NotAnObject, compact, form_encode, raw_member
from tests.outbound.vectors import TEXTS, Text

#: Texts without insignificant whitespace, which stay as they are.
CANONICAL = [
    b"null",
    b"-0.0",
    b'""',
    b"{}",
    b"[]",
    b'" \\t \\" \\\\"',
    b'"a\\\\","b"'.join([b"[", b"]"]),
    b'{"a b":" c  d ","e":"\\"  \\\\"}',
    b'{"a":1,"a":2,"\\u0061":3}',
    b'{"n":[1.50,1e3,1E+3,-0,0.10,123456789012345678901234567890,9007199254740993]}',
    rb'{"s":"\u00e9\/\ud83d\ude00\u0000\u2028"}',
    '{"s":"é/😀\u2028\u2029\u00a0\u3000\x7f<>&"}'.encode(),
    '"\ufeff"'.encode(),
]


class TestCompact:
    @pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.name)
    def test_vectors_of_the_contract(self, text: Text) -> None:
        assert compact(text.posted) == text.canonical

    @pytest.mark.parametrize("text", CANONICAL)
    def test_what_is_compact_stays_as_it_is(self, text: bytes) -> None:
        json.loads(text)
        assert compact(text) == text

    @pytest.mark.parametrize("text", CANONICAL)
    def test_whitespace_between_tokens_is_all_that_goes(self, text: bytes) -> None:
        def spaced(tokens: Iterator[str]) -> str:
            return " \t\r\n".join(["", *tokens, ""])

        assert compact(spaced(tokens_of(text.decode())).encode()) == text

    @pytest.mark.parametrize(
        "payload",
        [
            orjson.dumps([{"id": n, "name": 'a "quoted" \\ text \n'} for n in range(9000)], option=orjson.OPT_INDENT_2),
            orjson.dumps({"text": 'a "b" \\ ' * 80_000}),
            b"[" + b" " * 1_000_000 + b"]",
            b"[" + b"1 , " * 250_000 + b"1]",
        ],
        ids=["indented", "one text", "whitespace", "numbers"],
    )
    def test_large_payloads(self, payload: bytes) -> None:
        assert compact(payload) == orjson.dumps(orjson.loads(payload))

    def test_deep_payloads(self) -> None:
        assert compact(b"[ " * 100_000 + b"] " * 100_000) == b"[" * 100_000 + b"]" * 100_000


class TestRawMember:
    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            (b'{"data":{"b":1.50, "a" : [ 1e3 ]} , "x": 1}', b'{"b":1.50, "a" : [ 1e3 ]}'),
            (b' { "x" : "\\"data\\": 1" , "data" : "}{" } \n', b'"}{"'),
            (b'{"data":null}', b"null"),
            (b'{"data":1,"data":2}', b"2"),
            (b'{"data":1,"d\\u0061ta":2}', b"2"),
            (b'{"x":{"data":1}}', None),
            (b'{"Data":1,"data ":2}', None),
            (b"{}", None),
            (b'{"data":"\\u0000","x":"\xf0\x9f\x98\x80"}', b'"\\u0000"'),
            (b'{"data":9007199254740993}', b"9007199254740993"),
        ],
    )
    def test_works(self, body: bytes, expected: bytes | None) -> None:
        assert raw_member(body, "data") == expected
        parsed = orjson.loads(body)
        assert ("data" in parsed) is (expected is not None)
        if expected is not None:
            assert orjson.loads(expected) == parsed["data"]

    @pytest.mark.parametrize("body", [b"", b"[]", b"null", b"1", b'{"data":}', b'{"data":1', b'{"data":' + b"[" * 5000])
    def test_what_is_not_an_object_is_a_value_error(self, body: bytes) -> None:
        with pytest.raises(ValueError, match=r".+"):
            raw_member(body, "data")

    def test_too_deep_is_a_value_error(self) -> None:
        with pytest.raises(ValueError, match="nested too deeply"):
            raw_member(b'{"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "data")


class TestFormEncode:
    @pytest.mark.parametrize(
        ("payload", "expected"),
        [
            # The example of docs/contract/signatures.md#forms.
            (
                b'{"b":"x y&=","a":12.5,"c":true,"d":null,"e":{"z":1,"a":[1,"<"]}}',
                b"a=12.5&b=x+y%26%3D&c=true&d=&e=%7B%22a%22%3A%5B1%2C%22%5Cu003c%22%5D%2C%22z%22%3A1%7D",
            ),
            (b"{}", b""),
            (b'{"":""}', b"="),
            (b'{"c":false,"b":"null","a":"true"}', b"a=true&b=null&c=false"),
            (b'{"a":1,"b":2,"a":3,"\\u0062":4}', b"a=3&b=4"),
            ('{"é":"ü €"}'.encode(), b"%C3%A9=%C3%BC+%E2%82%AC"),
            (rb'{"\u00e9":"\ud83d\ude00\n\u0000"}', b"%C3%A9=%F0%9F%98%80%0A%00"),
            (b'{"a":"-_.~*/+ %"}', b"a=-_.~%2A%2F%2B+%25"),
            # Keys are sorted by bytes: upper case first, what is beyond ASCII last.
            (
                '{"b":1,"é":2,"B":3,"10":4,"9":5,"\uff5a":6,"😀":7}'.encode(),
                b"10=4&9=5&B=3&b=1&%C3%A9=2&%EF%BD%9A=6&%F0%9F%98%80=7",
            ),
            (b'{"a":{"b":{},"a":[]}}', b"a=%7B%22a%22%3A%5B%5D%2C%22b%22%3A%7B%7D%7D"),
        ],
    )
    def test_works(self, payload: bytes, expected: bytes) -> None:
        assert form_encode(payload) == expected

    @pytest.mark.parametrize(
        "number", ["12.5", "1.5", "0.5", "1.50", "-0", "1e21", "1E+3", "9007199254740993", "1" * 400, "0." + "1" * 400]
    )
    def test_numbers_are_as_in_the_text(self, number: str) -> None:
        form = form_encode(f'{{"n":{number},"in":{{"list":[{number}]}}}}'.encode())
        assert parse_qsl(form.decode()) == [("in", f'{{"list":[{number}]}}'), ("n", number)]

    @pytest.mark.parametrize(
        ("nested", "expected"),
        [
            (b'{"z":1,"a":{"y":2,"b":null}}', '{"a":{"b":null,"y":2},"z":1}'),
            (b'{"a":1,"a":{"x":true}}', '{"a":{"x":true}}'),
            (b'["<>&"]', r'["\u003c\u003e\u0026"]'),
            (b'{"<":1,"=":2,"\\u003b":3}', r'{";":3,"\u003c":1,"=":2}'),
            ('["\u2028\u2029"]'.encode(), r'["\u2028\u2029"]'),
            (rb'["\u00e9\/\u0001\n\"\\"]', '["é/\\u0001\\n\\"\\\\"]'),
            ('["é😀\x7f"]'.encode(), '["é😀\x7f"]'),
            (b'["[","]","{}",",",":"," "]', '["[","]","{}",",",":"," "]'),
            (b"[[],[[]],{}]", "[[],[[]],{}]"),
        ],
    )
    def test_a_nested_value_is_json_as_go_writes_it(self, nested: bytes, expected: str) -> None:
        assert parse_qsl(form_encode(b'{"n":' + nested + b"}").decode()) == [("n", expected)]
        assert json.loads(expected) == json.loads(nested)

    @pytest.mark.parametrize("payload", [b"null", b"1", b'"{}"', b"[]", b'[{"a":1}]', b"true"])
    def test_only_an_object_can_be_sent(self, payload: bytes) -> None:
        with pytest.raises(NotAnObject, match="not a JSON object"):
            form_encode(payload)

    @pytest.mark.parametrize(
        "nested",
        [
            b"[" * 1022 + b"]" * 1022,
            b'{"a":' * 1022 + b'"deep"' + b"}" * 1022,
            orjson.dumps({f"key {n:06}": n for n in range(50_000)}),
        ],
        ids=["lists", "objects", "keys"],
    )
    def test_what_was_taken_in_can_be_sent(self, nested: bytes) -> None:
        assert parse_qsl(form_encode(b'{"n":' + nested + b"}").decode()) == [("n", nested.decode())]

    @pytest.mark.parametrize(
        ("payload", "number"),
        [
            (b'{"n":[' + b"0," * 65_536 + b"0]}", 65_536 // STEPS_BETWEEN_LOOKS),
            (b'{"n":"' + b"<" * 65_536 + b'"}', 65_536 // 4_096),
        ],
        ids=["at tokens", "at pieces of a text"],
    )
    def test_a_long_one_is_encoded_with_breaks(
        self, monkeypatch: pytest.MonkeyPatch, payload: bytes, number: int
    ) -> None:
        taken: list[float] = []
        monkeypatch.setattr(waiting, "WORK_SECONDS", 0)
        # Not of the module itself: other threads sleep too.
        monkeypatch.setattr(waiting, "time", SimpleNamespace(sleep=taken.append, perf_counter=time.perf_counter))
        form_encode(payload)
        assert number <= len(taken) < number + 50
        taken.clear()
        form_encode(b'{"n":[' + b"0," * 30_000 + b"0]}")
        assert taken == []


def tokens_of(text: str) -> Iterator[str]:
    """The tokens of a valid JSON text, by Python's own scanner."""
    while text:
        if text[0] in "{}[],:":
            yield text[0]
            text = text[1:]
        elif text[0] == '"':
            _, end = scanstring(text, 1)
            yield text[:end]
            text = text[end:]
        else:
            end = next((at for at, character in enumerate(text) if character in "{}[],:"), len(text))
            yield text[:end]
            text = text[end:]

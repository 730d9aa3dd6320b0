"""Values that a body may hold in place of what belongs there."""

from typing import Any

import orjson

NOT_TEXT: list[Any] = [0, 1.5, True, [], ["text"], {}, {"text": "text"}]
NOT_A_FLAG: list[Any] = ["true", "", 0, 1, 1.0, [], [True], {}]
NOT_AN_INTEGER: list[Any] = ["1", "", True, 1.0, 1.5, -1, [], [1], {}]
NOT_AN_OBJECT: list[Any] = ["text", "", 0, True, [], [{}]]

#: JSON of which a string holds half of a surrogate pair.
HALF_PAIRS = [b'{"name":"\\ud800"}', b'{"name":"\\udc00\\ud800"}']
#: Bodies that are no JSON object, with the detailed error of each. It reads null as {}.
NOT_A_BODY: list[tuple[bytes, str]] = [
    (b"", "body must not be empty"),
    (b" \n\t", "body must not be empty"),
    (b"[]", "body contains incorrect JSON type (at character 1)"),
    (b'"text"', "body contains incorrect JSON type (at character 1)"),
    (b"{", "body contains badly-formed JSON"),
    (b'{"name":"a', "body contains badly-formed JSON"),
    (b'{"name":"a"]', "body contains badly-formed JSON (at character 12)"),
    (b'{"name":"a"} {}', "body contains badly-formed JSON (at character 14)"),
    (b'{"name":NaN}', "body contains badly-formed JSON (at character 9)"),
    (b"{'name':'a'}", "body contains badly-formed JSON (at character 2)"),
    (b'\xef\xbb\xbf{"name":"a"}', "body contains badly-formed JSON (at character 1)"),
]
#: The same, where what is said of it is the JSON library's affair.
UNREADABLE = [
    b'{"name":"\xff"}',
    b'{"name":"\xed\xa0\x80"}',
    *HALF_PAIRS,
    b'{"name":"\x00"}',
    b"\x00",
    b'{"a":' * 100_000,
    b"[" * 100_000,
    b'{"name":' + b"9" * 5000 + b"e99999}",
]


def with_raw_member(body: dict[str, Any], member: bytes) -> bytes:
    """`body` as JSON, with the text of one more member at its end."""
    return orjson.dumps(body)[:-1] + b"," + member + b"}"


#: Members that mean nothing here and must do no harm.
HARMLESS_MEMBERS = [
    b'"unknown":' + b'{"a":' * 1000 + b"1" + b"}" * 1000,
    b'"unknown":' + b"[" * 1000 + b"]" * 1000,
    b'"unknown":' + b"9" * 300,
    b'"__proto__":{"uid":"x"},"uid":"x","project_id":"x","status":"inactive","deleted_at":"x"',
]

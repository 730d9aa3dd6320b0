"""Cases that code which verifies signatures must accept or refuse, signed without that code."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

BODY = '{"event":"charge.success","amount":1.50,"note":"<é>"}'.encode()
FORM = b"amount=1.50&event=charge.success&note=%3C%C3%A9%3E"
SECRET = "convoy-webhook-secret"
ENCODINGS = ["hex", "base64"]
HASHES: dict[str, Callable[..., Any]] = {
    "MD5": hashlib.md5,
    "SHA1": hashlib.sha1,
    "SHA224": hashlib.sha224,
    "SHA256": hashlib.sha256,
    "SHA384": hashlib.sha384,
    "SHA512": hashlib.sha512,
    "SHA3_224": hashlib.sha3_224,
    "SHA3_256": hashlib.sha3_256,
    "SHA3_384": hashlib.sha3_384,
    "SHA3_512": hashlib.sha3_512,
    "SHA512_224": lambda data=b"": hashlib.new("sha512_224", data),
    "SHA512_256": lambda data=b"": hashlib.new("sha512_256", data),
}


class Settings(NamedTuple):
    """The arguments of `snippets`."""

    advanced: bool
    header: str
    hash: str
    encoding: str

    def __str__(self) -> str:
        return f"{'advanced' if self.advanced else 'simple'} {self.hash} {self.encoding} {self.header}"


class Case(NamedTuple):
    """One webhook; `header` is None where it came without one."""

    name: str
    body: bytes
    header: str | None
    secrets: list[str]
    is_genuine: bool


SETTINGS = [
    Settings(advanced, "X-Convoy-Signature", hash_name, encoding)
    for advanced in (True, False)
    for hash_name in HASHES
    for encoding in ENCODINGS
]
# All characters that a header's name can have besides letters and digits.
SETTINGS += [Settings(advanced, "X-Odd!#$%&'*+.^_`|~-1", "SHA256", "hex") for advanced in (True, False)]


def signature(settings: Settings, secret: str, message: bytes) -> str:
    """The encoded HMAC, by its definition in RFC 2104."""
    hashed = HASHES[settings.hash]
    key = secret.encode()
    size = hashed().block_size
    key = (hashed(key).digest() if len(key) > size else key).ljust(size, b"\0")
    inner = hashed(bytes(byte ^ 0x36 for byte in key) + message).digest()
    outer = hashed(bytes(byte ^ 0x5C for byte in key) + inner).digest()
    assert outer == hmac.new(secret.encode(), message, HASHES[settings.hash]).digest()
    return outer.hex() if settings.encoding == "hex" else base64.b64encode(outer).decode()


def cases(settings: Settings, now: int) -> Iterator[Case]:
    """The webhooks to try at the time `now`."""
    either = _advanced_cases if settings.advanced else _simple_cases
    yield Case("no header", BODY, None, [SECRET], False)
    yield Case("an empty header", BODY, "", [SECRET], False)
    yield Case("only separators", BODY, "=,=,v1,t,,", [SECRET], False)
    yield Case("not ASCII", BODY, f"t={now},v1=\u00e9\u00e9", [SECRET], False)
    yield from either(settings, now)


def _simple_cases(settings: Settings, now: int) -> Iterator[Case]:
    right = signature(settings, SECRET, BODY)
    yield Case("right", BODY, right, [SECRET], True)
    yield Case("an empty body", b"", signature(settings, SECRET, b""), [SECRET], True)
    yield Case("a form", FORM, signature(settings, SECRET, FORM), [SECRET], True)
    yield Case("a form, the JSON of which is signed", FORM, right, [SECRET], False)
    yield Case("bytes that are no text", b"\xff\0", signature(settings, SECRET, b"\xff\0"), [SECRET], True)
    yield Case("the old and the new secret", BODY, right, ["new", SECRET], True)
    yield Case("another body", BODY + b" ", right, [SECRET], False)
    yield Case("another secret", BODY, right, ["another"], False)
    yield Case("no secret", BODY, right, [], False)
    yield Case("a part of it", BODY, right[:-1], [SECRET], False)
    yield Case("more than it", BODY, right + "0", [SECRET], False)
    signed = signature(settings, SECRET, f"{now},".encode() + BODY)
    yield Case("an advanced one", BODY, f"t={now},v1={signed}", [SECRET], False)


def _advanced_cases(settings: Settings, now: int) -> Iterator[Case]:
    def signed(secret: str = SECRET, time: object = now, body: bytes = BODY) -> str:
        return signature(settings, secret, f"{time},".encode() + body)

    right = f"t={now},v1={signed()}"
    yield Case("right", BODY, right, [SECRET], True)
    yield Case("an empty body", b"", f"t={now},v1={signed(body=b'')}", [SECRET], True)
    yield Case("a form", FORM, f"t={now},v1={signed(body=FORM)}", [SECRET], True)
    yield Case("a form, the JSON of which is signed", FORM, right, [SECRET], False)
    yield Case("bytes that are no text", b"\xff\0", f"t={now},v1={signed(body=bytes([255, 0]))}", [SECRET], True)
    yield Case("the time at the end", BODY, f"v1={signed()},t={now}", [SECRET], True)
    yield Case("two live secrets, we have the old", BODY, f"t={now},v1={signed()},v1={signed('new')}", [SECRET], True)
    yield Case("two live secrets, we have the new", BODY, f"t={now},v1={signed('old')},v1={signed()}", [SECRET], True)
    yield Case("the old and the new secret", BODY, right, ["new", SECRET], True)
    yield Case("a second version", BODY, f"t={now},v1=00,v2={signed()}", [SECRET], True)
    yield Case("another body", BODY + b" ", right, [SECRET], False)
    yield Case("another secret", BODY, right, ["another"], False)
    yield Case("no secret", BODY, right, [], False)
    yield Case("two signatures, none ours", BODY, f"t={now},v1={signed('a')},v1={signed('b')}", [SECRET], False)
    yield Case("a part of it", BODY, right[:-1], [SECRET], False)
    yield Case("more than it", BODY, right + "0", [SECRET], False)
    yield Case("another name", BODY, f"t={now},s1={signed()}", [SECRET], False)
    yield Case("another time than the signed one", BODY, f"t={now + 1},v1={signed()}", [SECRET], False)
    # The clocks of languages are read after `now`: a few seconds are left on each side.
    for age, is_genuine in ((270, True), (-270, True), (330, False), (-330, False)):
        sent = f"t={now - age},v1={signed(time=now - age)}"
        yield Case(f"{age} seconds old", BODY, sent, [SECRET], is_genuine)
    for time in ("", "Infinity", "NaN", "-1", f"{now}.0", f" {now}", f"0x{now:x}", "9" * 400, "²", f"{now}e0"):
        yield Case(f"the time {time[:20]!r}", BODY, f"t={time},v1={signed(time=time)}", [SECRET], False)
    yield Case("a name without a signature", BODY, f"t={now},v1", [SECRET], False)
    yield Case("an empty signature", BODY, f"t={now},v1=", [SECRET], False)
    yield Case("no time", BODY, f"v1={signed()}", [SECRET], False)
    yield Case("a simple one", BODY, signature(settings, SECRET, BODY), [SECRET], False)

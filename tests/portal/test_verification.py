"""The code for customers that verifies signatures: the Python of it runs here, script/check-snippets runs all."""

import re
import time
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from outbound.signatures import HASHES as ACCEPTED_HASHES
from portal.verification import snippets
from tests.outbound.vectors import (
    HEX,
    OTHER_HEX,
    PAYLOAD,
    SECRET,
    SENT_AT,
    SHA512_BASE64,
    SHA512_HEX,
    SIMPLE_HEX,
    SIMPLE_SHA512_BASE64,
    SIMPLE_SHA512_HEX,
)
from tests.portal.snippet_cases import ENCODINGS, HASHES, SETTINGS, Settings, cases

ROTATED = (
    "t=1700000000,v1=dab01ae1fb2fd945104ef1d7492fb505664d2ace6e096bc8b09480be3d1eb2c1,"
    "v1=86323ed9b3988ebc0ec922e68703f538a45b8e323ef67da9499eb4d8bb43c1ac,"
    "v2=nwA335Zs0ftvNJGjrQSeAPuSYJAPV/tPYU3tuk49yWethzEk7BhJWc7aQQZENtL0adx/RF+syMWaGCkRJbokxg==,"
    "v2=r7+osNhlMhuWnJFlc8EUKDwyuKfFqEu7vVNOSU55V1CuEKpjfszsFvceU8sDitnwtdGe2brNvNyw4+8QyH7pow=="
)
ROTATED_SIMPLE = "vO0DawftqiHsYs5RXahXpVWGlV1i/qQevi5tCDmyWwdWR/mTuXbfeceV5LKMiUDmdiTcL1jVo62J7T2ZmvW8tA=="


class Vector(NamedTuple):
    """One of the test vectors, and whether a receiver must accept it."""

    name: str
    advanced: bool
    hash: str
    encoding: str
    header: str
    is_genuine: bool
    secret: str = SECRET


VECTORS = [
    Vector("1", False, "SHA256", "hex", SIMPLE_HEX, True),
    Vector("2", False, "SHA256", "base64", "JERJt/SMvCcJBgydzcKzqkenj1QEMFeQFcV5+xLe+7Q=", True),
    Vector("3", False, "SHA512", "hex", SIMPLE_SHA512_HEX, True),
    Vector("4", False, "SHA512", "base64", SIMPLE_SHA512_BASE64, True),
    Vector("5", True, "SHA256", "hex", f"t=1700000000,v1={HEX}", True),
    Vector("6", True, "SHA256", "base64", "t=1700000000,v1=d7i5Jp8loZmEalWivSWz+6FRxw/a5gux3Nh/u8lDxVw=", True),
    Vector("7", True, "SHA512", "hex", f"t=1700000000,v1={SHA512_HEX}", True),
    Vector("8", True, "SHA512", "base64", f"t=1700000000,v1={SHA512_BASE64}", True),
    Vector("9", True, "SHA256", "hex", f"t=1700000000,v1={HEX[:-1]}0", False),
    Vector("11", True, "SHA256", "hex", f"v1={HEX},t=1700000000", True),
    Vector("12", True, "SHA256", "hex", f"t=1700000000,v1={OTHER_HEX},v1={HEX}", True),
    Vector("13", True, "SHA256", "hex", f"t=1700000000,v1={OTHER_HEX},v1={'c7eff183' * 8}", False),
    Vector("14", True, "SHA256", "hex", f"t=Infinity,v1={HEX}", False),
    Vector("15", True, "SHA256", "hex", "t=1700000000,v1=1234567890", False),
    Vector("16", True, "SHA256", "hex", f"v1={HEX},v2={HEX}", False),
    Vector("17", False, "SHA256", "hex", "244449b7f48cbc2709060c9dcdc2b3aa47a78f540430579015c579fb12defbb0", False),
    Vector("rotated, old", True, "SHA256", "hex", ROTATED, True, "secret-old"),
    Vector("rotated, new", True, "SHA256", "hex", ROTATED, True, "secret-new"),
    Vector("rotated, second version, old", True, "SHA512", "base64", ROTATED, True, "secret-old"),
    Vector("rotated, second version, new", True, "SHA512", "base64", ROTATED, True, "secret-new"),
    Vector("rotated, neither", True, "SHA512", "base64", ROTATED, False, "secret-other"),
    Vector("rotated, simple, new", False, "SHA512", "base64", ROTATED_SIMPLE, True, "secret-new"),
    Vector("rotated, simple, old", False, "SHA512", "base64", ROTATED_SIMPLE, False, "secret-old"),
]
#: The code that makes the hash in each language.
CONSTRUCTORS = {
    "MD5": ('"md5"', 'createHmac("md5"', "md5.New,", "hash_hmac('md5'"),
    "SHA1": ('"sha1"', 'createHmac("sha1"', "sha1.New,", "hash_hmac('sha1'"),
    "SHA224": ('"sha224"', 'createHmac("sha224"', "sha256.New224,", "hash_hmac('sha224'"),
    "SHA256": ('"sha256"', 'createHmac("sha256"', "sha256.New,", "hash_hmac('sha256'"),
    "SHA384": ('"sha384"', 'createHmac("sha384"', "sha512.New384,", "hash_hmac('sha384'"),
    "SHA512": ('"sha512"', 'createHmac("sha512"', "sha512.New,", "hash_hmac('sha512'"),
    "SHA3_224": ('"sha3_224"', 'createHmac("sha3-224"', "return sha3.New224()", "hash_hmac('sha3-224'"),
    "SHA3_256": ('"sha3_256"', 'createHmac("sha3-256"', "return sha3.New256()", "hash_hmac('sha3-256'"),
    "SHA3_384": ('"sha3_384"', 'createHmac("sha3-384"', "return sha3.New384()", "hash_hmac('sha3-384'"),
    "SHA3_512": ('"sha3_512"', 'createHmac("sha3-512"', "return sha3.New512()", "hash_hmac('sha3-512'"),
    "SHA512_224": ('"sha512_224"', 'createHmac("sha512-224"', "sha512.New512_224,", "hash_hmac('sha512/224'"),
    "SHA512_256": ('"sha512_256"', 'createHmac("sha512-256"', "sha512.New512_256,", "hash_hmac('sha512/256'"),
}
#: The calls that encode and that compare, by language.
ENCODERS = {
    "hex": (").hex()", '.digest("hex")', "hex.EncodeToString(", ", $secret)"),
    "base64": ("base64.b64encode(", '.digest("base64")', "base64.StdEncoding.EncodeToString(", ", $secret, true))"),
}
COMPARISONS = ("hmac.compare_digest(", "timingSafeEqual(", "hmac.Equal(", "hash_equals(")


def python(settings: Settings) -> dict[str, Any]:
    """Return the names that the Python snippet defines."""
    code = next(snippet.code for snippet in snippets(**settings._asdict()) if snippet.language == "Python")
    namespace: dict[str, Any] = {}
    exec(compile(code, "snippet", "exec"), namespace)  # noqa: S102 - our own code is what is tested
    return namespace


class TestPython:
    @pytest.mark.parametrize("settings", SETTINGS, ids=str)
    def test_accepts_and_refuses(self, settings: Settings) -> None:
        is_genuine = python(settings)["is_genuine"]
        for case in cases(settings, int(time.time())):
            headers = {} if case.header is None else {settings.header: case.header, "X-Other": "x"}
            assert is_genuine(case.body, headers, case.secrets) is case.is_genuine, case.name

    @pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
    def test_vectors_of_the_contract(self, vector: Vector) -> None:
        snippet = python(Settings(vector.advanced, "X-Convoy-Signature", vector.hash, vector.encoding))
        snippet["time"] = SimpleNamespace(time=lambda: SENT_AT + 0.5)
        headers = {"X-Convoy-Signature": vector.header}
        assert snippet["is_genuine"](PAYLOAD, headers, [vector.secret]) is vector.is_genuine

    @pytest.mark.parametrize(
        ("age", "expected"), [(-301, False), (-300, True), (0, True), (300, True), (300.5, False), (301, False)]
    )
    def test_the_tolerance_is_five_minutes(self, age: float, expected: bool) -> None:
        snippet = python(Settings(True, "X-Convoy-Signature", "SHA256", "hex"))
        snippet["time"] = SimpleNamespace(time=lambda: SENT_AT + age)
        headers = {"X-Convoy-Signature": f"t={SENT_AT},v1={HEX}"}
        assert snippet["is_genuine"](PAYLOAD, headers, [SECRET]) is expected

    def test_a_header_that_a_framework_decoded_with_surrogates(self) -> None:
        for advanced, value in ((True, f"t={SENT_AT},v1=\udce9"), (False, "\udce9")):
            snippet = python(Settings(advanced, "X-Convoy-Signature", "SHA256", "hex"))
            snippet["time"] = SimpleNamespace(time=lambda: SENT_AT)
            assert snippet["is_genuine"](PAYLOAD, {"X-Convoy-Signature": value}, [SECRET]) is False


class TestText:
    def test_the_cases_cover_what_the_api_accepts(self) -> None:
        assert list(HASHES) == list(ACCEPTED_HASHES) == list(CONSTRUCTORS)

    @pytest.mark.parametrize("settings", SETTINGS, ids=str)
    def test_hash_encoding_comparison_and_size(self, settings: Settings) -> None:
        made = snippets(**settings._asdict())
        assert [snippet.language for snippet in made] == ["Python", "JavaScript", "Go", "PHP"]
        for (language, code), *expected in zip(
            made, CONSTRUCTORS[settings.hash], ENCODERS[settings.encoding], COMPARISONS, strict=True
        ):
            assert all(text in code for text in expected), language
            assert "<<" not in code
            assert code.endswith("\n")
            assert max(map(len, code.splitlines())) <= 110
            assert len(re.sub(r"import \(.*?\)\n", "", code, flags=re.DOTALL).splitlines()) < 30

    @pytest.mark.parametrize("advanced", [True, False])
    def test_the_name_of_the_header_as_each_language_has_it(self, advanced: bool) -> None:
        made = snippets(advanced=advanced, header="X-Acme'Sig", hash="SHA256", encoding="hex")
        names = ('"X-Acme\'Sig"', '"x-acme\'sig"', '"X-Acme\'Sig"', r"'HTTP_X_ACME\'SIG'")
        for (language, code), name in zip(made, names, strict=True):
            assert name in code, language

    @pytest.mark.parametrize("encoding", ENCODINGS)
    def test_only_the_advanced_code_reads_a_time(self, encoding: str) -> None:
        for advanced in (True, False):
            for snippet in snippets(advanced=advanced, header="X-Sig", hash="SHA256", encoding=encoding):
                assert bool(re.search(r"time\(|Date\.now|time\.Since", snippet.code)) is advanced

    @pytest.mark.parametrize(("hash_name", "encoding"), [("CRC32", "hex"), ("SHA256", "base32"), ("sha256", "hex")])
    def test_unknown_settings_are_refused(self, hash_name: str, encoding: str) -> None:
        with pytest.raises(KeyError):
            snippets(advanced=True, header="X-Sig", hash=hash_name, encoding=encoding)

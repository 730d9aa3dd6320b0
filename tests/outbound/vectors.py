"""The test vectors of Convoy's signatures, those of docs/contract/signatures.md#vectors among them."""

from typing import NamedTuple

PAYLOAD = b'{"event":"charge.success","amount":1000,"currency":"NGN"}'
SECRET = "convoy-webhook-secret"
SENT_AT = 1_700_000_000
HEX = "77b8b9269f25a199846a55a2bd25b3fba151c70fdae60bb1dcd87fbbc943c55c"
SIMPLE_HEX = "244449b7f48cbc2709060c9dcdc2b3aa47a78f540430579015c579fb12defbb4"
OTHER_HEX = "449623e4897bbde05e35358293f97b8c2f697367ffa3e7466e98178dfba44d19"
THIRD_HEX = "c7eff1833c41a2ce2e195599451b240cd282b1bc9fa387e428a9fd5a5dc74933"
SHA512_HEX = (
    "b2122e252cd2582cf225cb2b8d4ceede9e34329e2fe95c02619c3ed5d4a3d9a7"
    "3e6beaf2dff8e76d71a693ae198cee40685eed12ad4ee2e033dc2d0399ede057"
)
SIMPLE_SHA512_HEX = (
    "6cc772dc81942ae1b5ffa91c3a6a07b0d37edc8dc6bd83e3518a219f1f19ff71"
    "ae1b76d6b320940d414c236a1aad7f7930b63e0f1928951955d31219545e1b66"
)
SHA512_BASE64 = "shIuJSzSWCzyJcsrjUzu3p40Mp4v6VwCYZw+1dSj2ac+a+ry3/jnbXGmk64ZjO5AaF7tEq1O4uAz3C0Dme3gVw=="
SIMPLE_SHA512_BASE64 = "bMdy3IGUKuG1/6kcOmoHsNN+3I3GvYPjUYohnx8Z/3GuG3bWsyCUDUFMI2oarX95MLY+DxkolRlV0xIZVF4bZg=="


class Sent(NamedTuple):
    """A row that a sender makes: what is sent in the project's signature header for PAYLOAD."""

    name: str
    advanced: bool
    hash: str
    encoding: str
    header: str


class Received(NamedTuple):
    """A row that only a receiver meets; `tolerance` is in seconds."""

    name: str
    header: str
    is_genuine: bool
    tolerance: int = 3_153_600_000


class Text(NamedTuple):
    """A payload as posted, its canonical form, and its signatures with the secret `s1`, SHA256 in hex."""

    name: str
    posted: bytes
    canonical: bytes
    simple: str
    advanced: str


SENT = [
    Sent("1", False, "SHA256", "hex", SIMPLE_HEX),
    Sent("2", False, "SHA256", "base64", "JERJt/SMvCcJBgydzcKzqkenj1QEMFeQFcV5+xLe+7Q="),
    Sent("3", False, "SHA512", "hex", SIMPLE_SHA512_HEX),
    Sent("4", False, "SHA512", "base64", SIMPLE_SHA512_BASE64),
    Sent("5", True, "SHA256", "hex", f"t=1700000000,v1={HEX}"),
    Sent("6", True, "SHA256", "base64", "t=1700000000,v1=d7i5Jp8loZmEalWivSWz+6FRxw/a5gux3Nh/u8lDxVw="),
    Sent("7", True, "SHA512", "hex", f"t=1700000000,v1={SHA512_HEX}"),
    Sent("8", True, "SHA512", "base64", f"t=1700000000,v1={SHA512_BASE64}"),
]
RECEIVED = [
    Received("9", f"t=1700000000,v1={HEX[:-1]}0", False),
    Received("10", f"t=1700000000,v1={HEX}", False, tolerance=300),
    Received("11", f"v1={HEX},t=1700000000", True),
    Received("12", f"t=1700000000,v1={OTHER_HEX},v1={HEX}", True),
    Received("13", f"t=1700000000,v1={OTHER_HEX},v1={THIRD_HEX}", False),
    Received("14", f"t=Infinity,v1={HEX}", False),
    Received("15", "t=1700000000,v1=1234567890", False),
    Received("16", f"v1={HEX},v2={HEX}", False),
    Received("17", f"{SIMPLE_HEX[:-1]}0", False),
]
TEXTS = [
    Text(
        "spaces and tabs",
        b'{\n  "b": {}, "e": "123",\t"a": 1}',
        b'{"b":{},"e":"123","a":1}',
        "20de974358e2bc057ba072fd9b8de5dff8dbabc976baf9721e051086cf9bf016",
        "26321b2e7858409a972bf3dc9b1b12e1d9100dc4fe2dce3203c45b6054cf5eed",
    ),
    Text(
        "null",
        b"null",
        b"null",
        "0b556e86f0a2bfcdf6dde8ad4b7b4993ada542dccada72e71d8ff54c5fa1a34a",
        "88d2f213ff556ecf174cb4fdf23aebfdfeb1343c9e60d17a3240309465ab8e91",
    ),
    Text(
        "list",
        b"[1, 2]",
        b"[1,2]",
        "2086bed2e5ce28dffd63fb811d2033ce6572f88b086d6c655a486566d93dfe10",
        "69762e4e3019f66ca209db50f599b69f2dac2083af1b37fe6aecb4f9af0fe3ce",
    ),
    Text(
        "letters beyond ASCII",
        '{"html":"<b>&","u":"é"}'.encode(),
        b'{"html":"<b>&","u":"\xc3\xa9"}',
        "c342e9579e0d9c17e75593ad312f18a052a92fc36e30a656a26bf648fb9d28d1",
        "9cd18a1eacfeab3b35c95199721680da095cc9b9d55098432afa935cf0b533e3",
    ),
    Text(
        "escapes",
        rb'{"u":"\u00e9"}',
        rb'{"u":"\u00e9"}',
        "c6818ffa3a9290522cecce056d771d1825a1d754f59945db74a42a4a2107a18b",
        "d34113ac36e80d3a1ce9d2219a3c0c54c46d822555fd8cf931ee572d1929a83a",
    ),
    Text(
        "numbers",
        b'{ "n" : 1.50 , "e" : 1e3 }',
        b'{"n":1.50,"e":1e3}',
        "131151ffc3555e312cedd115bbfd92e265a6c1f3cf16316503d688fa33ac7464",
        "39ba83657ee47e79ec791b18f7e1b18c8ad381cf032d96a9401b456be9d76a07",
    ),
]
#: PAYLOAD with the secrets `secret-old`, `secret-new`.
ROTATED_VERSIONS = [{"hash": "SHA256", "encoding": "hex"}, {"hash": "SHA512", "encoding": "base64"}]
ROTATED = (
    "t=1700000000,v1=dab01ae1fb2fd945104ef1d7492fb505664d2ace6e096bc8b09480be3d1eb2c1,"
    "v1=86323ed9b3988ebc0ec922e68703f538a45b8e323ef67da9499eb4d8bb43c1ac,"
    "v2=nwA335Zs0ftvNJGjrQSeAPuSYJAPV/tPYU3tuk49yWethzEk7BhJWc7aQQZENtL0adx/RF+syMWaGCkRJbokxg==,"
    "v2=r7+osNhlMhuWnJFlc8EUKDwyuKfFqEu7vVNOSU55V1CuEKpjfszsFvceU8sDitnwtdGe2brNvNyw4+8QyH7pow=="
)
ROTATED_SIMPLE = "vO0DawftqiHsYs5RXahXpVWGlV1i/qQevi5tCDmyWwdWR/mTuXbfeceV5LKMiUDmdiTcL1jVo62J7T2ZmvW8tA=="
#: Meta events.
META_PAYLOAD = b'{"data":{"uid":"ep1"},"event_type":"endpoint.created"}'
META_SIGNATURE = "066d4858b0651519a03bb1a2d662889aafc52a5f1410ed95844ec5808be55659"
META_UID = "01K4T0ZX7B8C9D0E1F2G3H4J5K"
META_IDEMPOTENCY = "4b724829c39a9de35bff740f2dbc09d30dadc64646fbb684a58b1d7f1586557f"

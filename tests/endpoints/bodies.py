"""The fields of an endpoint's body by their type, and values that none of them may have."""

from typing import Any

from tests.hostile import NOT_A_FLAG, NOT_AN_INTEGER, NOT_AN_OBJECT, NOT_TEXT

BODY = {"url": "https://hooks.example.com/in", "name": "Orders"}

API_KEY = {"type": "api_key", "api_key": {"header_name": "X-Key", "header_value": "the value"}}
BASIC_AUTH = {"type": "basic_auth", "basic_auth": {"username": "ada", "password": "the password"}}
SHARED_SECRET: dict[str, Any] = {
    "type": "oauth2",
    "oauth2": {
        "url": "https://auth.example.com/token",
        "client_id": "ada",
        "authentication_type": "shared_secret",
        "client_secret": "the client secret",
    },
}
CLIENT_ASSERTION = {
    "type": "oauth2",
    "oauth2": {
        "url": "https://auth.example.com/token",
        "client_id": "ada",
        "authentication_type": "client_assertion",
        "issuer": "ada",
        "subject": "ada",
        "signing_key": {"kty": "EC", "crv": "P-256", "x": "the x", "y": "the y", "d": "the d", "kid": "one"},
    },
}

_FIELDS: list[tuple[list[str], list[Any]]] = [
    (
        [
            *("url", "name", "secret", "owner_id", "description", "support_email", "slack_webhook_url"),
            *("teams_webhook_url", "content_type"),
        ],
        NOT_TEXT,
    ),
    (["advanced_signatures", "is_disabled"], NOT_A_FLAG),
    (["http_timeout", "rate_limit_duration"], NOT_AN_INTEGER),
    # A rate limit below 0 is a number, which has no effect.
    (["rate_limit"], [value for value in NOT_AN_INTEGER if value != -1]),
    (["authentication", "mtls_client_cert"], NOT_AN_OBJECT),
]


def _inside(parent: dict[str, Any], member: str, fields: list[str], wrong: list[Any]) -> list[tuple[str, Any]]:
    return [
        (f"{member}.{field}", {**parent, member: {**parent.get(member, {}), field: value}})
        for field in fields
        for value in wrong
    ]


def _all() -> list[tuple[str, dict[str, Any]]]:
    cases = [(field, {field: value}) for fields, wrong in _FIELDS for field in fields for value in wrong]
    inside = [
        *(("type", API_KEY | {"type": value}) for value in NOT_TEXT),
        *(
            (member, {"type": member, member: value})
            for member in ("api_key", "basic_auth", "oauth2")
            for value in NOT_AN_OBJECT
        ),
        *_inside(API_KEY, "api_key", ["header_name", "header_value"], NOT_TEXT),
        *_inside(BASIC_AUTH, "basic_auth", ["username", "password"], NOT_TEXT),
        *_inside(
            SHARED_SECRET,
            "oauth2",
            [
                *("url", "client_id", "grant_type", "scope", "audience", "authentication_type", "client_secret"),
                *("signing_algorithm", "issuer", "subject", "expiry_time_unit"),
            ],
            NOT_TEXT,
        ),
        *_inside(SHARED_SECRET, "oauth2", ["signing_key", "field_mapping"], NOT_AN_OBJECT),
    ]
    for member, fields in (
        ("signing_key", ["kty", "crv", "x", "y", "d", "kid", "n", "e", "p", "q", "dp", "dq", "qi"]),
        ("field_mapping", ["access_token", "token_type", "expires_in"]),
    ):
        for field, oauth2 in _inside(CLIENT_ASSERTION["oauth2"], member, fields, NOT_TEXT):  # type: ignore[arg-type]
            inside.append((f"oauth2.{field}", {"type": "oauth2", "oauth2": oauth2}))
    cases += [(f"authentication.{field}", {"authentication": authentication}) for field, authentication in inside]
    for field in ("client_cert", "client_key"):
        cases += [(f"mtls_client_cert.{field}", {"mtls_client_cert": {field: value}}) for value in NOT_TEXT]
    return cases


#: (the path of the field that an answer names, what to change in BODY)
OF_ANOTHER_TYPE = _all()

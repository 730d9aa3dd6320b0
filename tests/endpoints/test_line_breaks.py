"""Credentials of an endpoint that were copied with a line break."""

from typing import Any

import pytest

from tests.conftest import API
from tests.endpoints.bodies import BODY, SHARED_SECRET
from tests.statements import nothing_changes

OAUTH2: dict[str, Any] = SHARED_SECRET["oauth2"]


class TestSecretsWithALineBreak:
    @pytest.mark.parametrize(
        ("sent", "name"),
        [
            ({"secret": "a secret\r\n"}, "secret"),
            (
                {"authentication": {"type": "basic_auth", "basic_auth": {"username": "a", "password": "b\n"}}},
                "password",
            ),
            (
                {"authentication": {"type": "basic_auth", "basic_auth": {"username": "a\n", "password": "b"}}},
                "username",
            ),
            (
                {"authentication": {"type": "oauth2", "oauth2": OAUTH2 | {"client_id": "a\r"}}},
                "client_id",
            ),
            (
                {"authentication": {"type": "oauth2", "oauth2": OAUTH2 | {"client_secret": "a\t"}}},
                "client_secret",
            ),
        ],
    )
    def test_are_refused(self, api: API, collection: str, sent: dict[str, Any], name: str) -> None:
        with nothing_changes():
            answer = api.post(collection, BODY | sent)
        assert answer.error == (400, f"the {name} must not hold a line break or another control character")

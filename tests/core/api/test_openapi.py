"""The OpenAPI document is committed and served."""

import gzip
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from convoyclone.schema import form
from tests.core.api.openapi_document import COMMITTED, DOCUMENT
from tests.interpreter import cpu_seconds


class TestCommitted:
    @pytest.mark.slow  # it makes the document; script/lint compares it, too
    def test_openapi_yaml_is_what_the_code_describes(self) -> None:
        generated = io.StringIO()
        call_command("spectacular", "--validate", "--fail-on-warn", stdout=generated)
        assert generated.getvalue().rstrip("\n") == COMMITTED.rstrip("\n"), (
            "openapi.yaml is out of date: run .venv/bin/python manage.py spectacular --file openapi.yaml"
        )


class TestServed:
    """GET /api/schema"""

    def get(self, **headers: str) -> Any:
        return Client().get("/api/schema", headers=headers)

    @pytest.mark.slow
    def test_as_yaml(self) -> None:
        answer = self.get()
        assert answer.status_code == 200
        assert answer["Content-Type"] == "application/vnd.oai.openapi; charset=utf-8"
        assert answer.content.decode() == COMMITTED

    @pytest.mark.slow
    @pytest.mark.parametrize("accept", ["application/json,*/*", "application/vnd.oai.openapi+json"])
    def test_as_json(self, accept: str) -> None:
        answer = self.get(accept=accept)
        assert answer["Content-Type"] == "application/vnd.oai.openapi+json; charset=utf-8"
        assert answer.json() == Client().get("/api/schema?format=json").json() == DOCUMENT

    def test_zipped(self) -> None:
        answer = self.get(accept_encoding="br, gzip")
        assert answer["Content-Encoding"] == "gzip"
        # Of three families of clients; a quarter of it are the samples of code.
        assert len(answer.content) < 160_000
        assert gzip.decompress(answer.content).decode() == COMMITTED

    @pytest.mark.slow
    def test_nothing_where_the_caller_has_it(self) -> None:
        for headers in ({}, {"accept": "application/json"}, {"accept_encoding": "gzip"}):
            tag = self.get(**headers)["ETag"]
            answer = self.get(if_none_match=tag, **headers)
            assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", tag)
        assert self.get(if_none_match='"another"').status_code == 200

    def test_it_is_not_made_for_each_request(self) -> None:
        self.get()
        # To make it once takes over a second.
        assert cpu_seconds(lambda: [self.get(accept="application/json") for _ in range(20)]) < 1

    def test_only_reads(self) -> None:
        answer = Client().post("/api/schema")
        assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
        assert answer.json() == {"status": False, "message": "method not allowed"}

    @pytest.mark.slow
    @pytest.mark.parametrize("accept", ["*/*", "application/json"])
    def test_first_requests_side_by_side(self, accept: str) -> None:
        form.cache_clear()
        with ThreadPoolExecutor(6) as threads:
            answers = list(threads.map(lambda _: self.get(accept=accept).status_code, range(6)))
        assert answers == [200] * 6
        assert form.cache_info().misses == 1

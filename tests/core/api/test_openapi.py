"""The OpenAPI document is committed and served."""

import io
import re
from contextlib import closing

import pytest
from django.core.management import call_command
from django.test import Client

from tests.core.api.openapi_document import COMMITTED


class TestCommitted:
    @pytest.mark.slow  # it makes the document; script/lint compares it, too
    def test_openapi_yaml_is_what_the_code_describes(self) -> None:
        generated = io.StringIO()
        call_command("spectacular", "--validate", "--fail-on-warn", stdout=generated)
        assert generated.getvalue().rstrip("\n") == COMMITTED.rstrip("\n"), (
            "openapi.yaml is out of date: run .venv/bin/python manage.py spectacular --file openapi.yaml"
        )

    @pytest.mark.slow  # it makes the document
    def test_the_server_serves_it(self) -> None:
        answer = Client().get("/api/schema")
        assert answer.status_code == 200
        assert answer.content.decode() == COMMITTED

    def test_the_docs_page_needs_nothing_from_elsewhere(self, db: None) -> None:
        page = Client().get("/api/docs").content.decode()
        addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
        assert len(addresses) >= 3
        for address in addresses:
            assert address.startswith("/static/drf_spectacular_sidecar/")
            with closing(Client().get(address)) as answer:
                assert answer.status_code == 200

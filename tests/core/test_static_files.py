"""Static files under names that tell their content, compressed."""

import gzip
import hashlib
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.test import Client

from core import static_files
from projects.models import Project

STYLES = "portal/portal.css"
GZIP = {"Accept-Encoding": "br, gzip"}


@pytest.fixture
def content() -> bytes:
    path = finders.find(STYLES)
    assert isinstance(path, str)
    return Path(path).read_bytes()


def test_the_name_tells_the_content(content: bytes) -> None:
    assert static(STYLES) == f"/static/portal/portal.{hashlib.sha256(content).hexdigest()[:12]}.css"


def test_what_is_no_file_keeps_its_name() -> None:
    for name in ("reference/vendor", "portal/none.css", "portal", ""):
        assert static(name) == f"/static/{name}"


def test_a_browser_keeps_it_for_a_year_and_gets_it_compressed(content: bytes) -> None:
    answer = Client().get(static(STYLES), headers=GZIP)
    assert (answer.status_code, answer["Content-Encoding"]) == (200, "gzip")
    assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer["Content-Type"] == "text/css; charset=utf-8"
    assert "Accept-Encoding" in answer["Vary"]
    assert gzip.decompress(answer.content) == content
    assert int(answer["Content-Length"]) == len(answer.content) < len(content) / 3


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0", "identity, gzip;q=0.000"])
def test_who_does_not_take_gzip_gets_it_as_it_is(content: bytes, accepted: str) -> None:
    answer = Client().get(static(STYLES), headers={"Accept-Encoding": accepted})
    assert "Content-Encoding" not in answer
    assert answer.content == content


def test_head_and_a_browser_that_has_it() -> None:
    url = static(STYLES)
    whole = Client().get(url, headers=GZIP)
    head = Client().head(url, headers=GZIP)
    assert (head.status_code, head.content, head["Content-Length"]) == (200, b"", whole["Content-Length"])
    known = Client().get(url, headers=GZIP | {"If-None-Match": whole["ETag"]})
    assert (known.status_code, known.content) == (304, b"")
    assert Client().get(url, headers={"If-None-Match": whole["ETag"]}).status_code == 200


def test_the_name_of_another_version_is_kept_for_a_minute(content: bytes) -> None:
    answer = Client().get("/static/portal/portal.0123456789ab.css")
    assert (answer.content, answer["Cache-Control"]) == (content, "public, max-age=60")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name", ["portal/none", "portal/./portal", "portal//portal", "../core/x", "%2e%2e/x", "portal/portal%00", "/x"]
)
def test_what_is_not_there(name: str) -> None:
    before = dict(static_files._FILES)
    assert Client().get(f"/static/{name}.0123456789ab.css").status_code in (400, 404)
    assert before == static_files._FILES


def test_only_reads_are_answered() -> None:
    assert Client().post(static(STYLES)).status_code in (404, 405)


def test_the_pages_of_the_portal_ask_for_these_names(project: Project) -> None:
    page = Client().get(f"/portal/{project.uid}/").content.decode()
    names = re.findall(r"""(?:href|src)=["']?(/static/[^"' >]+)""", page)
    assert len(names) == 3
    for name in names:
        assert "immutable" in Client().get(name)["Cache-Control"]

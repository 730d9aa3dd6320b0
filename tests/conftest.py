"""Fixtures of most tests: two projects, keys of each role, and a client for each key."""

import gc
import os
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client, TransactionTestCase, override_settings
from django.utils import timezone
from whitenoise.middleware import WhiteNoiseMiddleware

from core.api.fields import Shape
from endpoints.models import Endpoint
from endpoints.operations import create_endpoint
from projects.models import APIKey, Project
from projects.operations import create_api_key, create_project, revoke_api_key
from tests.migrated import migrating_once
from tests.statements import Undo

Role = APIKey.Role
TESTS = Path(__file__).parent
#: The most characters of a parameter that stand for it in a test's id, and of a test's name with its parameters.
LONGEST_PARAMETER = 60
LONGEST_NAME = 160
#: The files that take longest, the longest first: processes that share the files then end at about the same time.
LONGEST_FILES = [
    "live/test_schema.py",
    "test_access_matrix.py",
    "test_bad_input_elsewhere.py",
    "convoyclone/test_server.py",
    "browser/test_accessibility.py",
    "convoyclone/test_demo_server.py",
    "test_hostile_start.py",
    "browser/test_endpoints.py",
    "docs/test_commands.py",
    "live/test_crash.py",
    "browser/test_forms.py",
    "engine/test_status.py",
    "browser/test_test_page.py",
    "replay/test_jobs.py",
    "test_bad_input.py",
    "test_embedded.py",
    "browser/test_reference.py",
    "conformance/test_conformance.py",
    "portal/api/test_deliveries.py",
    "live/test_generated_client.py",
    "engine/test_worker.py",
    "events/test_bounds.py",
    "engine/test_turns.py",
    "portal/api/test_events.py",
    "test_tenants.py",
    "outbound/test_client_failures.py",
]
#: How many more objects there are when Python looks for garbage again; they take about ten megabytes.
GARBAGE_OBJECTS = 50_000
#: Opens the block that checks one row of a test's table; see the fixture `row`.
Row = Callable[[object], AbstractContextManager[list[str]]]


class API:
    """Calls an API in-process with one key; a body is sent as JSON, an answer read as JSON.

    `root` stands before each path: the Convoy API's, or the portal API's.
    """

    def __init__(self, key: str | None, *, root: str = "/api/v1") -> None:
        self.root = root
        self.client = Client(raise_request_exception=False)
        self.headers = {} if key is None else {"Authorization": f"Bearer {key}"}

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> "Answer":
        content = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        response = self.client.generic(
            method,
            f"{self.root}{path}",
            content,
            content_type="application/json",
            headers=self.headers | {name.replace("_", "-"): value for name, value in headers.items()},
        )
        return Answer(response)

    def get(self, path: str, **headers: str) -> "Answer":
        return self("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> "Answer":
        return self("POST", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> "Answer":
        return self("PUT", path, body, **headers)

    def delete(self, path: str, **headers: str) -> "Answer":
        return self("DELETE", path, **headers)


#: The messages of refusals that have the fields and reasons in `errors`.
FIXED = ("Invalid request format", "Invalid input provided")


class Answer:
    """An answer of the API, taken apart."""

    def __init__(self, response: Any) -> None:
        self.response = response
        self.status: int = response.status_code
        self.headers = response.headers
        self.json: dict[str, Any] = orjson.loads(response.content)
        assert response.headers["Content-Type"] == "application/json"

    @property
    def data(self) -> Any:
        assert self.json["status"] is True, self.json
        return self.json["data"]

    @property
    def message(self) -> str:
        return str(self.json["message"])

    @property
    def error(self) -> tuple[int, str]:
        """(status, message) of a refusal, which has the shape of one."""
        assert self.json["status"] is False
        if self.message in FIXED:
            # The two texts that hide the reason have it beside them.
            assert self.json.keys() == {"status", "message", "errors"}, self.json
            assert self.json["errors"], self.json
            assert all(one.keys() == {"field", "message"} and one["message"] for one in self.json["errors"])
        else:
            assert self.json.keys() == {"status", "message"}, self.json
        return self.status, self.message


def as_text(value: object) -> str | None:
    """The text of a parameter, as a test's id; None, which has pytest number it, where it is not plain or not short."""
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    is_plain = len(text) <= LONGEST_PARAMETER and text.isascii() and text.isprintable() and "\\" not in text
    return text if is_plain else None


def pytest_make_parametrize_id(val: Any, argname: str) -> str | None:
    """Name a text or bytes that are not plain and short by their argument and place.

    Workers compare the ids that they have collected: a content that depends on the time or on the machine, as
    compressed bytes do, would stop the run.
    """
    return as_text(val) or argname if isinstance(val, (str, bytes)) and val else None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--first-case", action="store_true", help="run each test with the first of its parameters alone")


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makeitem(collector: pytest.Module | pytest.Class) -> Generator[None, Any, Any]:
    """Keep the first case of a test, where --first-case asks for it."""
    found = yield
    return found[:1] if collector.config.option.first_case and isinstance(found, list) else found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of a folder by what they start, have long files begin first, and refuse unreadable ids."""
    for item in items:
        path = item.path.relative_to(TESTS).as_posix()
        if path.startswith(("live/", "browser/")):
            item.add_marker(pytest.mark.server)
        if path.startswith("browser/"):
            item.add_marker(pytest.mark.browser)
    if missing := [name for name in LONGEST_FILES if not (TESTS / name).is_file()]:
        raise pytest.UsageError(f"LONGEST_FILES names files that are not there: {', '.join(missing)}")
    items.sort(key=_place)
    opaque = [
        item.nodeid
        for item in items
        if len(item.name) > LONGEST_NAME or not item.nodeid.isascii() or "\\" in item.nodeid
    ]
    if opaque:
        raise pytest.UsageError("give these tests ids of words (pytest.param(…, id=…)):\n" + "\n".join(opaque))


def _place(item: pytest.Item) -> int:
    """Where the test's file belongs: those of LONGEST_FILES, then what starts servers, then the others."""
    path = item.path.relative_to(TESTS).as_posix()
    if path in LONGEST_FILES:
        return LONGEST_FILES.index(path)
    return len(LONGEST_FILES) + (item.get_closest_marker("server") is None)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """Look for garbage from here on, but not in the thousands of tests and all modules, which stay until the end.

    What is garbage among them by now stays too: looking for it takes half a second of each process.

    Python's own 700 objects would have it look after every other request, for a tenth of the processor's time.
    """
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS)
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _static_files() -> Iterator[None]:
    """Find the static files once in a process: the client of each test makes the middleware again, which took 20 ms.

    The files are those that WhiteNoise itself has found.
    """
    found = WhiteNoiseMiddleware(lambda request: HttpResponse()).files
    assert found
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", lambda middleware: middleware.files.update(found))
        yield


@pytest.fixture(scope="session", autouse=True)
def _migrating() -> Iterator[None]:
    with migrating_once():
        yield


@pytest.fixture(scope="session", autouse=True)
def _emptying() -> Iterator[None]:
    """Empty only the tables that have rows after a test that commits.

    Django truncates all tables, and makes the permissions of every model again: that took longer than most tests.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _: empty_the_tables())
        yield


def empty_the_tables() -> None:
    """Delete every row but the permissions, which migrations have made; waits for those who still write."""
    kept = {"django_content_type", "auth_permission"}
    tables = sorted(set(connection.introspection.django_table_names(only_existing=True, include_views=False)) - kept)
    filled = " UNION ALL ".join(f"SELECT '{table}' WHERE EXISTS (SELECT FROM \"{table}\")" for table in tables)  # noqa: S608
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {', '.join(tables)}")
        cursor.execute(filled)
        # Foreign keys are checked when the transaction ends, so that the order does not matter.
        for (table,) in cursor.fetchall():
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608


@pytest.fixture(scope="session", autouse=True)
def _passwords() -> Iterator[None]:
    """Hash operators' passwords quickly: that guessing them is slow is Django's affair, and takes most of a test."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture
def project(db: None) -> Project:
    return create_project(name="Orders", type="outgoing")[0]


@pytest.fixture
def other_project(db: None) -> Project:
    return create_project(name="Somebody else's", type="outgoing")[0]


@pytest.fixture
def api(project: Project) -> API:
    """The project's admin."""
    return API(create_api_key(name="admin", role=Role.PROJECT_ADMIN, project=project)[1])


@pytest.fixture
def viewer(project: Project) -> API:
    """The project's viewer, who may read."""
    return API(create_api_key(name="viewer", role=Role.PROJECT_VIEWER, project=project)[1])


@pytest.fixture
def other_api(other_project: Project) -> API:
    """The other project's admin."""
    return API(create_api_key(name="other admin", role=Role.PROJECT_ADMIN, project=other_project)[1])


@pytest.fixture
def instance(db: None) -> API:
    """The instance's admin."""
    return API(create_api_key(name="instance", role=Role.INSTANCE_ADMIN)[1])


@pytest.fixture
def revoked(project: Project) -> API:
    """The project's admin until a moment ago."""
    row, key = create_api_key(name="revoked", role=Role.PROJECT_ADMIN, project=project)
    revoke_api_key(row.uid)
    return API(key)


@pytest.fixture
def expired(project: Project) -> API:
    """The project's admin until an hour ago."""
    end = timezone.now() - timedelta(hours=1)
    return API(create_api_key(name="expired", role=Role.PROJECT_ADMIN, project=project, expires_at=end)[1])


@pytest.fixture
def nobody(db: None) -> API:
    """A caller without a key."""
    return API(None)


@pytest.fixture
def make_endpoint(project: Project) -> Callable[..., Endpoint]:
    """Creates an endpoint of the project."""

    def make(**fields: Any) -> Endpoint:
        return create_endpoint(
            fields.pop("project_id", project.uid), **{"name": "Orders", "url": "https://hooks.example.com/in"} | fields
        )

    return make


@pytest.fixture
def row(db: None, subtests: pytest.Subtests) -> Iterator[Row]:
    """Checks the rows of a table in one test, as `for operation in OPERATIONS: with row(operation): …`.

    A failure names its row, and the rows after it are checked too. What a block writes is rolled back at its end,
    so that each finds the database that the test's fixtures have made; the block gets the statements that wrote.
    """
    with Undo().watching() as undo:

        @contextmanager
        def check(name: object) -> Iterator[list[str]]:
            try:
                with undo.each() as written:
                    yield written
            except BaseException:
                # A subtest captures output and makes a report. Only a failure needs them, and rows are in thousands.
                with subtests.test(str(name)):
                    raise

        yield check


@pytest.fixture
def fields_missed(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often a serializer has read an object without one of its fields, or with a key that is not a field.

    "objects" counts those that it has read at all.
    """
    found: Counter[str] = Counter()
    read = Shape.to_internal_value

    def note(shape: Shape, data: Any) -> Any:
        found.update(f"{type(shape).__name__} without {name}" for name in shape.fields.keys() - data.keys())
        found.update(f"{type(shape).__name__} with {name}" for name in data.keys() - shape.fields.keys())
        found.update(["objects"])
        return read(shape, data)

    monkeypatch.setattr(Shape, "to_internal_value", note)
    return found


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a test that was skipped has not been run, which is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") == "true" and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line("CI is set, and tests were skipped: the run fails", red=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests have recorded for the reader of the run, from every process of it."""
    for report in terminalreporter.getreports("passed"):
        for name, values in report.user_properties:
            terminalreporter.section(f"{name} ({len(values)})")
            terminalreporter.line("\n".join(values))

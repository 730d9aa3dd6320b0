"""The tables of docs/compatibility.md, made from the packages of other products (script/checks/sdk_operations.py)."""

import pytest

from script.checks.sdk_operations import PACKAGES, PAGE, Found, Package, operations_in, operations_of, rows, with_table

SOURCE = """
class ThingsAsync:
    async def list(self):
        return await self._request_asyncio(method="get", path="/api/v1/thing")

class Things:
    def list(self):
        return self._request_sync(method="get", path="/api/v1/app")

    def drop(self, uid):
        return self._request_sync(method="delete", path=f"/api/v1/thing/{uid}")
"""


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_the_page_is_what_the_package_and_the_routes_say(package: Package) -> None:
    page = PAGE.read_text("utf-8")
    assert page == with_table(page, package, rows(package, operations_of(package)))


def test_operations_in_a_source() -> None:
    assert list(operations_in(SOURCE, "things")) == [
        Found("things.list", "GET", "/api/v1/app"),
        Found("things.drop", "DELETE", "/api/v1/thing/{id}"),
    ]


def test_what_does_not_work_needs_a_reason() -> None:
    found = list(operations_in(SOURCE, "things"))
    with pytest.raises(KeyError, match="drop"):
        rows(Package("things", "", {}), found)
    reasoned = Package("things", "", {"things.drop": "There are no things."})
    assert rows(reasoned, found) == [
        "| `things.list` | `GET /api/v1/app` | works |",
        "| `things.drop` | `DELETE /api/v1/thing/{id}` | There are no things. |",
    ]


def test_a_reason_that_nothing_needs() -> None:
    found = list(operations_in(SOURCE, "things"))[:1]
    with pytest.raises(ValueError, match=r"things\.list"):
        rows(Package("things", "", {"things.list": "It works."}), found)


def test_modules_of_which_nothing_works_are_one_row() -> None:
    found = [Found("gone.one", "GET", "/nope/a"), Found("gone.two", "POST", "/nope/a/b")]
    assert rows(Package("things", "", {"gone": "Gone."}), found) == ["| `gone`: `one`, `two` | `/nope/a` | Gone. |"]

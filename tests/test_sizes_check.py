"""The check of the length of files (script/checks/sizes.py)."""

import pytest

from script.checks.sizes import too_long

RULE = {"lines": 400, "excepted": ["*/migrations/*", "tests/rows.py"]}


@pytest.mark.parametrize(
    ("path", "lines", "is_refused"),
    [
        ("app/views.py", 400, False),
        ("app/views.py", 401, True),
        ("app/static/app/page.js", 401, True),
        ("script/server", 401, True),
        ("README.md", 401, False),
        ("app/migrations/0001_initial.py", 401, False),
        ("app/migrations.py", 401, True),
        ("tests/rows.py", 401, False),
        ("tests/test_rows.py", 401, True),
    ],
)
def test_long_files_of_code_are_refused(path: str, lines: int, is_refused: bool) -> None:
    found = list(too_long({path: lines}, RULE))
    assert found == ([f"{path} has {lines} lines, and may have 400: split it by concern"] if is_refused else [])

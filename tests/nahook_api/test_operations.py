"""The table of the operations of nahook's package: it has all of them, and the page of differences shows it."""

from tests.nahook_api.operations import END, PAGE, ROWS, START, every_operation, table


def test_every_operation_of_the_package_has_a_row() -> None:
    names = [row.name for row in ROWS]
    assert len(names) > 30
    assert sorted(names) == sorted(every_operation())


def test_the_page_has_the_table() -> None:
    shown = PAGE.read_text(encoding="utf-8").partition(START)[2].partition(END)[0]
    assert shown == table(), "run python -m tests.nahook_api.operations"

"""The check of the tables that a lower app's SQL names (script/checks/tables.py)."""

import pytest

from script.checks.tables import floors, upper_tables

CONTRACT = """
[[tool.importlinter.contracts]]
layers = ["roof", "left | right", "ground"]
"""
APP_OF = {"roof_tile": "roof", "left_door": "left", "right_door": "right", "ground_stone": "ground"}


@pytest.mark.parametrize(
    ("app", "source", "found"),
    [
        ("roof", 'SQL = "SELECT * FROM roof_tile, left_door, ground_stone"', []),
        ("left", 'SQL = "SELECT * FROM left_door JOIN ground_stone"', []),
        ("left", 'SQL = "SELECT * FROM right_door"', [(1, "right_door")]),
        ("ground", 'x = 1\nSQL = f"UPDATE {x} FROM left_door, roof_tile"', [(2, "left_door"), (2, "roof_tile")]),
        ("ground", 'URL = "admin:roof_tile_changelist"', []),
    ],
    ids=["below", "own and below", "beside", "above", "longer name"],
)
def test_tables_of_upper_apps_are_found(app: str, source: str, found: list[tuple[int, str]]) -> None:
    assert list(upper_tables(source, app, floors(CONTRACT), APP_OF)) == found

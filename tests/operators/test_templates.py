"""The operators' templates name acts by their words, and a word that names none would hide a button from everyone."""

import re
from pathlib import Path

import operators
from operators.acts import ACTS
from operators.rights import TABLES

#: Of a customer's page: beside the others, an act that leads to another page.
OF_CUSTOMERS = {*ACTS, "preview"}
OF_SWITCHES = {act for acts in TABLES.values() for act in acts}
_asked = re.compile(r'"(\w+)" in (\w+)')
_button = re.compile(r'"operators/(customer|switch)_button\.html" with act="(\w+)"')


def test_each_word_is_an_act() -> None:
    pages = sorted((Path(operators.__file__).parent / "templates" / "operators").glob("*.html"))
    asked, buttons = set(), set()
    for page in pages:
        text = page.read_text("utf-8")
        is_switched = page.name == "switches.html"
        asked |= {(name, is_switched or where == "may_switch") for name, where in _asked.findall(text)}
        buttons |= {(name, kind == "switch") for kind, name in _button.findall(text)}
    assert {
        name for name, of_switches in asked | buttons if name not in (OF_SWITCHES if of_switches else OF_CUSTOMERS)
    } == set()
    # Each act has a button that only those see who may do it: by its word, or by a form of its own.
    assert {name for name, of_switches in asked if of_switches} == OF_SWITCHES
    assert {name for name, of_switches in asked if not of_switches} == {*ACTS}

"""The colours of a project: legible whatever the operator has chosen."""

import pytest

from portal.theme import (
    DARK_SURFACE,
    DEFAULT_COLOR,
    LIGHT_SURFACE,
    asked_color,
    asked_family,
    contrast,
    legible,
    readable_on,
    stylesheet,
)

COLORS = ["#000000", "#ffffff", "#ffd400", "#0b6bcb", "#777777", "#ff0000", "#00ff00", DEFAULT_COLOR]


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=0.001)


@pytest.mark.parametrize("color", COLORS)
def test_text_on_the_colour_is_legible(color: str) -> None:
    assert contrast(readable_on(color), color) >= 4.5


@pytest.mark.parametrize("surface", [LIGHT_SURFACE, DARK_SURFACE])
@pytest.mark.parametrize("color", COLORS)
def test_text_in_the_colour_is_legible(color: str, surface: str) -> None:
    assert contrast(legible(color, surface), surface) >= 4.5


def test_a_colour_that_is_legible_is_kept() -> None:
    assert legible("#0b6bcb", LIGHT_SURFACE) == "#0b6bcb"


def test_the_colour_itself_is_that_of_buttons() -> None:
    assert "--accent: #ffd400;" in stylesheet("#FFD400")
    assert f"--accent: {DEFAULT_COLOR};" in stylesheet("")


def test_the_dark_scheme_can_have_a_colour_of_its_own() -> None:
    css = stylesheet("#0b6bcb", dark_color="#FFD400")
    assert "--accent: light-dark(#0b6bcb, #ffd400);" in css
    assert "--on-accent: light-dark(#ffffff, #000000);" in css
    assert "--accent: #0b6bcb;" in stylesheet("#0b6bcb")


def test_a_font_is_one_of_those_that_can_be_chosen() -> None:
    assert "--font" not in stylesheet("", font="system")
    assert "--font: Charter" in stylesheet("", font="serif")
    assert '--font: "Fira Sans", Charter' in stylesheet("", font="serif", family="Fira Sans")


@pytest.mark.parametrize("text", ['x"; } body { display: none', "url(//evil.example)", "a;b", "", "f" * 65, "\n"])
def test_a_font_that_is_no_plain_name_is_ignored(text: str) -> None:
    assert asked_family(text) == ""


@pytest.mark.parametrize(
    ("text", "color"),
    [("#0B6BCB", "#0b6bcb"), ("0b6bcb", "#0b6bcb"), ("red", ""), ("#fff", ""), ("#0b6bcb;x", ""), ("", "")],
)
def test_a_colour_that_is_asked_for(text: str, color: str) -> None:
    assert asked_color(text) == color

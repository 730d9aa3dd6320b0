"""The colours of a project: legible whatever the operator has chosen."""

import pytest

from portal.theme import DARK_SURFACE, DEFAULT_COLOR, LIGHT_SURFACE, contrast, legible, readable_on, stylesheet

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
    assert "--pico-primary-background: #ffd400;" in stylesheet("#FFD400")
    assert f"--pico-primary-background: {DEFAULT_COLOR};" in stylesheet("")

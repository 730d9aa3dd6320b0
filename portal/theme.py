"""Make a stylesheet of a project's colours and font. The pages forbid inline styles, so it is a file of its own.

The operator chooses the colour, and this module computes legible text: text on the colour is black or white, and text
in the colour is mixed with black or white until its contrast with the page is at least LEGIBLE (WCAG 2.2, 1.4.3).
Pure functions.
"""

import re

from projects.models import Font

DEFAULT_COLOR = "#3557d6"
LEGIBLE = 4.5
#: The backgrounds of coloured text (portal.css): of each colour scheme the one with less contrast.
LIGHT_SURFACE = "#f0f2f5"
DARK_SURFACE = "#1e252e"

#: The typefaces that a project can choose: all of them are on the customer's device already.
FONTS = {
    Font.HUMANIST: 'Seravek, "Gill Sans Nova", Ubuntu, Calibri, "DejaVu Sans", source-sans-pro, sans-serif',
    Font.GEOMETRIC: '"Avenir Next", Avenir, Montserrat, "Nunito Sans", "Segoe UI", Ubuntu, system-ui, sans-serif',
    Font.SERIF: 'Charter, "Bitstream Charter", "Sitka Text", Cambria, Georgia, serif',
}
_BLACK, _WHITE = "#000000", "#ffffff"
_COLOR = re.compile(r"#?([0-9a-fA-F]{6})")
_FAMILY = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]{0,63}")


def stylesheet(color: str, *, dark_color: str = "", font: str = "", family: str = "") -> str:
    """Return the stylesheet for `color`, six hexadecimal digits after a `#`. Blank stands for DEFAULT_COLOR.

    `dark_color` is that of the dark scheme, where it differs. `font` is one of Font; `family` is a name that the host
    page has asked for, which takes precedence where the customer's device has that font.
    """
    light, dark = color or DEFAULT_COLOR, dark_color or color or DEFAULT_COLOR
    rules = {
        "accent": _pair(light.lower(), dark.lower()),
        "accent-hover": _pair(_hover(light), _hover(dark)),
        "on-accent": _pair(readable_on(light), readable_on(dark)),
        "accent-text": f"light-dark({legible(light, LIGHT_SURFACE)}, {legible(dark, DARK_SURFACE)})",
    }
    families = FONTS.get(Font(font)) if font else None
    if family:
        families = f'"{family}", {families or "system-ui, sans-serif"}'
    if families:
        rules["font"] = families
    return ":root {\n" + "".join(f"  --{name}: {value};\n" for name, value in rules.items()) + "}\n"


def asked_color(text: str) -> str:
    """Return a colour that a host page has asked for, with its `#`; blank where it is not six hexadecimal digits."""
    found = _COLOR.fullmatch(text)
    return f"#{found[1].lower()}" if found else ""


def asked_family(text: str) -> str:
    """Return the name of a font that a host page has asked for; blank where it is not a plain name."""
    return text if _FAMILY.fullmatch(text) else ""


def readable_on(color: str) -> str:
    """Return black or white, whichever is easier to read on `color`."""
    return max(_WHITE, _BLACK, key=lambda text: contrast(text, color))


def legible(color: str, surface: str) -> str:
    """Return `color`, or the nearest mix of it with black or white, that is legible as text on `surface`."""
    color = color.lower()
    towards = readable_on(surface)
    mixes = (_mix(color, towards, step / 20) for step in range(21))
    return next(mix for mix in mixes if contrast(mix, surface) >= LEGIBLE)


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    parts = [part / 255 for part in _parts(color)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _mix(color: str, other: str, share: float) -> str:
    pairs = zip(_parts(color), _parts(other), strict=True)
    return "#" + "".join(f"{round(one + (two - one) * share):02x}" for one, two in pairs)


def _parts(color: str) -> list[int]:
    return [int(color[start : start + 2], 16) for start in (1, 3, 5)]


def _hover(color: str) -> str:
    """Return the colour of a button under the pointer: further from that of its text, which stays as legible."""
    return _mix(color.lower(), _BLACK if readable_on(color) == _WHITE else _WHITE, 0.12)


def _pair(light: str, dark: str) -> str:
    return light if light == dark else f"light-dark({light}, {dark})"

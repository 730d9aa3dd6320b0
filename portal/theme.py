"""Make a stylesheet of a project's colour. The pages forbid inline styles, so it is a file of its own.

The operator chooses the colour, and this module computes legible text: text on the colour is black or white, and text
in the colour is mixed with black or white until its contrast with the page is at least LEGIBLE (WCAG 2.2, 1.4.3).
Pure functions.
"""

DEFAULT_COLOR = "#3557d6"
LEGIBLE = 4.5
#: The backgrounds of coloured text (portal.css): of each colour scheme the one with less contrast.
LIGHT_SURFACE = "#f4f6f9"
DARK_SURFACE = "#1b212c"

_BLACK, _WHITE = "#000000", "#ffffff"


def stylesheet(color: str) -> str:
    """Return the stylesheet for `color`, six hexadecimal digits after a `#`. Blank stands for DEFAULT_COLOR."""
    color = (color or DEFAULT_COLOR).lower()
    on_color = readable_on(color)
    # Away from the colour of the text on it, so that hovering never makes the text harder to read.
    hover = _mix(color, _BLACK if on_color == _WHITE else _WHITE, 0.12)
    light = _rules(color, hover, on_color, legible(color, LIGHT_SURFACE), legible(hover, LIGHT_SURFACE))
    dark = _rules(color, hover, on_color, legible(color, DARK_SURFACE), legible(hover, DARK_SURFACE))
    # This selector is as specific as that of Pico's rules, and this stylesheet comes after Pico's.
    root = ":root:not([data-theme])"
    return f"{root} {{\n{light}}}\n@media (prefers-color-scheme: dark) {{\n{root} {{\n{dark}}}\n}}\n"


def readable_on(color: str) -> str:
    """Return black or white, whichever is easier to read on `color`."""
    return max(_WHITE, _BLACK, key=lambda text: contrast(text, color))


def legible(color: str, surface: str) -> str:
    """Return `color`, or the nearest mix of it with black or white, that is legible as text on `surface`."""
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


def _rules(color: str, hover: str, on_color: str, text: str, text_hover: str) -> str:
    values = {
        "--pico-primary": text,
        "--pico-primary-hover": text_hover,
        "--pico-primary-underline": f"{text}80",
        "--pico-primary-focus": f"{text}80",
        "--pico-primary-background": color,
        "--pico-primary-border": color,
        "--pico-primary-hover-background": hover,
        "--pico-primary-hover-border": hover,
        "--pico-primary-inverse": on_color,
        "--pico-form-element-active-border-color": text,
        "--pico-form-element-focus-color": text,
    }
    return "".join(f"  {name}: {value};\n" for name, value in values.items())

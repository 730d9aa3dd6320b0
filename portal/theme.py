"""A project's colour as a stylesheet. Inline styles are not allowed on the pages, so it is a file of its own.

The colour is the operator's choice, what is legible on it and with it is computed: text on the
colour is black or white, and text in the colour is moved towards the page's own text until its
contrast is at least 4.5 (WCAG 2.2, 1.4.3). Pure functions.
"""

DEFAULT_COLOR = "#3557d6"
LEGIBLE = 4.5
#: The pages' surfaces on which coloured text stands, the less favourable one of each scheme (portal.css).
LIGHT_SURFACE = "#f4f6f9"
DARK_SURFACE = "#1b212c"

_BLACK, _WHITE = "#000000", "#ffffff"


def stylesheet(color: str) -> str:
    """The stylesheet for `color`, six hexadecimal digits after a `#`; blank, it is the default."""
    color = (color or DEFAULT_COLOR).lower()
    on_color = readable_on(color)
    # Away from the text on it, so that hovering never makes that harder to read.
    hover = _mix(color, _BLACK if on_color == _WHITE else _WHITE, 0.12)
    light = _rules(color, hover, on_color, legible(color, LIGHT_SURFACE), legible(hover, LIGHT_SURFACE))
    dark = _rules(color, hover, on_color, legible(color, DARK_SURFACE), legible(hover, DARK_SURFACE))
    # As specific as Pico's own rules, and after them.
    root = ":root:not([data-theme])"
    return f"{root} {{\n{light}}}\n@media (prefers-color-scheme: dark) {{\n{root} {{\n{dark}}}\n}}\n"


def readable_on(color: str) -> str:
    """Black or white, whichever is easier to read on `color`."""
    return max(_WHITE, _BLACK, key=lambda text: contrast(text, color))


def legible(color: str, surface: str) -> str:
    """`color`, or the nearest mix of it with black or white that is legible as text on `surface`."""
    towards = readable_on(surface)
    mixes = (_mix(color, towards, step / 20) for step in range(21))
    return next(mix for mix in mixes if contrast(mix, surface) >= LEGIBLE)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
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

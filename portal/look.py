"""Read the look and the language of a page from its address, its frame and its project.

Parameters of the address take precedence over the link, the link over the project. Those of Svix's own embedding
component (`darkMode`, `primaryColor`, `icon`, `fontFamily`) mean what they mean there.
"""

from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language_from_request, get_supported_language_variant

from portal import theme
from projects.models import Appearance, Project

_THEMES = {Appearance.LIGHT: "light", Appearance.DARK: "dark"}
_DARK_MODE = {"true": "dark", "false": "light", "auto": ""}
#: The values of Sec-Fetch-Dest, by which a browser says that it loads a document into a frame.
_FRAMES = ("iframe", "frame", "embed", "object")


@dataclass(frozen=True, slots=True)
class Look:
    """The look of one page."""

    #: "light" or "dark" where one is forced, "" where the customer's device decides.
    theme: str
    is_framed: bool
    #: Whether the menu is hidden, too: a single page in a frame.
    is_bare: bool
    #: The parameters of theme.css.
    query: str
    #: The address of an icon that the host page has asked for; "" for the project's logo.
    icon_url: str


def read_look(request: HttpRequest, project: Project | None, *, appearance: str = "") -> Look:
    """Return the look of a page. `appearance` is that of the portal link, "" where it has none.

    In a frame without any setting the page is light: the page around it does not follow the device either, as a rule.
    """
    query = request.GET
    is_framed = request.headers.get("Sec-Fetch-Dest") in _FRAMES or "X-Portal-Frame" in request.headers
    asked = query.get("theme", "")
    if asked in ("light", "dark", "auto"):
        shown = "" if asked == "auto" else asked
    elif query.get("darkMode") in _DARK_MODE:
        shown = _DARK_MODE[query["darkMode"]]
    else:
        chosen = appearance or (project.portal_appearance if project is not None else Appearance.AUTO)
        unset = not appearance and chosen == Appearance.AUTO
        shown = "light" if is_framed and unset else _THEMES.get(Appearance(chosen), "")
    sent = {
        "primaryColor": theme.asked_color(query.get("primaryColor", "")),
        "fontFamily": theme.asked_family(query.get("fontFamily", "")),
    }
    return Look(
        theme=shown,
        is_framed=is_framed,
        is_bare=query.get("nav") == "none",
        query=urlencode({name: value for name, value in sent.items() if value}),
        icon_url=_icon(query.get("icon", ""), project),
    )


def read_language(request: HttpRequest, project: Project | None) -> str:
    """Return the language of a page: that of the address, of the project, or of the browser."""
    for asked in (request.GET.get("lang"), request.headers.get("X-Portal-Language")):
        if asked and len(asked) <= 16:
            try:
                return get_supported_language_variant(asked)
            except LookupError:
                continue
    if project is not None and project.portal_language:
        return project.portal_language
    # Without cookies: only the header counts.
    request.COOKIES.pop(settings.LANGUAGE_COOKIE_NAME, None)
    return get_language_from_request(request)


def _icon(url: str, project: Project | None) -> str:
    """Return the address of an icon on a site that may embed the portal; "" for every other."""
    if project is None or len(url) > 2048:
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if f"{parts.scheme}://{parts.netloc}".lower() in project.portal_allowed_origins else ""

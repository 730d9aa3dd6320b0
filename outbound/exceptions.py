"""Define the refusals of URLs that no request can be sent to."""

from core.exceptions import InvalidInput


class UrlMissing(InvalidInput):
    """The URL is blank."""

    message = "please provide the endpoint url"
    field = "url"


class UrlScheme(InvalidInput):
    """The URL's scheme."""

    message = "invalid endpoint scheme"
    field = "url"


class UrlWithoutHost(InvalidInput):
    """The URL has no host."""

    message = "endpoint url must include a valid host"
    field = "url"


class UrlRelative(UrlWithoutHost):
    """The URL has neither a scheme nor a host. Convoy says no more of it; the portal's pages do."""


class UrlNotSecure(InvalidInput):
    """The project takes https only."""

    message = "only https endpoints allowed"
    field = "url"

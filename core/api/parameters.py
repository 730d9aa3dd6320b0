"""Read the parameters of a list's query."""

from rest_framework.request import Request


def texts(request: Request, name: str) -> list[str]:
    """Return the values of a repeatable parameter: stripped, without blank and repeated ones, in their order."""
    return list(dict.fromkeys(text for given in request.query_params.getlist(name) if (text := given.strip())))

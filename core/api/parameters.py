"""Read the parameters of a query."""

import re

from rest_framework.request import Request

#: The part after the name: brackets, with the value's place in the list where it has one.
_BRACKET = re.compile(r"\[([0-9]{0,9})")


def is_true(request: Request, name: str) -> bool:
    """Return whether a parameter is `true`; any other text counts as not sent."""
    return bool(request.query_params.get(name) == "true")


def texts(request: Request, name: str) -> list[str]:
    """Return the values of a repeatable parameter: stripped, without blank and repeated ones, in their order.

    `name[]=a` and `name[0]=a` count too, as clients in Ruby and PHP write lists, and so does anything else that begins
    with `name[`, such as `name[a]`. Ignored, it would widen what a batch operation does to the whole project.
    """
    given = list(request.query_params.getlist(name))
    bracketed = [
        (int(found[1] or 0), values)
        for key, values in request.query_params.lists()
        if key.startswith(name) and (found := _BRACKET.match(key, len(name)))
    ]
    for _, values in sorted(bracketed, key=lambda pair: pair[0]):
        given += values
    return list(dict.fromkeys(text for value in given if (text := value.strip())))

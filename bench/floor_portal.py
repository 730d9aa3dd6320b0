"""Ask the database for a 1 and answer it, by bare WSGI: the floor of `script/bench portal`."""

from collections.abc import Iterable
from typing import Any

from bench.floor import Start, run


def application(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
    """Answer any request."""
    ((one,),) = run(("SELECT 1", ()))[0]
    answer = str(one).encode()
    start_response("200 OK", [("Content-Type", "text/html"), ("Content-Length", str(len(answer)))])
    return [answer]

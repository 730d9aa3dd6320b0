"""Keep statements planned that are sent together with others, as one text.

psycopg prepares a statement that it sends alone. What a text of several statements holds is planned each time, which
takes three times as long as running it; EXECUTE within such a text is not.
"""

import re
from typing import Any

import psycopg

from core.postgres.bounded import AsyncConnection

_PARAMETER = re.compile(r"%\((\w+)\)s")


class Statement:
    """A statement with named parameters, for a text that psycopg's AsyncClientCursor sends."""

    def __init__(self, name: str, text: str) -> None:
        names = list(dict.fromkeys(_PARAMETER.findall(text)))
        self.name, self._text = name, text
        self._prepare = f"PREPARE {name} AS " + _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", text)
        given = ", ".join(f"%({each})s" for each in names)
        self._execute = f"EXECUTE {name} ({given})" if given else f"EXECUTE {name}"

    async def prepare(self, connection: AsyncConnection) -> None:
        """Prepare the statement on a connection that is kept, and has a server of its own."""
        await connection.execute(self._prepare)
        connection.prepared.add(self.name)

    def over(self, connection: psycopg.AsyncConnection[Any]) -> str:
        """Return the SQL that runs the statement over a connection: it is written out where it is not prepared."""
        is_prepared = isinstance(connection, AsyncConnection) and self.name in connection.prepared
        return self._execute if is_prepared else self._text

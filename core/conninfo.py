"""Build the connection string for connections to the database that are not Django's."""

from typing import Any

from psycopg.conninfo import make_conninfo

#: Options of Django's connections that are not part of the address.
FOR_DJANGO = {"server_side_binding": True, "prepare_threshold": 5}


def conninfo(settings: dict[str, Any]) -> str:
    """Return the libpq connection string for one of Django's DATABASES."""
    options = {name: value for name, value in settings["OPTIONS"].items() if name not in FOR_DJANGO}
    named = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    given = {name: settings[key] for name, key in named.items() if settings[key]}
    return make_conninfo("", **given, **options)

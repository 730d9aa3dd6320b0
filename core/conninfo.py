"""Build the connection string for connections to the database that are not Django's."""

from typing import Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo

#: Options of Django's connections that are not part of the address.
FOR_DJANGO = {"server_side_binding": True, "prepare_threshold": 5}


#: Where DATABASE_URL does not say otherwise, a connection that has died without a word is noticed within seconds: while
#: it opens (seconds), while something that was sent is not acknowledged (milliseconds), and while it is idle.
DEFAULTS = {
    "connect_timeout": "3",
    "tcp_user_timeout": "4000",
    "keepalives": "1",
    "keepalives_idle": "10",
    "keepalives_interval": "2",
    "keepalives_count": "3",
}


def with_defaults(url: str) -> str:
    """Return the libpq connection string for a URL, with DEFAULTS where the URL does not say otherwise."""
    return make_conninfo("", **(DEFAULTS | conninfo_to_dict(url)))


def conninfo(settings: dict[str, Any]) -> str:
    """Return the libpq connection string for one of Django's DATABASES."""
    options = {name: value for name, value in settings["OPTIONS"].items() if name not in FOR_DJANGO}
    named = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    given = {name: settings[key] for name, key in named.items() if settings[key]}
    return make_conninfo("", **given, **options)

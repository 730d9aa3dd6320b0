"""Run the `convoyclone` command of an installed package, and the commands of manage.py."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from convoyclone.database import DatabaseAway, DatabaseUnavailable, ensure_running, own_the_environment

USAGE = """usage: convoyclone COMMAND [options]

  serve        answer the API, the portal and the admin on HOST and PORT
  deliver      send the webhooks; as many of these as are needed
  migrate      bring the database to this version
  create-key   create an API key and print it
  listen       hand a server's deliveries on to a program on this machine
  doctor       check settings, database, network and mail, and say what to do
  manage       any other command of Django, such as: manage createsuperuser

The settings are environment variables; listen needs none. `convoyclone COMMAND --help` describes a command's options.
"""
#: Commands of Django under a name of ours.
_NAMES = {"deliver": "deliver", "migrate": "migrate", "create-key": "create_api_key"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code."""
    command, *rest = [*(sys.argv[1:] if arguments is None else arguments), ""]
    rest = rest[:-1]
    # The data of an installed package is not beside its code.
    os.environ["DATA_DIR"] = str((Path.cwd() / (os.environ.get("DATA_DIR") or ".data")).resolve())
    if command in _NAMES:
        manage(["convoyclone", _NAMES[command], *rest])
    elif command == "manage":
        manage(["convoyclone", *rest])
    elif command == "serve" and not rest:
        _serve()
    elif command == "listen":
        # `listen` talks to a server, and needs neither settings nor a database.
        from convoyclone.listening import listen

        return listen(rest)
    elif command == "doctor" and not rest:
        from convoyclone.doctor import examine

        return examine()
    else:
        is_asked = command in ("", "help", "-h", "--help")
        print(USAGE if is_asked else f"convoyclone: unknown command {command!r}\n\n{USAGE}", end="")
        return 0 if is_asked else 2
    return 0


def manage(argv: Sequence[str]) -> None:
    """Run a management command, with the embedded PostgreSQL where DATABASE_URL is not set."""
    own_the_environment()
    try:
        ensure_running()
    except DatabaseUnavailable as error:
        # A worker waits for its database.
        if not (isinstance(error, DatabaseAway) and argv[1:2] == ["deliver"]):
            sys.exit(f"convoyclone: {error}")
    from django.core.management import execute_from_command_line

    execute_from_command_line(list(argv))


def _serve() -> None:
    """Become Granian. Only production has no demo, so this needs DATABASE_URL."""
    own_the_environment()
    if not os.environ.get("DATABASE_URL"):
        sys.exit("convoyclone: serve needs DATABASE_URL; script/server of the repository brings a database")
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured

    from convoyclone.server import web_command

    try:
        command = web_command(settings.HOST, settings.PORT)
    except ImproperlyConfigured as error:
        sys.exit(f"convoyclone: {error}")
    os.execv(command[0], command)  # noqa: S606 - our own interpreter

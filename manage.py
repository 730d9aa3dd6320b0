#!/usr/bin/env python
"""Run Django's command line, with the embedded PostgreSQL where DATABASE_URL is not set."""

import sys

from convoyclone.database import DatabaseAway, DatabaseUnavailable, ensure_running, own_the_environment


def main() -> None:
    """Run one management command."""
    own_the_environment()
    try:
        ensure_running()
    except DatabaseUnavailable as error:
        # A worker waits for its database.
        if not (isinstance(error, DatabaseAway) and sys.argv[1:2] == ["deliver"]):
            sys.exit(f"convoyclone: {error}")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()

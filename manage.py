#!/usr/bin/env python
"""Django's command line, with the embedded PostgreSQL running where no DATABASE_URL is given."""

import os
import sys

from convoyclone.database import DatabaseUnavailable, ensure_running


def main() -> None:
    """Run one management command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "convoyclone.settings")
    try:
        ensure_running()
    except DatabaseUnavailable as error:
        sys.exit(f"convoyclone: {error}")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()

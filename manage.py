#!/usr/bin/env python
"""Run Django's command line, with the embedded PostgreSQL where DATABASE_URL is not set."""

import sys

from convoyclone.commands import manage


def main() -> None:
    """Run one management command."""
    manage(sys.argv)


if __name__ == "__main__":
    main()

"""List the chores of apps beside the engine, which its workers do now and then (engine/housekeeping.py).

An app adds its own when it is ready. A chore runs in every worker, in a thread with Django's database, so it makes sure
itself that it is done once. It returns the seconds until it is repeated.
"""

from collections.abc import Callable

CHORES: list[Callable[[], float]] = []

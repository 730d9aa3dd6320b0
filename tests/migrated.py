"""Migrate the tests' database in one process of a run; the others copy it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection


@contextmanager
def migrating_once() -> Iterator[None]:
    """Have Django make the test database of a block as a copy of one that another process of this run has migrated.

    Migrations take seconds of a processor, a copy a tenth of one. The migrated database is in the embedded PostgreSQL
    and is thrown away with it. An external one, which would keep it, is left alone.
    """
    folder = Path(os.environ["DATA_DIR"])
    creation = connection.creation
    make = creation.create_test_db

    def make_once(*args: Any, **options: Any) -> str:
        with (folder / "migrated-database").open("a+", encoding="utf-8") as note:
            # The first process keeps the others waiting while it migrates; the system ends the lock of one that dies.
            fcntl.flock(note, fcntl.LOCK_EX)
            note.seek(0)
            if migrated := note.read():
                connection.settings_dict["TEST"]["TEMPLATE"] = migrated
                return make(*args, **options)
            name = make(*args, **options)
            creation.clone_test_db("migrated", verbosity=0, autoclobber=True)
            note.write(creation.get_test_db_clone_settings("migrated")["NAME"])
            return name

    with pytest.MonkeyPatch.context() as patch:
        if "PYTEST_XDIST_WORKER" in os.environ and (folder / "postgres").is_dir():
            patch.setattr(creation, "create_test_db", make_once)
        yield

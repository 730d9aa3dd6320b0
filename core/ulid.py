"""ULIDs: the ids of everything. Time-ordered, so that an id is its own page cursor."""

from datetime import datetime
from typing import Any

from django.db import models
from ulid import ULID, LaxMonotonicPolicy, ULIDGenerator

_generator = ULIDGenerator(policy=LaxMonotonicPolicy())


def new_ulid() -> str:
    """A new id: 26 characters of upper-case Crockford base32, growing within this process."""
    return str(_generator.generate())


class ULIDField(models.CharField):  # type: ignore[type-arg]  # not generic at run time
    """The primary key of a table, compared byte by byte so that its order is the order of time."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs |= {"max_length": 26, "primary_key": True, "default": new_ulid, "editable": False, "db_collation": "C"}
        super().__init__(**kwargs)

    def db_type(self, connection: Any) -> str:
        """The type by its long name: to what begins with "varchar" Django gives a second index, for LIKE."""
        return "character varying(26)"

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        for fixed in ("max_length", "primary_key", "default", "editable", "db_collation"):
            kwargs.pop(fixed, None)
        return name, path, args, kwargs


def first_ulid_at(moment: datetime) -> str:
    """The lowest id that can have been made in the millisecond of `moment`: a bound for a search by time."""
    return str(ULID.from_bytes(int(moment.timestamp() * 1000).to_bytes(6, "big") + b"\0" * 10))

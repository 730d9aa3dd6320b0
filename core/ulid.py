"""Make ULIDs, the ids of all rows. They are ordered by time, so that an id is its own page cursor."""

from datetime import datetime
from typing import Any

from django.db import models
from ulid import ULID, LaxMonotonicPolicy, ULIDGenerator

_generator = ULIDGenerator(policy=LaxMonotonicPolicy())


def new_ulid() -> str:
    """Return a new id: 26 characters of upper-case Crockford base32, greater than the ones before in this process."""
    return str(_generator.generate())


class ULIDField(models.CharField):  # type: ignore[type-arg]  # not generic at run time
    """A primary key that is compared byte by byte, so that its order is the order of time."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs |= {"max_length": 26, "primary_key": True, "default": new_ulid, "editable": False, "db_collation": "C"}
        super().__init__(**kwargs)

    def db_type(self, connection: Any) -> str:
        """Return the type's long name: where it begins with "varchar", Django makes a second index, for LIKE."""
        return "character varying(26)"

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        for fixed in ("max_length", "primary_key", "default", "editable", "db_collation"):
            kwargs.pop(fixed, None)
        return name, path, args, kwargs


def first_ulid_at(moment: datetime) -> str:
    """Return the lowest id of the millisecond of `moment`, as a bound for a search by time."""
    return str(ULID.from_bytes(int(moment.timestamp() * 1000).to_bytes(6, "big") + b"\0" * 10))

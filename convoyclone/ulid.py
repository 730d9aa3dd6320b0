"""ULIDs: the ids of everything. Time-ordered, so that an id is its own page cursor."""

from typing import Any

from django.db import models
from ulid import LaxMonotonicPolicy, ULIDGenerator

_generator = ULIDGenerator(policy=LaxMonotonicPolicy())


def new_ulid() -> str:
    """A new id: 26 characters of upper-case Crockford base32, growing within this process."""
    return str(_generator.generate())


class ULIDField(models.CharField):  # type: ignore[type-arg]  # not generic at run time
    """The primary key of a table, compared byte by byte so that its order is the order of time."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs |= {"max_length": 26, "primary_key": True, "default": new_ulid, "editable": False, "db_collation": "C"}
        super().__init__(**kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        for fixed in ("max_length", "primary_key", "default", "editable", "db_collation"):
            kwargs.pop(fixed, None)
        return name, path, args, kwargs

"""Make ULIDs, the ids of all rows. They are ordered by time, so that an id is its own page cursor."""

import os
import threading
import time
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.utils import timezone

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
#: Two digits at once, for each ten bits of a number.
_PAIRS = [first + second for first in _DIGITS for second in _DIGITS]
_SHIFTS = range(120, -1, -10)
#: After the 48 bits of the time.
_RANDOM_BITS = 80
_STEP_BYTES = 8

_lock = threading.Lock()
_last = 0


def new_ulid() -> str:
    """Return a new id: 26 characters of upper-case Crockford base32.

    It is greater than the ones before in this process, unless the clock has been set back.
    Within a millisecond an id follows the one before by a random step, so that processes of one parent differ. The
    first of a millisecond leaves its highest random bit unset, which is room for thousands of steps.
    """
    global _last
    milliseconds = time.time_ns() // 1_000_000
    with _lock:
        if milliseconds == _last >> _RANDOM_BITS:
            _last += 1 + int.from_bytes(os.urandom(_STEP_BYTES))
        else:
            _last = (milliseconds << _RANDOM_BITS) + (int.from_bytes(os.urandom(_RANDOM_BITS // 8)) >> 1)
        number = _last
    return _text(number)


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
    return _text(int(moment.timestamp() * 1000) << _RANDOM_BITS)


def beyond_now() -> str:
    """Return an id above all that have been made by now, as a bound for what is there."""
    return first_ulid_at(timezone.now() + timedelta(milliseconds=1))


def _text(number: int) -> str:
    return "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])

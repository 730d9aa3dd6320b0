"""The facts that the signature debugger works with, and those that it finds."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

#: The most characters of each pasted text.
MAX_HEADERS, MAX_BODY, MAX_SECRET = 16_384, 262_144, 512


class State(StrEnum):
    """The outcome of a step."""

    YES = "yes"
    NO = "no"
    #: It was not checked, because an earlier step has failed or the request says nothing of it.
    OPEN = "open"


class Owner(StrEnum):
    """The owner of a secret that was found."""

    CURRENT = "current"
    PREVIOUS = "previous"
    EXPIRED = "expired"
    OTHER = "other"


class KnownSecret(NamedTuple):
    """A secret of the customer's endpoints, and the endpoint's name."""

    value: str
    owner: Owner
    endpoint: str


class Pasted(NamedTuple):
    """The request as the customer's server saw it; `secret` is None for that of the endpoint itself."""

    headers: str
    body: str
    secret: str | None = None


class Sent(NamedTuple):
    """A delivery to one of the customer's endpoints. `body` is None where the customer may not see it."""

    uid: str
    body: bytes | None
    #: The name of its endpoint, where that is not the one in question.
    other_endpoint: str = ""
    is_test: bool = False
    #: The Unix times of its attempts.
    sent_at: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Step:
    """A check and its outcome, which is `code` with `values`; words.py has the sentence."""

    name: str
    state: State
    code: str
    values: dict[str, Any] = field(default_factory=dict)


class Difference(NamedTuple):
    """The place where the received body differs from the one that was sent: both, around it, as text."""

    #: Counted from 1.
    at: int
    before: str
    sent: str
    received: str
    sent_bytes: int
    received_bytes: int


@dataclass(frozen=True)
class Verdict:
    """All steps in order, and the one finding that matters, as a code of words.py."""

    steps: list[Step]
    finding: str
    values: dict[str, Any] = field(default_factory=dict)
    difference: Difference | None = None

    @property
    def is_good(self) -> bool:
        """Return whether the signature is right."""
        return self.finding in ("right", "right_old", "right_in_future")

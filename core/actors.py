"""Name the actor of a change: the API key, the portal link or session, the operator, or the server itself.

Operations never see a request. The view, the page, the admin or the worker says who acts before it calls them, for the
rest of that request; docs/adr/0009 says why this is not an argument of every operation.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    """The kinds of actors. A value is the wire value."""

    API_KEY = "api_key"
    PORTAL_LINK = "portal_link"
    PORTAL_SESSION = "portal_session"
    OPERATOR = "operator"
    CIRCUIT_BREAKER = "circuit_breaker"
    #: The worker, where it gives up, or a command of the server.
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class Actor:
    """An actor: its kind, the id of its row ("" where it has none), and a name for people, without any secret.

    `owner_id` is the customer for whom a portal link or session acts, "" where there is none.
    """

    kind: ActorKind
    uid: str = ""
    name: str = ""
    owner_id: str = ""


SERVER = Actor(ActorKind.SERVER)
CIRCUIT_BREAKER = Actor(ActorKind.CIRCUIT_BREAKER)

_current: ContextVar[Actor] = ContextVar("actor", default=SERVER)


def current_actor() -> Actor:
    """Return the actor of the present request; SERVER where nobody has said who acts."""
    return _current.get()


def set_actor(actor: Actor) -> None:
    """Name the actor for the rest of the block of `acting_as` that surrounds the call: a request."""
    _current.set(actor)


@contextmanager
def acting_as(actor: Actor) -> Iterator[None]:
    """Name the actor for a block. The one before is back afterwards, also where the block has named another."""
    before = _current.set(actor)
    try:
        yield
    finally:
        _current.reset(before)

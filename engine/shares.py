"""Share the places of a worker, so that requests that take long cannot take the places of all other projects."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Self

from engine.targets import Target

#: A project may hold this many times as many places as are free: three quarters of all where nobody else wants any,
#: three sevenths where two always want more. Even where five projects take all that they can one after the other, some
#: of 2,048 places are left for a sixth.
PROJECT_SHARE = 3
#: An owner may hold this part of the places that its project may still take: half of all where nobody else wants any.
OWNER_SHARE = 0.5
#: An endpoint with this many slow requests at once does not answer, and gets no more requests until it has answered
#: one. Else the endpoints that hang would take the places of their project's healthy ones.
SILENT_PLACES = 2
#: The most endpoints that are remembered as not answering, or as answering slowly.
MOST_REMEMBERED = 10_000


@dataclass(slots=True)
class Places:
    """Places for requests, with the number that each project and each of its owners holds."""

    number: int
    taken: int = 0
    by_project: Counter[str] = field(default_factory=Counter)
    by_owner: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def free(self) -> int:
        """Return the number of places that nobody holds."""
        return self.number - self.taken

    def room(self, project_id: str, owner_id: str = "") -> int:
        """Return how many more places a project, or an owner in it, may take one after the other.

        Endpoints without an owner belong to the company itself, and have the project's whole share.
        """
        left = PROJECT_SHARE * self.free - self.by_project[project_id]
        room = ceil(left / (1 + PROJECT_SHARE))
        if owner_id:
            of_owner = OWNER_SHARE * left - self.by_owner[project_id, owner_id]
            room = min(room, ceil(of_owner / (1 + OWNER_SHARE * (1 + PROJECT_SHARE))))
        return max(room, 0)

    def take(self, target: Target, number: int = 1) -> None:
        """Take places for a request to an endpoint, or give them back where `number` is negative."""
        self.taken += number
        owner = target.project_id, target.owner_id
        self.by_project[target.project_id] += number
        self.by_owner[owner] += number
        if self.by_project[target.project_id] <= 0:
            del self.by_project[target.project_id]
        if self.by_owner[owner] <= 0:
            del self.by_owner[owner]

    def copy(self) -> Self:
        """Return a copy of the places, with the same ones taken."""
        return type(self)(self.number, self.taken, self.by_project.copy(), self.by_owner.copy())


@dataclass(frozen=True, slots=True)
class Held:
    """The projects and the owners whose deliveries an operator has paused (engine/switchboard.py)."""

    projects: frozenset[str] = frozenset()
    owners: frozenset[tuple[str, str]] = frozenset()

    def holds(self, project_id: str, owner_id: str = "") -> bool:
        """Return whether nothing of a project, or of an owner in it, may be sent."""
        return project_id in self.projects or (project_id, owner_id) in self.owners


NOBODY = Held()


class Silent:
    """The requests under way to each endpoint, and the endpoints that do not answer, as far as this worker has seen."""

    def __init__(self) -> None:
        self.running: Counter[str] = Counter()
        self._slow: Counter[str] = Counter()
        #: In the order in which they were found.
        self._silent: dict[str, None] = {}
        #: The endpoints whose last slow request was answered after all: they only take long.
        self._patient: dict[str, None] = {}

    def note_slow(self, endpoint_id: str) -> None:
        """Count a request that has become slow."""
        self._slow[endpoint_id] += 1
        if self._slow[endpoint_id] >= SILENT_PLACES and endpoint_id not in self._patient:
            _remember(self._silent, endpoint_id)

    def note_end(self, endpoint_id: str, *, was_slow: bool, has_answered: bool) -> None:
        """Stop counting a request."""
        _uncount(self.running, endpoint_id)
        if was_slow:
            _uncount(self._slow, endpoint_id)
            if has_answered:
                _remember(self._patient, endpoint_id)
            else:
                self._patient.pop(endpoint_id, None)
        if has_answered and self._silent:
            self._silent.pop(endpoint_id, None)

    def rooms(self) -> dict[str, int]:
        """Return how many more requests each endpoint that does not answer may have."""
        return {uid: max(SILENT_PLACES - self.running[uid], 0) for uid in self._silent}


def _uncount(counts: Counter[str], key: str) -> None:
    counts[key] -= 1
    if counts[key] <= 0:
        del counts[key]


def _remember(known: dict[str, None], endpoint_id: str) -> None:
    known[endpoint_id] = None
    if len(known) > MOST_REMEMBERED:
        del known[next(iter(known))]


class Shares:
    """The places of a worker: those of all requests, and those of quick ones. A slow one holds no quick place."""

    def __init__(self, places: int, quick: int) -> None:
        self._places = Places(places)
        self._quick = Places(quick)
        #: The deliveries that hold a quick place.
        self._quick_ones: set[str] = set()
        self._silent = Silent()

    @property
    def free(self) -> int:
        """Return how many more requests may be made now."""
        return min(self._places.free, self._quick.free)

    def take(self, delivery_id: str, target: Target) -> None:
        """Count a request as under way."""
        self._quick_ones.add(delivery_id)
        self._places.take(target)
        self._quick.take(target)
        self._silent.running[target.uid] += 1

    def note_slow(self, delivery_id: str, target: Target) -> bool:
        """Give the quick place of a request to others. Returns whether it held one."""
        if delivery_id not in self._quick_ones:
            return False
        self._silent.note_slow(target.uid)
        self._leave_quick(delivery_id, target)
        return True

    def give_back(self, delivery_id: str, target: Target, *, has_answered: bool = False) -> None:
        """Stop counting a request as under way."""
        is_quick = delivery_id in self._quick_ones
        if is_quick:
            self._leave_quick(delivery_id, target)
        self._silent.note_end(target.uid, was_slow=not is_quick, has_answered=has_answered)
        self._places.take(target, -1)

    def offer(self, held: Held = NOBODY) -> "Offer":
        """Return the room of each project and owner now, for one look into the queue; those that are held have none."""
        return Offer((self._places.copy(), self._quick.copy()), held, self._silent.rooms())

    def _leave_quick(self, delivery_id: str, target: Target) -> None:
        self._quick_ones.remove(delivery_id)
        self._quick.take(target, -1)


class Offer:
    """The room that projects and owners have during one look into the queue; each delivery that is chosen uses it."""

    def __init__(
        self, places: tuple[Places, ...] = (), held: Held = NOBODY, endpoints: Mapping[str, int] | None = None
    ) -> None:
        """Take the places that a delivery needs, and the room of `endpoints` that do not answer.

        Without either there is room for everybody who is not held.
        """
        self._places = places
        self._endpoints = endpoints or {}
        self.held = held

    def rooms(self) -> dict[str, int]:
        """Return the room of each project that has a place, or is held."""
        there = {project_id for places in self._places for project_id in places.by_project}
        rooms = {project_id: min(places.room(project_id) for places in self._places) for project_id in there}
        rooms.update(dict.fromkeys(self.held.projects, 0))
        return rooms

    def full_owners(self) -> Iterator[tuple[str, str]]:
        """Yield the project and the owner of those owners that may take no more places, or are held."""
        yield from self.held.owners
        for project_id, owner_id in {owner for places in self._places for owner in places.by_owner}:
            if not self.has_room(project_id, owner_id):
                yield project_id, owner_id

    def has_room(self, project_id: str, owner_id: str = "") -> bool:
        """Return whether a project, or an owner in it, may take another place."""
        if self.held.holds(project_id, owner_id):
            return False
        return all(places.room(project_id, owner_id) for places in self._places)

    def room_of(self, endpoint_id: str, number: int) -> int:
        """Return how many of `number` requests an endpoint may have."""
        return min(number, self._endpoints.get(endpoint_id, number))

    def take(self, target: Target) -> None:
        """Use a place for a delivery to an endpoint."""
        for places in self._places:
            places.take(target)

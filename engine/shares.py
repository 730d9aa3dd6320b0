"""Share the places of a worker, so that requests that take long cannot take the places of all other projects."""

from collections import Counter
from collections.abc import Iterator
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
        """Tell whether nothing of a project, or of an owner in it, may be sent."""
        return project_id in self.projects or (project_id, owner_id) in self.owners


NOBODY = Held()


class Shares:
    """The places of a worker: those of all requests, and those of quick ones. A slow one holds no quick place."""

    def __init__(self, places: int, quick: int) -> None:
        self._places = Places(places)
        self._quick = Places(quick)
        #: The deliveries that hold a quick place.
        self._quick_ones: set[str] = set()

    @property
    def free(self) -> int:
        """Return how many more requests may be made now."""
        return min(self._places.free, self._quick.free)

    def take(self, delivery_id: str, target: Target) -> None:
        """Count a request as under way."""
        self._quick_ones.add(delivery_id)
        self._places.take(target)
        self._quick.take(target)

    def note_slow(self, delivery_id: str, target: Target) -> bool:
        """Give the quick place of a request to others. Returns whether it held one."""
        if delivery_id not in self._quick_ones:
            return False
        self._quick_ones.remove(delivery_id)
        self._quick.take(target, -1)
        return True

    def give_back(self, delivery_id: str, target: Target) -> None:
        """Stop counting a request as under way."""
        self.note_slow(delivery_id, target)
        self._places.take(target, -1)

    def offer(self, held: Held = NOBODY) -> "Offer":
        """Return the room of each project and owner now, for one look into the queue; those that are held have none."""
        return Offer((self._places.copy(), self._quick.copy()), held)


class Offer:
    """The room that projects and owners have during one look into the queue; each delivery that is chosen uses it."""

    def __init__(self, places: tuple[Places, ...] = (), held: Held = NOBODY) -> None:
        """Take the places that a delivery needs; without any, there is room for everybody who is not held."""
        self._places = places
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
        """Tell whether a project, or an owner in it, may take another place."""
        if self.held.holds(project_id, owner_id):
            return False
        return all(places.room(project_id, owner_id) for places in self._places)

    def take(self, target: Target) -> None:
        """Use a place for a delivery to an endpoint."""
        for places in self._places:
            places.take(target)

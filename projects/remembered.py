"""Remember the callers of a process, so that a request whose own statement proves its caller reads no key before it.

Looking a key up is a statement of its own, a sixth of a short request. See docs/adr/0016: a caller that is only
remembered does nothing without proof, and is never refused.
"""

from dataclasses import replace

from core.tokens import digest
from projects.keys import Caller, find_caller

#: The most callers that are remembered. Beyond, all are forgotten, as counting their uses would cost more.
MOST_CALLERS = 1_000


class Callers:
    """The callers of keys in projects, by the digests of the keys and the projects that paths name, if they do."""

    def __init__(self) -> None:
        self._known: dict[tuple[bytes, str | None], Caller] = {}

    def find(self, key: str, project_id: str | None) -> Caller | None:
        """Return the caller that is remembered, or else the one that is read, and None where the key does not work.

        Only a caller who may write in the whole project is remembered: the checks of a request may refuse others.
        Where the path names no project (None), it is the key's.
        """
        place, known = (digest(key), project_id), self._known
        if caller := known.get(place):
            return caller
        caller = find_caller(key, project_id=project_id)
        if caller is not None and _is_never_refused(caller, project_id or caller.key_project_id):
            if len(known) >= MOST_CALLERS:
                known.clear()
            # Where all were forgotten since `known` was looked at, nobody looks at it any more.
            known[place] = replace(caller, is_remembered=True)
        return caller

    def forget(self) -> None:
        """Remember nobody."""
        self._known = {}

    def forget_one(self, key: str, project_id: str | None) -> None:
        """Forget a caller."""
        self._known.pop((digest(key), project_id), None)


def _is_never_refused(caller: Caller, project_id: str | None) -> bool:
    return project_id is not None and caller.may_use(project_id) and caller.can_write and not caller.owner_id


callers = Callers()

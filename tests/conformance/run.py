"""Hold a server's answers beside the recorded ones, and find what no reason explains."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.conformance.client import Answer
from tests.conformance.compare import Difference, Recording, differences
from tests.conformance.reasons import Reason, explained


@dataclass(frozen=True, slots=True)
class Outcome:
    """The findings of a run."""

    #: The codes of the requests that were answered as recorded.
    same: list[str] = field(default_factory=list)
    #: The version and the row of docs/compatibility.md of each difference that has a reason.
    explained: dict[Difference, tuple[str, str]] = field(default_factory=dict)
    #: The version of each difference that has none.
    unexplained: dict[Difference, str] = field(default_factory=dict)
    #: The reasons that have explained nothing.
    unused: list[Reason] = field(default_factory=list)

    @property
    def differing(self) -> set[str]:
        """Return the codes of the requests that were answered differently, each with a reason for each field."""
        return {one.code for one in self.explained} - self.wrong

    @property
    def wrong(self) -> set[str]:
        """Return the codes of the requests whose answers differ without a reason."""
        return {one.code for one in self.unexplained}


def held_beside(
    answers: Mapping[str, Answer], recordings: Mapping[str, Recording], reasons: Sequence[Reason]
) -> Outcome:
    """Compare each answer with the recording of its request, and explain what differs by `reasons`."""
    rows = explained(reasons)
    outcome = Outcome()
    used = set()
    for code, recording in recordings.items():
        found = differences(code, recording.answer, answers[code]) if code in answers else set()
        if code in answers and not found:
            outcome.same.append(code)
        for one in sorted(found):
            if row := rows.get((recording.version, one)):
                outcome.explained[one] = recording.version, row
                used.add((recording.version, one))
            else:
                outcome.unexplained[one] = recording.version
    outcome.unused.extend(reason for reason in reasons if (reason.version, reason.difference) not in used)
    return outcome

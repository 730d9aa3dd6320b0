"""Time a whole benchmark, and calls that are made one after the other, beside a floor that is timed between them."""

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

#: Calls before the timed ones: each of the server's threads has a connection with statements of its own.
WARM_UP = 16


def run(main: Callable[[], int]) -> NoReturn:
    """Run a benchmark, print the seconds that it took, and exit with the code that it returns."""
    started = time.monotonic()
    code = main()
    print(f"{time.monotonic() - started:.0f} s", file=sys.stderr)
    sys.exit(code)


@dataclass(frozen=True)
class Timed:
    """The milliseconds that each call took, and the CPU milliseconds of one call."""

    milliseconds: list[float]
    cpu_ms: float

    @property
    def p50(self) -> float:
        """Return the median."""
        return statistics.median(self.milliseconds)

    @property
    def per_second(self) -> float:
        """Return the calls a second, on the one connection."""
        return 1e3 / statistics.fmean(self.milliseconds)

    def percentile(self, percent: int) -> float:
        """Return the milliseconds within which this share of the calls ended."""
        return statistics.quantiles(self.milliseconds, n=100, method="inclusive")[percent - 1]


def time_each(
    act: Callable[[], object], repeats: int, cpu_seconds: Callable[[], float], *, warm_up: int = WARM_UP
) -> Timed:
    """Time each of `repeats` calls, made one after the other. `cpu_seconds` returns the CPU time used so far."""
    for _ in range(warm_up):
        act()
    milliseconds = []
    cpu = cpu_seconds()
    for _ in range(repeats):
        started = time.perf_counter()
        act()
        milliseconds.append((time.perf_counter() - started) * 1e3)
    return Timed(milliseconds, (cpu_seconds() - cpu) / repeats * 1e3)


def time_beside_floor(
    acts: Mapping[str, Callable[[], object]],
    floor: Callable[[], object],
    repeats: int,
    cpu_seconds: Callable[[], float],
) -> Iterator[tuple[str, Timed, Timed]]:
    """Time each act after its floor. Yields (name, times, times of the floor)."""
    for name, act in acts.items():
        beside = time_each(floor, max(repeats // 2, 10), cpu_seconds)
        yield name, time_each(act, repeats, cpu_seconds), beside

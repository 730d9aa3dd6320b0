"""Print the benchmarks' tables in Markdown, and mark a run whose floor differs too much from round to round."""

import statistics
from collections.abc import Sequence
from dataclasses import astuple
from typing import Any, TypeVar

from bench.load import Measured

#: A floor whose rounds differ by more than this share of their median says that other work disturbed the run.
MOST_NOISE = 0.30

Figures = TypeVar("Figures")


def print_head(*names: object) -> None:
    """Print the head of a table."""
    print_row(*names)
    print_row(*["---"] * len(names))


def print_row(*cells: object) -> None:
    """Print a row of a table."""
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def medians(rounds: "Sequence[Figures]") -> "Figures":
    """Return the median of each figure of rounds, which are instances of a dataclass of numbers."""
    rows: Any = rounds
    middle: Figures = type(rows[0])(*(statistics.median(each) for each in zip(*map(astuple, rows), strict=True)))
    return middle


def ratio(rounds: Sequence[Measured], floor: Sequence[Measured]) -> float:
    """Return the median ratio of two rates. Each round is compared with the floor's of the same seconds."""
    pairs = zip(rounds, floor, strict=True)
    return statistics.median(ours.requests_per_second / theirs.requests_per_second for ours, theirs in pairs)


class Noise:
    """The spread of the floor in each part of a run: (most - least) / median of its rounds."""

    def __init__(self) -> None:
        self.spreads: list[float] = []

    def of(self, floor: Sequence[float]) -> str:
        """Note the rounds of a floor. Returns their spread in percent, marked where it is above MOST_NOISE."""
        if len(floor) < 2:
            return "one round"
        spread = (max(floor) - min(floor)) / statistics.median(floor)
        self.spreads.append(spread)
        return f"{spread:.0%}" if spread <= MOST_NOISE else f"**noisy: {spread:.0%}**"

    def report(self) -> None:
        """Print whether the figures of the run can be trusted."""
        if not self.spreads:
            print("\nOne round tells nothing of the noise: choose more --rounds.")
            return
        noisy = sum(spread > MOST_NOISE for spread in self.spreads)
        print(f"\nNoise: the floor's rounds differ by up to {max(self.spreads):.0%}.")
        if noisy:
            print(
                f"NOISY RUN: {noisy} of {len(self.spreads)} spreads are above {MOST_NOISE:.0%}. Other work disturbed "
                "it: trust the ratios and the CPU more than the rates, and measure again on a quieter machine."
            )

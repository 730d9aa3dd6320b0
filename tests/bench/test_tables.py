"""A run whose floor differs by more than 30 % is marked."""

import pytest

from bench.tables import Noise


@pytest.mark.parametrize(
    ("floor", "shown"),
    [([100, 100], "0%"), ([90, 100, 120], "30%"), ([90, 100, 121], "**noisy: 31%**"), ([100], "one round")],
)
def test_the_spread_of_a_floor(floor: list[float], shown: str) -> None:
    assert Noise().of(floor) == shown


def test_a_noisy_run_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    noise = Noise()
    noise.of([100, 101])
    noise.report()
    assert "NOISY" not in capsys.readouterr().out
    noise.of([100, 200])
    noise.report()
    assert "NOISY RUN: 1 of 2 spreads are above 30%" in capsys.readouterr().out

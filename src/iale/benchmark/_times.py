"""How long runs took, and the ratios to Random's run of the same seed (paper, section A.3.3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

TIMES = "times.jsonl"


@dataclass(frozen=True)
class RunTimes:
    """What one run took; None for what was not measured."""

    seconds: float | None = None
    fit_seconds: float | None = None
    query_seconds: float | None = None  # with the outputs that queries ask for
    peak_mb: float | None = None  # resident memory

    def rounded(self) -> dict[str, float]:
        """What was measured, to three decimals, for a line of times.jsonl."""
        return {name: round(value, 3) for name, value in asdict(self).items() if value is not None}


Times = Mapping[str, RunTimes]
"""The times of runs by the keys of their records."""


def by_key(lines: Iterable[Mapping[str, object]]) -> Times:
    """Lines of times.jsonl by the keys of their runs; a run that was played twice has its last times.

    Values that are not numbers count as not measured.
    """
    found = {}
    for line in lines:
        if "key" in line:
            known = {name: line.get(name) for name in RunTimes.__dataclass_fields__}
            numbers = {name: float(value) for name, value in known.items() if isinstance(value, int | float)}
            found[str(line["key"])] = RunTimes(**numbers)
    return found


def ratios(own: Mapping[int, float | None], other: Mapping[int, float | None]) -> list[float]:
    """``own`` divided by ``other`` on each seed for which both are known, in the order of the seeds."""
    pairs = [(own[seed], other[seed]) for seed in sorted(own.keys() & other.keys())]
    return [mine / theirs for mine, theirs in pairs if mine is not None and theirs]

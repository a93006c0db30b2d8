"""How well people agree on samples that two of them labeled, without knowing each other's answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from iale.labeling.forecast._intervals import UNKNOWN, cohens_kappa, wilson
from iale.labeling.forecast.status import Range
from iale.labeling.reader import ProjectReader

_WINDOWS = 12  # at most
_FEWEST = 10  # samples in a window


@dataclass(frozen=True)
class Agreed:
    """How well one person agrees with the others, all on one class, or everybody for some time.

    Attributes:
        name: of the person or class; empty for everybody.
        count: samples that two people labeled.
        same: the share on which they agree; for a class, of the answers with this class those that the other gave, too.
        kappa: Cohen's kappa; for everybody Krippendorff's alpha, without an interval.
        since: when the first of the second answers was given, in seconds since 1970.
        until: when the last one was given.
    """

    name: str
    count: int
    same: Range
    kappa: Range
    since: float
    until: float


@dataclass(frozen=True)
class Agreement:
    """How well people agree.

    Attributes:
        all: everybody; None if no two people have labeled one sample.
        people: each person against all others, the one with the most samples first.
        classes: each class against all others, in the order of the project.
        windows: everybody over time, the first one first.
    """

    all: Agreed | None
    people: tuple[Agreed, ...] = ()
    classes: tuple[Agreed, ...] = ()
    windows: tuple[Agreed, ...] = ()


@dataclass(frozen=True)
class _Pair:
    first: str
    second: str
    people: tuple[str, str]
    time: float


def agreement(project: ProjectReader) -> Agreement:
    """How well people agree, by independent answers alone: those of people who decide between others do not count."""
    pairs = [
        _Pair(a.label, b.label, (a.person, b.person), max(a.answered, b.answered))
        for a, b in project.answered_twice()
        if a.label is not None and b.label is not None
    ]
    pairs.sort(key=lambda pair: pair.time)
    if not pairs:
        return Agreement(None)
    people = Counter(person for pair in pairs for person in pair.people)
    seen = {label for pair in pairs for label in (pair.first, pair.second)}
    size = max(_FEWEST, -(-len(pairs) // _WINDOWS))
    return Agreement(
        all=_everybody(pairs),
        people=tuple(_person(name, pairs) for name, _ in people.most_common()),
        classes=tuple(_class(name, pairs) for name in project.classes if name in seen),
        windows=tuple(_everybody(pairs[at : at + size]) for at in range(0, len(pairs), size)),
    )


def krippendorffs_alpha(units: Sequence[Sequence[str]]) -> float | None:
    """α = 1 - D_o / D_e for names: 1 is perfect agreement, 0 is chance (Krippendorff 2011).

    ``units`` holds the labels of each sample, by any number of people; samples with fewer than two do not count. None
    if all labels are of one class, because chance alone then agrees always.
    """
    paired = [Counter(unit) for unit in units if len(unit) > 1]
    total: Counter[str] = sum(paired, Counter())
    n = sum(total.values())
    expected = n * n - sum(count * count for count in total.values())
    if not expected:
        return None
    observed = 0.0
    for unit in paired:
        m = sum(unit.values())
        observed += (m * m - sum(count * count for count in unit.values())) / (m - 1)
    return 1 - (n - 1) * observed / expected


def _everybody(pairs: Sequence[_Pair]) -> Agreed:
    alpha = krippendorffs_alpha([(pair.first, pair.second) for pair in pairs])
    return _agreed("", pairs, _share(pairs), Range(alpha))


def _person(name: str, pairs: Sequence[_Pair]) -> Agreed:
    own = [pair for pair in pairs if name in pair.people]
    turned = [(p.first, p.second) if p.people[0] == name else (p.second, p.first) for p in own]
    return _agreed(name, own, _share(own), cohens_kappa(turned))


def _class(name: str, pairs: Sequence[_Pair]) -> Agreed:
    """Specific agreement (Spitzer and Fleiss 1974), and kappa of this class against all others."""
    own = [pair for pair in pairs if name in (pair.first, pair.second)]
    said = sum((pair.first == name) + (pair.second == name) for pair in own)
    both = sum(pair.first == pair.second for pair in own)
    kappa = cohens_kappa([(str(p.first == name), str(p.second == name)) for p in pairs])
    return _agreed(name, own, Range(2 * both / said) if said else UNKNOWN, kappa)


def _share(pairs: Sequence[_Pair]) -> Range:
    return wilson(sum(pair.first == pair.second for pair in pairs), len(pairs))


def _agreed(name: str, pairs: Sequence[_Pair], same: Range, kappa: Range) -> Agreed:
    return Agreed(name, len(pairs), same, kappa, pairs[0].time, pairs[-1].time)

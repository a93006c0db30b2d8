"""Who suggests what, and who was right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from iale import _storage as storage
from iale.labeling.reader import ProjectReader
from iale.labeling.suggesting._predictions import MODEL, SUGGESTIONS, Prediction, read_predictions

_ENOUGH = (
    10  # labels of the test share that tell more about a source than all its labels, which were not drawn at random
)
SURE = 5 / 6
"""A look takes as long as three glances. A tile takes a glance, and if it is wrong another look: with this probability
half as long as a look, so that a sheet of such tiles is twice as fast as one by one. With 0.9, sheets are cleaner, and
so rare that less is saved."""


@dataclass(frozen=True)
class Suggestion:
    """What one source says about a sample.

    Attributes:
        label: the name of a class.
        probability: calibrated if it is of the project's model, as it was imported otherwise; None if it is not known.
        source: "model", or the name of an imported source.
    """

    label: str
    probability: float | None
    source: str


@dataclass(frozen=True)
class Source:
    """How often a source was right.

    Attributes:
        name: "model", or the name of an imported source.
        right: labeled samples of which it said what people say.
        of: labeled samples of which it said something. The model is judged by the test share alone: it has learned
            from the others.
        tested_right: of the test share, for which no suggestion was ever shown, those of which it said the same.
        tested: samples of the test share of which it said something.
    """

    name: str
    right: int
    of: int
    tested_right: int
    tested: int

    @property
    def trust(self) -> float:
        """How often it is right, drawn towards one half by two samples, because few say little."""
        right, of = (self.tested_right, self.tested) if self.tested >= _ENOUGH else (self.right, self.of)
        return (right + 1) / (of + 2)


class Suggested:
    """What is suggested for the samples of a project. Threads may share it: what is known is replaced in one step."""

    def __init__(self, project: ProjectReader) -> None:
        self._project = project
        self._kept: tuple[object, Mapping[str, tuple[Prediction, ...]]] = (None, {})
        self._judged: tuple[object, tuple[Source, ...]] = (None, ())

    def of(self, sample: str) -> tuple[Suggestion, ...]:
        """What each source says, the one that was right most often first.

        Nothing for a sample of the test share, and nothing once somebody has answered: a suggestion would bias the
        honest accuracy, second opinions and corrections.
        """
        index = self._project.items.ids.find(sample)
        if index is None or self._project.shares.reserved[index] or self._project.decision(sample) is not None:
            return ()
        return self._reader()(sample)

    def sure(self, label: str) -> dict[int, float]:
        """The indices of all samples for which `of` says ``label`` first, and is right five times in six or more often.

        The value is how often.

        An imported source is trusted as often as it was right, whatever it says of itself.
        """
        latest, ids, reserved = self._project.fits.latest, self._project.items.ids, self._project.shares.reserved
        said, done = self._reader(), self._project.answered()
        rows = ids.known(dict.fromkeys([*(() if latest is None else latest.guesses), *self._predictions()]))
        left = (row for row in rows if row not in done and not reserved[row])
        trust = {source.name: source.trust for source in self.sources() if source.name != MODEL}

        def how_often(best: Suggestion) -> float:
            return trust.get(best.source, best.probability or 0.0)

        first = ((row, found[0]) for row in left if (found := said(ids[row])))
        sure = {row: how_often(best) for row, best in first if best.label == label}
        return {row: often for row, often in sure.items() if often >= SURE}

    def _reader(self) -> Callable[[str], tuple[Suggestion, ...]]:
        """A function that tells what is said of a sample now, whether or not it may be shown."""
        latest, predictions = self._project.fits.latest, self._predictions()
        trust = {source.name: source.trust for source in self.sources()}

        def said(sample: str) -> tuple[Suggestion, ...]:
            found = [Suggestion(p.label, p.probability, p.source) for p in predictions.get(sample, ())]
            if latest is not None and (guess := latest.guesses.get(sample)):
                found.append(Suggestion(guess[0][0], guess[0][1], MODEL))
            return tuple(sorted(found, key=lambda each: -trust.get(each.source, 0.5)))

        return said

    def sources(self) -> tuple[Source, ...]:
        """Every source, and how often it was right."""
        now = self._project.changes(), self._project.fits.all[-1:], self._stamp()
        before, sources = self._judged
        if now != before:
            sources = self._judge()
            self._judged = now, sources
        return sources

    def _judge(self) -> tuple[Source, ...]:
        labels, tests = self._project.labels(), self._project.labels_to_test_on()
        says: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for sample, predictions in self._predictions().items():
            for each in predictions:
                says[each.source][sample] = each.label
        fits = self._project.fits.all
        found = [_source(MODEL, fits[-1].tests, tests, tests)] if fits else []
        return (*found, *(_source(name, said, labels, tests) for name, said in sorted(says.items())))

    def _predictions(self) -> Mapping[str, tuple[Prediction, ...]]:
        """Imported predictions by sample, in the names that classes have now; those of removed classes are left out."""
        with self._project.ledger.reading() as answers:
            book = answers.classes
            now = self._stamp(), book.changes
            before, kept = self._kept
            if now != before:
                found = defaultdict(list)
                for each in read_predictions(self._project.folder):
                    if (label := book.now(each.label)) is not None:
                        found[self._project.items.ids.now(each.sample)].append(replace(each, label=label))
                kept = {sample: tuple(predictions) for sample, predictions in found.items()}
                self._kept = now, kept
            return kept

    def _stamp(self) -> object:
        return storage.stamp(self._project.folder / SUGGESTIONS)


def _source(name: str, said: Mapping[str, str], labels: Mapping[str, str], tests: Mapping[str, str]) -> Source:
    def count(among: Mapping[str, str]) -> tuple[int, int]:
        both = [sample for sample in among if sample in said]
        return sum(said[sample] == among[sample] for sample in both), len(both)

    return Source(name, *count(labels), *count(tests))

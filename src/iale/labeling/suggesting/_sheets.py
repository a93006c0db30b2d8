"""Look-alikes: a sheet of samples that are labeled at one glance, each with an act of its own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from iale.errors import DataError
from iale.labeling.reader import ProjectReader
from iale.labeling.record._answers import Answers
from iale.labeling.record._journal import Act, Reason
from iale.labeling.record._names import brief, clean
from iale.labeling.suggesting._near import Near
from iale.labeling.suggesting._sources import Suggested

FEWEST, MOST = 6, 24
_ALONE = "label this one alone."
_SUREST = 2  # times as many as are wanted: the surest, which come first
_COMPARED = 5000  # samples with the same suggestion that are compared


@dataclass(frozen=True)
class Sheet:
    """Samples that look alike.

    Attributes:
        label: what is suggested for all of them.
        samples: ids, the nearest first. The one that was asked about comes before them, unless it is labeled.
    """

    label: str
    samples: tuple[str, ...]


class Sheets:
    """Hands out sheets, and takes back what is not labeled."""

    def __init__(self, project: ProjectReader, suggested: Suggested, near: Near) -> None:
        self._project, self._ledger, self._suggested, self._near = project, project.ledger, suggested, near

    def lay(self, person: str, tab: str, sample: str, count: int) -> Sheet:
        """The samples that look most like ``sample`` and surely get the same suggestion, now held by the person's tab.

        If the person has just labeled ``sample``, that label is to be suggested for the others.
        None of them is of the test share, answered, or held by anybody else. Raises DataError, in a sentence that says
        why, if there are fewer than 6 with this one.
        """
        person, tab = clean(person, "a person's name"), brief(tab) or ""
        ids = self._project.items.ids
        index = ids.index(sample)
        sample = ids[index]
        if self._project.shares.reserved[index]:
            raise DataError(f"samples of the honest test are labeled one by one: {_ALONE}")
        said = self._suggested.of(sample)
        label = said[0].label if said else self._answer(person, sample)
        wanted = min(max(count, FEWEST), MOST)
        nearest, now = self._nearest(index, label, wanted), time.time()
        chosen: dict[str, Reason] = {}
        with self._ledger.writing() as answers:
            held = answers.leases_of(person, tab)
            if said:
                chosen[sample] = held[sample].reason if sample in held else self._reason(answers, sample, now)
            for other in nearest:
                if len(chosen) == wanted:
                    break
                if other in held and self._project.shows(other):
                    chosen[other] = held[other].reason
                elif self._free(answers, other, now):
                    chosen[other] = "alike"
            if len(chosen) < FEWEST:
                raise DataError(f"fewer than {FEWEST} others are told for sure to be like it: {_ALONE}")
            until = now + 60 * self._project.config.lease_minutes
            self._lease(person, tab, chosen, until)
        return Sheet(label, tuple(chosen))

    def give_back(self, person: str, tab: str, samples: Sequence[str]) -> None:
        """Lets others have those of ``samples`` that the tab holds."""
        person, tab = clean(person, "a person's name"), brief(tab) or ""
        with self._ledger.writing() as answers:
            held = answers.leases_of(person, tab)
            given = {sample: held[sample].reason for sample in samples if sample in held}
            if given:
                self._lease(person, tab, given, 0.0)

    def _answer(self, person: str, sample: str) -> str:
        """The label that the person has given to a sample; what others say of it is not told."""
        answer = self._project.decision(sample)
        if answer is None or answer.label is None or answer.person != person or answer.reason == "second":
            raise DataError(f"nothing is suggested for this sample, so no others can be told to be like it: {_ALONE}")
        return answer.label

    def _nearest(self, index: int, label: str, wanted: int) -> list[str]:
        """The ids of the other samples for which ``label`` is surely suggested, the nearest first.

        If there are many, the surest come before all others: what is nearest to a sample that the model is in doubt
        about is doubtful, too, and a tile that has to be deselected costs as much as three.
        """
        ids, sure = self._project.items.ids, self._suggested.sure(label)
        sure.pop(index, None)
        rows = sorted(sure, key=sure.__getitem__, reverse=True)[:_COMPARED]
        if not rows:
            return []
        distances = self._near.distances(index, rows)
        if distances is None:
            progress = self._project.views.progress()
            raise DataError(f"the samples are not all compared yet ({progress}): {_ALONE}")
        nearest = [rows[at] for at in distances.argsort(stable=True).tolist()]
        level = sure[rows[: _SUREST * wanted][-1]]
        return [ids[row] for row in sorted(nearest, key=lambda row: sure[row] < level)]

    def _free(self, answers: Answers, sample: str, now: float) -> bool:
        return sample not in answers.decisions and not answers.leased(sample, now) and self._project.shows(sample)

    def _reason(self, answers: Answers, sample: str, now: float) -> Reason:
        if not self._free(answers, sample, now):
            raise DataError("somebody else holds this sample, or it is away: label another one.")
        return "chosen"

    def _lease(self, person: str, tab: str, samples: dict[str, Reason], until: float) -> None:
        act = Act(kind="lease", person=person, tab=tab or None, samples=samples, until=until)
        self._ledger.extend([act], durable=False)

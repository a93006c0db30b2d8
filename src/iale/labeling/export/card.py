"""A card of the labels: classes, people, agreement, honest accuracy, and how the samples were chosen."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from iale._versions import versions
from iale.labeling.export._order import is_test
from iale.labeling.forecast._maker import StatusMaker
from iale.labeling.forecast.status import Range, Status
from iale.labeling.reader import ProjectReader, Readable
from iale.labeling.record._journal import Event

_WHY = {
    "test": "the honest test share: a uniform random draw, made before anyone saw a sample",
    "query": "the strategy asked for it, because of what a model said",
    "explore": "it is unlike all that was labeled before",
    "first": "it is one of the diverse first samples",
    "random": "a random draw from what was left",
    "second": "somebody else's answer to it was asked for, too",
    "imported": "its label came from a file, and nothing is known of how it was chosen",
    "chosen": "a person chose it",
    "alike": "it looks like another one, and was labeled in a sheet of look-alikes",
    "adjudicated": "two people disagreed about it, and somebody decided",
}
_OTHER = "another reason"


def data_card(project: Readable) -> str:
    """Markdown. It says first that the labels are no random draw, and which of them are one."""
    reader = project.reader
    status = StatusMaker(reader).make()
    labels = [event for event in reader.decisions().values() if event.label is not None]
    tests = sum(is_test(reader, event) for event in labels)
    parts = [
        f"# Labels of {_plain(reader.folder.resolve().name)}",
        f"{len(labels):,} of {reader.count:,} samples ({reader.kind}s) are labeled, with {len(reader.classes)} "
        f"classes; {status.skipped:,} were left out because nobody could tell, and {status.missing:,} answers are set "
        f"aside because their samples are gone or have changed. Made with iale {versions()['iale']} on "
        f"{datetime.now(UTC):%Y-%m-%d}.",
        _sampling(reader, labels, tests),
        "## Classes\n\nThe shares of the classes are those of the samples that were asked for, not of the pool.",
        _classes(reader, labels),
        "## People",
        _table(("person", "labels"), [(_plain(name), f"{count:,}") for name, count in status.people.items()]),
        f"## Agreement\n\n{_agreement(status)}",
        f"## Honest accuracy\n\n{_accuracy(status)}",
    ]
    return "\n\n".join(parts) + "\n"


def _plain(text: str) -> str:
    """A name in Markdown and HTML as it is, on one line."""
    line = " ".join(text.encode("utf-8", "replace").decode().split())
    return re.sub(r"([\\`*_\[\]|#~])", r"\\\1", html.escape(line, quote=False))


def _sampling(reader: ProjectReader, labels: Sequence[Event], tests: int) -> str:
    reasons = Counter(event.reason if event.reason in _WHY else _OTHER for event in labels)
    rows = [(_WHY.get(str(reason), _OTHER), f"{count:,}") for reason, count in reasons.most_common()]
    honest = (
        f"Only the {tests:,} labels of the test share are: measure accuracy and the shares of classes on them alone."
        if tests
        else "None of them belongs to an honest test share, so no accuracy on them says how good a model is."
    )
    return (
        f"## How it was sampled\n\n**These labels are no random draw from the pool.** {honest} The strategy of the "
        f"project is {_plain(reader.config.strategy)}.\n\n" + _table(("why a sample was labeled", "labels"), rows)
    )


def _classes(reader: ProjectReader, labels: Sequence[Event]) -> str:
    every = Counter(event.label for event in labels)
    tested = Counter(event.label for event in labels if is_test(reader, event))
    rows = [(_plain(name), f"{every[name]:,}", f"{tested[name]:,}") for name in reader.classes]
    return _table(("class", "labels", "of them in the test share"), rows)


def _agreement(status: Status) -> str:
    if not status.twice:
        return "No sample was labeled by two people."
    same = status.twice - len(status.disagreements)
    kappa = _interval(status.kappa, "{:.2f}") if status.kappa.value is not None else "too few samples to tell"
    return (
        f"Two people labeled {status.twice:,} samples, and agree on {same:,} of them. Cohen's kappa, by which 0 is "
        f"chance and 1 is perfect: {kappa}."
    )


def _accuracy(status: Status) -> str:
    if status.accuracy.value is None:
        return f"Not known: {status.cannot_tell.get('accuracy', 'there is no model yet.')}"
    return (
        f"The project's last model, fitted to {status.fitted_on:,} labels, gets "
        f"{_interval(status.accuracy, '{:.1%}')} of the {status.tested:,} labels of the test share right, from which "
        f"it never learned."
    )


def _interval(found: Range, form: str) -> str:
    ends = [form.format(end) for end in (found.low, found.high) if end is not None]
    return f"{form.format(found.value)} (95% interval {' to '.join(ends)})"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)

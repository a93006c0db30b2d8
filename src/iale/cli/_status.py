"""``iale status``: how a labeling project stands, and what more labels would bring."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from iale._many import many
from iale.cli._options import parse
from iale.cli._output import table
from iale.errors import ConfigError
from iale.labeling.forecast._maker import StatusMaker
from iale.labeling.forecast.status import Range, Status
from iale.labeling.reader import ProjectReader
from iale.labeling.suggesting._sources import Source


@dataclass(frozen=True)
class StatusOptions:
    """Shows how a labeling project stands: labels, accuracy on the random test share, what more labels would bring.

    You can ask while people label. If something cannot be estimated yet, the status says why.

    Attributes:
        project: the folder of the project.
        json: print everything as JSON, for programs.
    """

    project: tuple[Path, ...] = field(default=(), metadata={"positional": True, "required": True})
    json: bool = False


def main(argv: Sequence[str]) -> int:
    options = parse(StatusOptions, argv, prog="iale status")
    if len(options.project) != 1:
        raise ConfigError("iale status needs the folder of one project; `iale label` makes one.")
    status = StatusMaker(ProjectReader.open(options.project[0])).make()
    print(json.dumps(dataclasses.asdict(status), indent=2) if options.json else describe(status))
    return 0


def describe(status: Status) -> str:
    tell = status.cannot_tell
    rows = [
        ("labeled", f"{status.labeled} of {status.samples}, {status.tested} of them in the random test share"),
        ("skipped", str(status.skipped)),
        ("people", ", ".join(f"{name} {count}" for name, count in status.people.items()) or "none yet"),
        ("fits", f"{status.fits}, the last on {many(status.fitted_on, 'label')}; {status.strategy} asks"),
        ("model", status.model or "none yet"),
        ("accuracy", _percent(status.accuracy, tell.get("accuracy"))),
        (f"next {status.batch} labels", _percent(status.gain, tell.get("gain") or tell.get("accuracy"), sign="+")),
        (f"in {status.ahead} labels", _percent(status.expected, tell.get("expected") or tell.get("accuracy"))),
        ("random labels", _percent(status.at_random, tell.get("at_random") or tell.get("accuracy"))),
        ("agreement", _kappa(status, tell.get("kappa"))),
        *((f"{source.name} was right", _right(source)) for source in status.sources),
    ]
    if status.target is not None:
        rows.insert(6, ("target", f"{status.target:.1%}"))
    if status.missing:
        aside = f"{many(status.missing, 'answer')} of samples that are gone or have changed; `iale label` lists them"
        rows.insert(2, ("set aside", aside))
    classes = table(("class", "labels"), [(name, str(count)) for name, count in status.by_class.items()])
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:<{width}}  {text}" for name, text in rows]
    notes = [f"note: {notice}" for notice in (*filter(None, [status.problem]), *status.notices)]
    advice = f"{status.advice.text} {status.advice.reason}"
    return "\n".join([*lines, "", classes, "", *notes, advice])


def _percent(found: Range, why: str | None, sign: str = "") -> str:
    if found.value is None or found.low is None or found.high is None:
        return _cannot(why)
    return f"{found.value:{sign}.1%} (95% interval {found.low:{sign}.1%} to {found.high:{sign}.1%})"


def _kappa(status: Status, why: str | None) -> str:
    kappa = status.kappa
    if kappa.value is None:
        return _cannot(why)
    found = f"kappa {kappa.value:.2f} (95% interval {kappa.low:.2f} to {kappa.high:.2f})"
    return f"{found} on {many(status.twice)} labeled twice, {len(status.disagreements)} of them differently"


def _right(source: Source) -> str:
    if not source.of:
        return "cannot tell yet: it has said nothing of a labeled sample"
    tested = f"; in the test share {source.tested_right} of {source.tested}" if source.tested < source.of else ""
    return f"{source.right} of {many(source.of)} ({source.right / source.of:.0%}){tested}"


def _cannot(why: str | None) -> str:
    return f"cannot tell yet: {why}" if why else "cannot tell yet"

"""``iale repair``: sets damaged lines of a project's journal aside, so that all other labels can be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from iale._many import many
from iale.cli._options import parse
from iale.errors import ConfigError, StorageError
from iale.labeling.record._alone import Alone
from iale.labeling.record._config_file import has_config
from iale.labeling.record._repair import repair

_SHOWN = 200  # characters of a damaged line
_SOME = 10  # numbers of lost events that are listed


@dataclass(frozen=True)
class RepairOptions:
    """Repairs a labeling project with a damaged journal; end `iale label` first.

    Every damaged line is shown and set aside, after a copy of the journal is on the disk. All labels in whole lines
    stay. A whole journal is left as it is.

    Attributes:
        project: the folder of the project.
    """

    project: tuple[Path, ...] = field(default=(), metadata={"positional": True, "required": True})


def main(argv: Sequence[str]) -> int:
    options = parse(RepairOptions, argv, prog="iale repair")
    if len(options.project) != 1:
        raise ConfigError("iale repair needs the folder of one project; `iale label` makes one.")
    (folder,) = options.project
    if not has_config(folder):
        raise StorageError(f"{folder} is not a labeling project: name the folder that `iale label --out` made.")
    if not (folder / "journal.jsonl").exists():
        print("nothing to repair: nobody has labeled anything yet")
        return 0
    alone = Alone(folder)
    if not alone.take():
        raise ConfigError(f"`iale label` serves {folder} now: end it with Ctrl-C, and repair the project then.")
    found = repair(folder)
    alone.give_back()
    if found.copy is None:
        print(f"nothing to repair: the journal is whole, with {many(found.events, 'event')}")
        return 0
    for number, line in found.damaged:
        text = line.decode(errors="replace").rstrip("\n")
        print(f"line {number}: {text[:_SHOWN]!r}{' …' if len(text) > _SHOWN else ''}")
    if found.lost:
        listed = ", ".join(map(str, found.lost[:_SOME])) + (", …" if len(found.lost) > _SOME else "")
        print(f"event {listed} is lost" if len(found.lost) == 1 else f"{len(found.lost)} events are lost: {listed}")
    print(
        f"set aside: {many(len(found.damaged), 'line')}; whole: {many(found.events, 'event')}; the journal as it was "
        f"is in {found.copy}"
    )
    return 0

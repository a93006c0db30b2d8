"""``iale run``: strategies × seeds on a data set, and the command line that makes runs again, for reports."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from iale._typed import as_flag, as_typed
from iale.benchmark._views import typed
from iale.benchmark.grid import GridConfig
from iale.benchmark.runner import run_grids
from iale.classifiers._own import refuse_two
from iale.cli._options import WorkerOptions, parse
from iale.cli._output import check_folder, say
from iale.recipe import AUTO

if TYPE_CHECKING:
    from iale.reports._panels import Panel

_ALWAYS = ("dataset", "classifier")
_SKIPPED = ("strategies", "seeds", "first_seed", "pools", "beside", "pool", "device")


@dataclass(frozen=True)
class RunOptions:
    """Compares strategies over seeds on a data set; for one seed, all have the same split, first labels and draws.

    Every finished run becomes one line of records.jsonl in the folder. If it is stopped, the same command goes on.

    Attributes:
        out: folder for the records.
        where: where the runs are played.
        config: what is compared.
    """

    out: Path
    where: WorkerOptions = field(default_factory=WorkerOptions)
    config: GridConfig = field(default_factory=GridConfig)


def main(argv: Sequence[str]) -> int:
    options = parse(RunOptions, argv, prog="iale run")
    config = options.config
    refuse_two(config.model, None if config.classifier == AUTO else config.classifier)
    with options.where.open() as executor:
        out = check_folder(options.out)
        print(run_grids(config, out, workers=options.where.workers, executor=executor))
    say(f"next: `iale report {shlex.quote(str(out))}` draws the curves and compares the strategies")
    return 0


def run_command(panel: Panel, files: Mapping[str, str] = MappingProxyType({})) -> str:
    """The `iale run` that makes the runs of a panel; options that have their default values are left out.

    ``files`` are the paths of files that records name by their content, and the names of encoders.
    """
    from iale.reports._panels import flat  # it needs statistics, which runs do not

    subset = panel.config.subset_size
    own, defaults = flat(typed(panel.config.options)), flat(GridConfig().resolved())
    if own["with_"] is not None:
        own["embeddings"] = None  # they are what the encoder makes
    if subset is None:
        own["subset_size"] = defaults["subset_size"]
    seeds = sorted({seed for entry in panel.entries for seed in entry.seeds})
    options = {
        **{name: own[name] for name in _ALWAYS if name != "classifier" or not own.get("model")},
        "strategies": ",".join(entry.name for entry in panel.entries),
        "seeds": seeds[-1] - seeds[0] + 1,
        **({"first_seed": seeds[0]} if seeds[0] else {}),
        "pools": "whole" if subset is None else "subset",
        **{n: v for n, v in own.items() if n in defaults and n not in (*_ALWAYS, *_SKIPPED) and v != defaults[n]},
    }
    beside = list(dict.fromkeys(name for entry in panel.entries for name in entry.overlap))
    if beside:
        options["beside"] = ",".join(beside)
    given = {name: files.get(shown, shown) for name, value in options.items() for shown in [as_typed(value)]}
    words = [f"{as_flag(name)} {shlex.quote(value)}" for name, value in given.items()]
    return " ".join(["iale run", *words, "--out results"])

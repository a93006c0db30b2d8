"""``iale export``: the labels, the classifier and the scores of a labeling project."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from iale._many import many
from iale._storage import read_json, write_bytes
from iale.cli._device import no_device
from iale.cli._options import parse
from iale.cli._output import check_file, check_folder, say
from iale.errors import ConfigError
from iale.labeling.export import coco_json, data_card, export_datasets, export_folders, labels_csv, labels_jsonl
from iale.labeling.fitting._last import CARD
from iale.labeling.fitting.saved import export_classifier, fit_now
from iale.labeling.fitting.scores import scores_csv
from iale.labeling.reader import ProjectReader


@dataclass(frozen=True)
class ExportOptions:
    """Exports labels, classifier or scores from a labeling project, even while people label.

    Attributes:
        project: the folder of the project.
        to: csv (a table of the labels, which `iale query --labels` reads), jsonl (every answer with its history),
            folders (a copy of the samples in class folders), datasets (a folder of parquet files with the samples in
            them, for `datasets.load_dataset`), coco (labels of images as COCO's JSON), card (Markdown: classes, people,
            agreement, accuracy, and how the samples were chosen), classifier (weights.safetensors, a card, and
            head.npz for scikit-learn if it is a linear head on embeddings or columns), or scores (what the classifier
            predicts for every unlabeled sample, as CSV).
        out: the file to write, or the folder for folders, datasets and classifier; by default a text is printed.
        fit: for classifier and scores: refit first if labels have arrived since the last fit.
    """

    project: tuple[Path, ...] = field(default=(), metadata={"positional": True, "required": True})
    to: Literal["csv", "jsonl", "folders", "datasets", "coco", "card", "classifier", "scores"] = "csv"
    out: Path | None = None
    fit: bool = True


_TEXTS = {"csv": labels_csv, "jsonl": labels_jsonl, "coco": coco_json, "card": data_card}
_KEPT = (
    "project.json",
    "journal.jsonl",
    "token",
    "people.json",
    "first.json",
    "suggestions.json",
    "embeddings.json",
    "contest.json",
    "averages.json",
    "fits.jsonl",
    "latest.json",
    "random.json",
)
"""Files of a project that no export may replace; docs/labeling.md says what they hold."""

_COPIES = {"folders": export_folders, "datasets": export_datasets}


def main(argv: Sequence[str]) -> int:
    options = parse(ExportOptions, argv, prog="iale export")
    if len(options.project) != 1:
        raise ConfigError("iale export needs the folder of one project; `iale label` makes one.")
    project = ProjectReader.open(options.project[0])
    if options.to == "classifier" or options.to in _COPIES:
        if options.out is None:
            raise ConfigError(f"iale export --to {options.to} needs --out FOLDER.")
        out = check_folder(options.out)
        if options.to in _COPIES:
            say(f"{many(_COPIES[options.to](project, out))} copied to {out}")
        else:
            if options.fit:
                _refit(project)
            export_classifier(project, out)
            _tell_of_new_samples(out)
        return 0
    if options.out is not None:
        _spare(project, options.out)
        check_file(options.out)
    if options.to == "scores":
        if options.fit:
            _refit(project)
        text = "".join(scores_csv(project))
    else:
        text = _TEXTS[options.to](project)
    data = text.encode(errors="surrogateescape")
    if options.out is not None:
        write_bytes(options.out, data)
    else:
        sys.stdout.write(data.decode(errors="replace"))
    return 0


def _tell_of_new_samples(out: Path) -> None:
    """Of a head on averages, what comes with it is another one, for new samples; the page knows only the first."""
    tested = read_json(out / CARD).get("tested")
    if tested is not None and tested["labels"]:
        say(
            f"new samples have no neighbors here: the exported head has {tested['right']} of {tested['labels']} labels "
            f"of the test share right, and the head on averages has {tested['right_on_averages']}"
        )


def _spare(project: ProjectReader, out: Path) -> None:
    """Raises ConfigError if the answer would overwrite what the project is made of."""
    config, place = project.config, out.resolve()
    data = [path.resolve() for path in (config.data, config.embeddings) if path is not None]
    if place in data or place in [(project.folder / name).resolve() for name in _KEPT]:
        raise ConfigError(f"--out is a file of the project, {out}: name another file.")


def _refit(project: ProjectReader) -> None:
    """Fits if labels have come; on a machine that lacks the project's device, the last fit is exported."""
    if why := no_device(project.config.training.device):
        if project.fits.latest is None:
            raise ConfigError(f"no classifier is fitted yet: {why}")
        say(f"the last fit is exported, and labels that came later are not in it: {why}")
    else:
        fit_now(project)

"""Plays a linear head on texts: their geometry as it is, and averages of neighbors.

    python scripts/averages_texts.py WHEELS results/averages/texts [--seeds 5]

WHEELS is a folder with the wheels of the libraries in `LIBRARIES`, as this loads them:

    pip download --no-deps --dest WHEELS django sqlalchemy networkx sympy scikit-learn
    pip download --no-deps --dest WHEELS astropy pandas scipy matplotlib twisted

docs/protocol.md says why. Runs that are in the folder are not played again.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from iale.benchmark.grid import GridConfig
from iale.benchmark.runner import run_grids
from iale.classifiers import TrainingConfig
from iale.data._texts import TextSamples
from iale.geometry._averages import NEIGHBORS
from iale.geometry._builtin import built_in
from iale.learner import CycleConfig

LIBRARIES = [
    "django",
    "sqlalchemy",
    "networkx",
    "sympy",
    "scikit_learn",
    "astropy",
    "pandas",
    "scipy",
    "matplotlib",
    "twisted",
]
PARTS = ["stats", "optimize", "linalg", "signal", "sparse", "special", "integrate", "interpolate", "spatial", "ndimage"]
OTHERS = ["ca", "el", "fi", "hu", "id", "nb", "ro", "ru", "tr", "uk"]
LANGUAGES = ["cs", "da", "de", "es", "fr", "it", "nl", "pl", "pt", "sv"]
STRATEGIES = ("random", "margin", "maxherding", "uherding")
SHORTEST, LONGEST, PER_CLASS = 60, 400, 900  # characters, and texts

Texts = Iterator[tuple[str, str]]


def docstrings(wheel: Path) -> Texts:
    """The files of a library, and the first two paragraphs of each docstring in them."""
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            if not name.endswith(".py") or "test" in name:
                continue
            try:
                tree = ast.parse(archive.read(name))
            except SyntaxError:  # a template
                continue
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
                    paragraphs = re.split(r"\n\s*\n", ast.get_docstring(node) or "")
                    text = " ".join(" ".join(paragraphs[:2]).split())[:LONGEST]
                    if len(text) >= SHORTEST:
                        yield name, text


def libraries(wheels: Path) -> Texts:
    """Docstrings and their libraries."""
    for library in LIBRARIES:
        for _, text in docstrings(wheel_of(wheels, library)):
            yield text, library


def parts(wheels: Path) -> Texts:
    """Docstrings of SciPy and their parts of it."""
    for name, text in docstrings(wheel_of(wheels, "scipy")):
        if (part := name.split("/")[1]) in PARTS:
            yield text, part


def languages(wheels: Path, languages: Sequence[str] = LANGUAGES) -> Texts:
    """Messages of Django and their languages."""
    with zipfile.ZipFile(wheel_of(wheels, "django")) as archive:
        for name in sorted(archive.namelist()):
            found = re.match(r"django/.*locale/([a-z]+)/LC_MESSAGES/.*\.po$", name)
            if found is None or found[1] not in languages:
                continue
            for message in re.findall(r'^msgstr(?:\[\d\])? ((?:".*"\n?)+)', archive.read(name).decode(), re.M):
                text = "".join(re.findall(r'"(.*)"', message))
                if 15 <= len(text) <= LONGEST and "Project-Id" not in text:
                    yield text, found[1]


TASKS: dict[str, Callable[[Path], Texts]] = {
    "libraries": libraries,
    "scipy": parts,
    "languages": languages,
    "other languages": lambda wheels: languages(wheels, OTHERS),
}


def wheel_of(wheels: Path, library: str) -> Path:
    """The wheel of a library."""
    found = sorted(wheels.glob(f"{library}-*.whl"))
    if not found:
        raise SystemExit(f"{wheels} has no wheel of {library}: `pip download` it, as this script says at its top.")
    return found[0]


def task(name: str, wheels: Path, folder: Path) -> tuple[Path, Path]:
    """A data set of the points of texts, and the same points as its embeddings."""
    data, embeddings = folder / f"{name}.npz", folder / f"{name}.npy"
    if not embeddings.exists():
        folder.mkdir(parents=True, exist_ok=True)
        labels = dict(TASKS[name](wheels))  # a text that several classes share has the last one
        rng = np.random.default_rng(0)
        chosen: list[tuple[str, str]] = []
        for label in sorted(set(labels.values())):
            own = [text for text, other in labels.items() if other == label]
            chosen += [(own[row], label) for row in rng.permutation(len(own))[:PER_CLASS]]
        order = rng.permutation(len(chosen))
        texts, kinds = [chosen[row][0] for row in order], [chosen[row][1] for row in order]
        points = built_in(TextSamples(texts), "text").read().numpy()
        classes = sorted(set(kinds))
        np.savez(data, x=points, y=np.array([classes.index(kind) for kind in kinds]), classes=np.array(classes))
        np.save(embeddings, points)
    return data, embeddings


def text_grid(name: str, wheels: Path, seed: int, seeds: int = 1) -> GridConfig:
    """Runs on the points of texts as they are."""
    data, embeddings = task(name, wheels, Path("runs/texts"))
    return GridConfig(
        dataset=str(data),
        classifier="linear",
        strategies=STRATEGIES,
        seeds=seeds,
        first_seed=seed,
        pools=("whole",),
        embeddings=str(embeddings),
        cycle=CycleConfig(labeling_budget=200, acquisition_size=10, initial_size=20),
        training=TrainingConfig(device="cpu"),
    )


def main() -> None:
    """Plays seed after seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheels", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    for name in ("libraries", "scipy", "languages"):
        plain = text_grid(name, options.wheels, 0, options.seeds)
        run_grids([plain, replace(plain, neighbors=NEIGHBORS)], options.out)


if __name__ == "__main__":
    main()

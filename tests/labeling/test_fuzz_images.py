"""200 folders of images, from a seed: each ends with the right answer or one sentence."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.labeling.image_folders import SIDE, Folder, Maker

from iale.cli import main
from iale.data import FolderSamples, Samples
from iale.errors import DataError, UnreadableError
from iale.labeling import Project
from iale.labeling.items._images import ImageItems

FOLDERS = 200
TINY = ("--resize", f"{SIDE},{SIDE}", "--epochs", "1", "--device", "cpu", "--classifier", "mlp")


def check_images(samples: Samples, names: list[str], folder: Folder) -> None:
    """Each image is upright, and in color if any is; each damaged one is named."""
    assert names == sorted(folder.readable)
    assert samples.shape == (3 if folder.colors else 1, SIDE, SIDE)
    read = torch.tensor([at for at, name in enumerate(names) if folder.readable[name]], dtype=torch.int64)
    images = samples.batch(read).float()
    half = SIDE // 2 - 2
    corners = [images[:, 0, :half, :half], images[:, 0, :half, -half:], images[:, 0, -half:, :]]
    means = [corner.flatten(1).mean(dim=1) for corner in corners]
    assert bool((means[0] > 90).all() and (means[1] < 70).all() and (means[2] < 70).all()), names
    if folder.colors:
        assert float((images[:, 0, :half, :half] - images[:, 2, :half, :half]).flatten(1).mean(dim=1).max()) > 100
    bad = [at for at, name in enumerate(names) if not folder.readable[name]]
    if bad:
        with pytest.raises(UnreadableError) as caught:
            samples.batch(torch.arange(len(names)))
        assert sorted(caught.value.reasons) == bad
        assert all(ascii(names[at].split("/")[-1])[1:5] in ascii(why) for at, why in caught.value.reasons.items())


def counts(line: str) -> Counter[str]:
    """The counts of a sentence by what the generator calls the reasons."""
    words = (
        "empty files",
        "lead out",
        "links to folders",
        "not files",
        *(f"no image .{k}" for k in ("txt", "csv", "psd")),
    )
    found: Counter[str] = Counter()
    for reason, count in re.findall(r"([^,:]+) \((\d+)\)", line):
        word = next((word for word in words if word in reason), reason.strip())
        found[word] += int(count)
    return found


def check_reading(folder: Folder) -> None:
    openers = (
        lambda: FolderSamples(folder.root, size=(SIDE, SIDE)),
        lambda: ImageItems(folder.root, (SIDE, SIDE)),
    )
    for open_ in openers:
        if not any(folder.readable.values()) and not folder.sizes:
            with pytest.raises(DataError, match=r"holds no images|can be read") as caught:
                open_()
            assert "\n" not in str(caught.value).replace(str(folder.root), "") or "a\nb" in str(caught.value)
            continue
        samples = open_()
        if isinstance(samples, FolderSamples):
            names, line = samples.names, samples.passed_over
        else:
            names, line = [samples.name(at) for at in range(len(samples))], "".join(samples.notices)
        check_images(samples, names, folder)
        assert counts(line) == folder.passed_over
    if len(folder.sizes) == 1:
        assert FolderSamples(folder.root).shape[1:] == next(iter(folder.sizes))
    elif folder.sizes:
        with pytest.raises(DataError, match="give a size to"):
            FolderSamples(folder.root)


def test_reading(tmp_path: Path) -> None:
    right = 0
    for seed in range(FOLDERS):
        folder = Maker(tmp_path / f"{seed}", seed).make()
        check_reading(folder)
        right += any(folder.readable.values())
    assert right > FOLDERS / 2  # the generator does not only make what is refused


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(argv)
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    if code:
        assert code == 2
        assert err.splitlines()[-1].startswith("iale: ")
    return code, out, err


def samples_of(table: str) -> list[str]:
    return [row["sample"] for row in csv.DictReader(io.StringIO(table))]


def shown(names: list[str]) -> list[str]:
    """Names as they are printed: what is no text becomes a mark."""
    return [name.encode(errors="surrogateescape").decode(errors="replace") for name in names]


def check_query(folder: Folder, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = sorted(name for name, readable in folder.readable.items() if readable)
    known = [name for name in good if name.isprintable()][:2]  # others cannot be written in UTF-8, or look alike
    rest = [name for name in good if name not in known]
    with open(place / "labels.csv", "w", newline="", errors="surrogateescape") as file:
        csv.writer(file).writerows([("sample", "label"), *zip(known, "ab", strict=False)])
    asked = ("--k", str(max(1, len(rest))), "--labels", str(place / "labels.csv"), "--out", str(place / "next.csv"))
    code, _, err = run(capsys, "query", "--images", str(folder.root), *asked, *TINY)
    # Without labels the samples are spread; with one label there is one class.
    assert (code == 0) == (len(known) != 1 and len(rest) > 0), err
    if code == 0:
        answer = (place / "next.csv").read_bytes().decode(errors="surrogateescape")
        assert sorted(samples_of(answer)) == rest
        bad = len(folder.readable) - len(good)
        assert (f"passed over: {bad} that cannot be read" in err) == (bad > 0)
    else:
        assert not (place / "next.csv").exists()


def check_project(folder: Folder, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--classes", "a,b", "--test-share", "0", "--out", str(place / "project"), *TINY)
    code, _, err = run(capsys, "label", str(folder.root), *options)
    assert (code == 0) == bool(folder.sizes), err
    if code:
        assert not (place / "project").exists()
        return
    project = Project.open(place / "project")
    good = [at for at in range(project.count) if folder.readable[project.items.name(at)]]
    project.add_labels("me", {project.items.ids[at]: "ab"[at % 2] for at in good[:-1]}, "imported")
    project.close()
    code, out, _ = run(capsys, "status", str(place / "project"))
    assert code == 0
    assert f"{len(good[:-1])} of {len(folder.readable)}" in out
    code, out, _ = run(capsys, "export", str(place / "project"))
    assert samples_of(out) == shown([project.items.name(at) for at in good[:-1]])
    code, out, _ = run(capsys, "export", str(place / "project"), "--to", "scores")
    assert (code == 0) == (len({at % 2 for at in good[:-1]}) == 2)
    assert not out or samples_of(out) == shown([project.items.name(at) for at in good[-1:]])


@pytest.mark.usefixtures("unserved")
@pytest.mark.parametrize("seed", range(FOLDERS))
def test_commands(seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Maker(tmp_path / "data", seed).make()
    check_query(folder, tmp_path, capsys)
    check_project(folder, tmp_path, capsys)


def test_the_marker_is_where_it_was_meant() -> None:
    """The generator's own knowledge, against Pillow's turning alone."""
    from PIL import Image, ImageOps

    for turn in range(1, 9):
        data = Maker.image(Maker.__new__(Maker), "RGB", "png", (8, 12), turn)
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
        assert image.size == (12, 8)
        assert np.asarray(image)[:4, :6, 0].min() == 250
        assert np.asarray(image)[4:].max() == 20

"""What commands say of files that are no samples."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from PIL import Image

from iale.cli import _label as label_command
from iale.cli import main
from iale.data import FolderSamples, _pictures, _scan
from iale.errors import DataError

PHOTO = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
LINKS = "links that lead out of the folder or nowhere (1)"
LINE = f"passed over: .heic: pip install pillow-heif (2), {LINKS}, no image .txt (1)."


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six photos of six kinds, and what cannot be read: two .heic, as without pillow-heif, a text and a damaged PNG."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_scan, "EXTENSIONS", _pictures.EXTENSIONS - {".heic"})
    monkeypatch.setattr(_scan, "MISSING", {".heic": "pip install pillow-heif"})
    root = tmp_path / "photos"
    root.mkdir()
    for kind in ("jpg", "JPG", "jfif", "png", "avif", "webp"):
        Image.fromarray(PHOTO).save(root / f"{kind}.{kind}", {"jfif": "JPEG"}.get(kind))
    (root / "1.heic").write_bytes(b"x")
    (root / "2.HEIC").write_bytes(b"x")
    (root / "notes.txt").write_text("x")
    whole = (root / "png.png").read_bytes()
    (root / "damaged.png").write_bytes(whole[: len(whole) // 2])
    (root / "loop.png").symlink_to("loop.png")
    (tmp_path / "labels.csv").write_text("sample,label\njpg.jpg,a\npng.png,b\n")
    return root


def test_a_query(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    query = ("query", "--images", "photos", "--labels", "labels.csv", "--k", "4", "--epochs", "1", "--device", "cpu")
    assert main(query) == 0
    out, err = capsys.readouterr()
    chosen = sorted(line.split(",")[1] for line in out.splitlines()[1:])
    assert chosen == ["JPG.JPG", "avif.avif", "jfif.jfif", "webp.webp"]
    lines = err.splitlines()
    assert lines[0] == LINE
    assert "passed over: 1 that cannot be read, the first: photos/damaged.png is not a readable image" in lines[-1]
    assert "notes.txt" not in err
    assert main((*query, "--verbose", "yes")) == 0
    told = capsys.readouterr().err
    for name in ("'1.heic'", "'2.HEIC'", "'notes.txt'", "'loop.png'", "photos/damaged.png"):
        assert name in told


@pytest.mark.parametrize("labels", [(), ("--labels", "labels.csv")])
def test_what_is_damaged_within_is_not_asked_for(
    labels: tuple[str, ...], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its header can be read, and without labels only the geometry reads the rest."""
    for number in range(3):
        (folder / f"damaged{number}.png").write_bytes((folder / "damaged.png").read_bytes())
    query = ("query", "--images", "photos", *labels, "--epochs", "1", "--device", "cpu", "--k", str(6 - len(labels)))
    for _ in range(2):  # the geometry is kept, and made no second time
        assert main(query) == 0
        out, err = capsys.readouterr()
        assert "damaged" not in out
        assert len(out.splitlines()) == 7 - len(labels)
        assert "passed over: 4 that cannot be read, the first: photos/damaged.png is not a readable image" in err


def test_no_photo_is_asked_for_of_which_an_encoder_saw_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`iale embed` gives a row of zeros to what cannot be read, and also to what has no content."""
    rows = np.random.default_rng(0).normal(size=(7, 4))
    names = FolderSamples("photos").names
    rows[[names.index("damaged.png"), names.index("jpg.jpg")]] = 0
    np.savez("emb.npz", embeddings=rows, ids=names)
    assert main(("query", "--images", "photos", "--embeddings", "emb.npz", "--k", "6")) == 0
    out, err = capsys.readouterr()
    assert "damaged" not in out
    assert out.splitlines()[-1] == "6,jpg.jpg"
    assert "passed over: 1 that cannot be read, the first: photos/damaged.png" in err


def test_a_project(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_command, "PAGES", {"label": lambda *_: nullcontext(Mock())})  # nobody labels
    label = ("label", "photos", "--classes", "a,b", "--out", "project")
    assert main(label) == 0
    err = capsys.readouterr().err
    assert LINE in err
    assert "notes.txt" not in err
    assert "7 samples" in err
    assert main((*label, "--verbose", "yes")) == 0
    assert "passed over: 'notes.txt': no image .txt" in capsys.readouterr().err


def test_only_what_cannot_be_read(folder: Path) -> None:
    for path in folder.iterdir():
        if path.suffix != ".heic":
            path.unlink()
    with pytest.raises(DataError, match=r"holds no images: .* passed over: \.heic: pip install pillow-heif \(1\)\."):
        FolderSamples(folder)


def test_heic_is_read_with_pillow_heif(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    heif.from_pillow(Image.fromarray(np.full((16, 16, 3), (250, 120, 20), np.uint8))).save(tmp_path / "x.heic")
    colors = FolderSamples(tmp_path).batch(torch.tensor([0])).float().mean(dim=(0, 2, 3))
    assert np.allclose(colors, [250, 120, 20], atol=6)

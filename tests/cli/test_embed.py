"""``iale embed``: a file of vectors, made once, whatever happens meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from iale.cli import main

ENCODER = """
import os, pathlib, time
def encode(batch):
    with pathlib.Path("calls").open("a") as file:
        file.write(f"{len(batch)}\\n")
    time.sleep(float(os.environ.get("SLOW", 0)))
    return batch.float().flatten(1)[:, :3] if hasattr(batch, "float") else [[len(text), 1.0] for text in batch]
encode.size = (4, 6)
def wrong(batch):
    return batch.float().mean()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delitem(sys.modules, "encoders_", raising=False)
    Path("encoders_.py").write_text(ENCODER)
    Path("photos").mkdir()
    for number in range(5):
        Image.new("RGB", (20 + number, 9), (10 * number + 5, 7, 0)).save(f"photos/{number}.png")
    return tmp_path


def test_photos_of_many_sizes_come_in_the_size_that_the_encoder_wants(folder: Path) -> None:
    assert main(["embed", "photos", "--with", "encoders_:encode", "--out", "out.npz"]) == 0
    made = arrays()
    assert made["ids"].tolist() == [f"{number}.png" for number in range(5)]
    assert made["embeddings"].tolist() == [[10.0 * number + 5] * 3 for number in range(5)]
    assert str(made["maker"]).startswith("encoders_:encode ")
    assert set(os.listdir()) - {"__pycache__"} == {
        "calls",
        "out.npz",
        "encoders_.py",
        "photos",
    }  # nothing is left behind


@pytest.mark.filterwarnings("ignore:samples have changed")
def test_an_array_that_is_written_meanwhile_has_no_vectors(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save("rows.npy", np.ones((600, 4), np.float32))
    sys.path.insert(0, str(folder))
    import encoders_  # type: ignore[import-not-found]

    encode = encoders_.encode

    def late(batch: Any) -> Any:
        with open("rows.npy", "r+b") as file:
            file.seek(-4, 2)
            file.write(b"\0\0\0\0")
        return encode(batch)

    monkeypatch.setattr(encoders_, "encode", late)
    assert main(["embed", "rows.npy", "--with", "encoders_:encode", "--out", "out.npz"]) == 2
    assert "rows.npy has changed while it was read: start the same command again" in capsys.readouterr().err
    assert not Path("out.npz").exists()


def test_texts_reach_the_encoder_as_they_are(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("texts.csv").write_text("id,text\na,one two\nb,three\n")
    assert main(["embed", "texts.csv", "--with", "encoders_:encode", "--out", "out.npz", "--half", "yes"]) == 0
    made = arrays()
    assert made["ids"].tolist() == ["a", "b"]
    assert made["embeddings"].dtype == np.float16
    assert made["embeddings"].tolist() == [[7.0, 1.0], [5.0, 1.0]]
    assert "out.npz holds 2 vectors of 2 numbers" in capsys.readouterr().err


def test_what_cannot_be_read_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("photos/2.png").write_bytes(b"no image" * 20)
    assert main(["embed", "photos", "--with", "encoders_:encode", "--out", "out.npz"]) == 0
    said = capsys.readouterr().err
    assert "1 cannot be read, or have no content, and have a vector of zeros: 2.png" in said
    assert arrays()["embeddings"][2].tolist() == [0, 0, 0]
    assert arrays()["embeddings"][3].tolist() == [35, 35, 35]


def arrays(path: str = "out.npz") -> dict[str, Any]:
    with np.load(path) as file:  # which refuses pickles
        return dict(file)


def asked(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[str, str]:
    """What `iale query` prints, and what it says."""
    assert main(["query", "--k", "2", *options]) == 0
    return capsys.readouterr()


@pytest.mark.parametrize("labels", ["sample,label\n", "sample,label\n0.png,a\n3.png,b\n"])
def test_a_query_asks_as_with_the_embeddings_of_the_encoder(
    folder: Path, capsys: pytest.CaptureFixture[str], labels: str
) -> None:
    """The vectors are made once, and again only if the text of the encoder is another."""
    Path("labels.csv").write_text(labels)
    data = ("--images", "photos", "--labels", "labels.csv", "--classes", "a,b")
    assert main(["embed", "photos", "--with", "encoders_:encode", "--out", "out.npz"]) == 0
    expected = asked(capsys, *data, "--embeddings", "out.npz")[0]
    Path("calls").unlink()
    for looks in (
        "looking at all samples with encoders_:encode\n",
        "the vectors of encoders_:encode are read from the",
    ):
        answer, said = asked(capsys, *data, "--with", "encoders_:encode")
        assert looks in said
        assert said.count("encoders_:encode") == 1 + ("3.png" in labels)
        assert answer == expected
        assert "the images have" not in said  # only the encoder sees them
        assert ("fitting a linear head on the vectors of encoders_:encode to 2 labels" in said) == ("3.png" in labels)
    assert Path("calls").read_text() == "5\n"
    Path("encoders_.py").write_text(ENCODER + "\n")
    assert asked(capsys, *data, "--with", "encoders_:encode")[0] == expected
    assert Path("calls").read_text() == "5\n5\n"


def test_a_query_for_texts_takes_an_encoder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("texts.csv").write_text("id,text\n" + "".join(f"t{number},{'a' * 2**number}\n" for number in range(8)))
    Path("labels.csv").write_text("sample,label\nt0,short\nt7,long\n")
    data = ("--images", "texts.csv", "--labels", "labels.csv", "--strategy", "coreset")
    assert main(["embed", "texts.csv", "--with", "encoders_:encode", "--out", "out.npz"]) == 0
    expected = asked(capsys, *data, "--embeddings", "out.npz")[0]
    assert asked(capsys, *data, "--with", "encoders_:encode")[0] == expected


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--with", "encoders_:encode", "--embeddings", "out.npz"], "leave out --embeddings and --model"),
        (["--with", "encoders_"], "is not one of timm:MODEL"),
        (["--with", "encoders_:wrong"], "one row of numbers for each"),
    ],
)
def test_a_mistake_of_a_query_is_one_sentence(
    options: list[str], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["query", "--images", "photos", "--k", "2", *options]) == 2
    error = capsys.readouterr().err
    assert said in " ".join(error.split())
    assert "Traceback" not in error


def test_the_samples_are_never_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data.npz"
    np.savez(data, x=np.zeros((5, 4, 4), np.uint8))
    before = data.read_bytes()
    assert main(["embed", str(data), "--with", "encoders_:encode", "--out", str(data)]) == 2
    assert "--out is the file of the samples" in capsys.readouterr().err
    assert data.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--with", "encoders_:wrong", "--out", "out.npz", "--resize", "4,6"],
            "one row of numbers for each",
        ),
        (["--with", "encoders_:absent", "--out", "out.npz"], "cannot be imported"),
        (["--with", "encoders_", "--out", "out.npz"], "is not one of timm:MODEL"),
        (["--with", "encoders_:encode", "--out", "out.npy"], "must end in .npz"),
        (
            ["--with", "encoders_:encode", "--out", "nowhere.npz", "--resize", "3"],
            "--resize takes a height",
        ),
        (["--out", "out.npz"], "iale embed needs --with"),
        (["--with", "encoders_:encode"], "iale embed needs --out"),
    ],
)
def test_a_mistake_is_one_sentence(
    options: list[str], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["embed", "photos", *options]) == 2
    error = capsys.readouterr().err
    assert said in " ".join(error.split())
    assert "Traceback" not in error
    assert not Path("out.npz").exists()


def test_a_killed_command_goes_on_where_it_was(folder: Path) -> None:
    np.save("rows.npy", np.random.default_rng(0).normal(size=(1500, 4)).astype(np.float32))
    command = [sys.executable, "-m", "iale", "embed", "rows.npy", "--with", "encoders_:encode", "--out", "out.npz"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "SLOW": "0.7"}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(folder.glob(".out.npz.parts/.*.done")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not Path("out.npz").exists()
    before = len(Path("calls").read_text().split())
    assert main(["embed", "rows.npy", "--with", "encoders_:encode", "--out", "out.npz"]) == 0
    assert np.array_equal(arrays()["embeddings"], np.load("rows.npy")[:, :3])
    after = [int(size) for size in Path("calls").read_text().split()[before:]]
    assert sum(after) < 1500  # what was on disk is not encoded again

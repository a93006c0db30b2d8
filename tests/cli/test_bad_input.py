"""Bad input ends with one sentence on stderr, exit code 2, no traceback and nothing half-written."""

import errno
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from iale.cli._main import main
from iale.policies.iale import random_policy
from iale.policies.saved import save_policy
from iale.policies.state import StateConfig
from iale.seeding import Stream
from iale.strategies.catalog import STRATEGIES

Refused = Callable[..., str]

TINY = ("--classifier", "mlp", "--epochs", "1", "--device", "cpu")
RUN = ("run", "--dataset", "digits", *TINY, "--seeds", "1", "--labeling-budget", "30", "--test-size", "20")
SHORTLY = ("--experts", "margin,entropy", "--episodes", "1", "--policy-epochs", "1")
TRAIN = ("train", "--dataset", "digits", *TINY, *SHORTLY)
SHORT = ("--labeling-budget", "30", "--subset-size", "20")
MODELS = """
from torch import nn

def plain():
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3))
"""


def tree(folder: Path) -> dict[str, bytes | None]:
    """Every file and folder below ``folder``, with its content."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.fixture
def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Refused:
    """Runs a command that must be refused; returns its sentence."""
    monkeypatch.chdir(tmp_path)

    def run(*argv: str, progress: bool = False) -> str:
        capsys.readouterr()
        before = tree(tmp_path)
        assert main(argv) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.endswith("\n")
        lines = err.splitlines()
        assert progress or len(lines) == 1, err
        assert lines[-1].startswith("iale: ")
        assert "Traceback" not in err
        assert tree(tmp_path) == before
        return lines[-1]

    return run


@pytest.fixture
def samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Arguments of a query that would be answered: 30 images of 4×4 pixels in 3 classes, 9 of them labeled."""
    rng = np.random.default_rng(0)
    np.save(tmp_path / "images.npy", rng.random((30, 4, 4), dtype=np.float32))
    lines = [f"{sample},{sample % 3}" for sample in range(9)]
    (tmp_path / "labels.csv").write_text("\n".join(["sample,label", *lines]))
    (tmp_path / "my_models.py").write_text(MODELS)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, "my_models", raising=False)
    return ("query", "--images", "images.npy", "--labels", "labels.csv", *TINY)


def make_policy(folder: Path, num_classes: int = 10, embedding_dim: int = 256) -> Path:
    state = StateConfig(gradient=False)
    source = {"source": {"dataset": "digits", "classifier": "mlp"}, "episodes": 1}
    save_policy(random_policy(state, num_classes, embedding_dim, Stream(0)), folder, source)
    return folder


def full_disk(*_: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (
            ("--dataset", "nope"),
            "there is no data set, file or folder 'nope': the known data sets are digits, fashion-small, mnist",
        ),
        (("--dataset", "./nope.npz"), "nope.npz"),
        (
            ("--classifier", "nope"),
            "the known ones are cnn, linear, mlp, resnet18, resnet18-narrow.",
        ),
        (("--device", "cuda:9"), "device 'cuda:9' is not on this machine"),
        (("--device", "abacus"), "unknown device 'abacus'"),
        (("--labeling-budget", "5000"), "the labeling budget 5000"),
        (("--acquisition-size", "0"), "the acquisition size must be at least 1, not 0."),
        (("--acquisition-size", "101"), "the acquisition size 101 is larger than the sub-pool of 100"),
        (("--initial-size", "5"), "5 initial labels cannot cover 10 classes"),
        (("--epochs", "0"), "epochs must be at least 1"),
        (("--learning-rate", "nan"), "the learning rate must be above 0"),
        (("--workers", "0"), "the number of workers must be at least 1"),
    ],
)
@pytest.mark.parametrize("command", [RUN, TRAIN])
def test_sizes_and_names(command: tuple[str, ...], argv: tuple[str, ...], words: str, refused: Refused) -> None:
    assert words in refused(*command, "--out", "out", *argv)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ((*RUN, "--strategies", "random,nope"), "unknown strategy or policy 'nope'"),
        ((*RUN, "--strategies", "./nope"), "nope is not a policy"),
        ((*RUN, "--seeds", "0"), "the number of seeds must be at least 1"),
        ((*RUN, "--pools", "half"), "--pools takes one of subset, whole"),
        ((*RUN, "--pool-size", "20"), "the labeling budget 30 is larger than the pool of 20"),
        ((*RUN, "--test-size", "5000"), "the test size 5000 is larger than"),
        ((*TRAIN, "--experts", "nope"), "unknown strategy or policy 'nope'"),
        ((*TRAIN, "--schedule", "slow"), "--schedule takes one of fixed, exponential, not 'slow'."),
        ((*TRAIN, "--expert-probability", "2"), "the expert probability must lie in 0 … 1, not 2.0."),
        ((*TRAIN, "--scoring-size", "5000"), "class"),
        ((*TRAIN, "--subset-size", "none"), "a policy is trained on sub-pools"),
    ],
)
def test_options_of_run_and_train(argv: tuple[str, ...], words: str, refused: Refused) -> None:
    assert words in refused(*argv, "--out", "out")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("--dataset", "nope"), "there is no data set, file or folder 'nope'"),
        (("--classifier", "nope"), "unknown classifier 'nope'"),
        (("--variant", "better"), "--variant takes one of faithful, corrected, not 'better'."),
        (("--choices", "1"), "ALIL needs at least 2 choices a step"),
        (("--labeling-budget", "20"), "leaves nothing to choose"),
        (("--labeling-budget", "5000"), "the labeling budget 5000"),
        (("--initial-size", "5"), "5 initial labels cannot cover 10 classes"),
        (("--acquisition-size", "5"), "iale train-alil does not know '--acquisition-size'"),
    ],
)
def test_options_of_train_alil(argv: tuple[str, ...], words: str, refused: Refused) -> None:
    assert words in refused("train-alil", "--dataset", "digits", *TINY, "--out", "out", *argv)


def test_an_unknown_strategy_lists_the_known_ones(refused: Refused) -> None:
    sentence = refused(*RUN, "--strategies", "nope", "--out", "out")
    assert ", ".join(STRATEGIES) in sentence


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("run",), "iale run needs --out PATH"),
        (("train",), "iale train needs --out PATH"),
        (("train-alil",), "iale train-alil needs --out PATH"),
        (("query",), "iale query needs --images PATH"),
        (("report",), "iale report needs a folder with a records.jsonl"),
        (("report", "empty"), "holds no finished runs"),
        (("report", "nowhere"), "holds no finished runs"),
        (("policies", "nope"), "unknown policy 'nope'"),
        (("policies", "mnist-ml"), "unknown policy 'mnist-ml': did you mean 'mnist-mlp'?"),
        (("query", "emty"), "there is no emty: did you mean empty? a folder of images"),
        (("query", "empty", "--fitted", "no"), "there is no file no: --fitted takes"),
        (("label", "emty", "--out", "p", "--port", "0"), "there is no emty: did you mean empty? a folder of images"),
        (("run", "--out", "x", "--model", "m:f", "--classifier", "mlp"), "--model m:f and --classifier mlp: name one"),
        (("policies", "a", "b"), "one card at a time"),
        (("policies", "./empty"), "is not a policy"),
        (("data", "--download", "nope"), "there is no data set, file or folder 'nope': the known data sets are digits"),
        (("demo", "--workers", "0"), "the number of workers must be at least 1"),
        (("demo", "--workers", "two"), "--workers takes a whole number, not 'two'."),
        (("demo", "--outt", "x"), "did you mean --out?"),
        (("demo", "--out"), "--out needs a value"),
    ],
)
def test_commands(argv: tuple[str, ...], words: str, refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert words in refused(*argv)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("--strategy", "nope"), "unknown strategy or policy 'nope'"),
        (
            ("--classifier", "nope"),
            "the known ones are cnn, linear, mlp, resnet18, resnet18-narrow.",
        ),
        (("--k", "0"), "--k asks for 0 samples"),
        (("--k", "22"), "--k asks for 22 samples, and 21 without a label are left"),
        (("--k", "6", "--subset-size", "5"), "ask for 1 to 5"),
        (("--subset-size", "0"), "--subset-size must be at least 1, not 0."),
        (("--classes", "0,1"), "labels.csv, line 4: '2' is not a class"),
        (("--images", "nope"), "nope"),
        (("--images", "labels.csv"), "labels.csv has no columns with texts or features"),
        (("--labels", "nope.csv"), "there is no file nope.csv"),
        (("--labels", "images.npy"), "images.npy is no table that can be read as text"),
        (("--resize", "8"), "--resize takes a height and a width"),
        (("--embedding-layer", "1"), "--embedding-layer names a layer of your own model"),
        (("--classifier", "auto", "--model", "my_models:plain", "--strategy", "mc-dropout"), "needs a dropout layer"),
    ],
)
def test_queries(argv: tuple[str, ...], words: str, refused: Refused, samples: tuple[str, ...]) -> None:
    assert words in refused(*samples, "--out", "next.csv", *argv)


@pytest.mark.parametrize("option", ["--labels", "--images"])
def test_an_answer_never_replaces_what_was_read(option: str, refused: Refused, samples: tuple[str, ...]) -> None:
    path = samples[samples.index(option) + 1]
    assert "name another" in refused(*samples, "--k", "1", "--out", path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_pixels_that_are_not_finite(
    value: float, suffix: str, refused: Refused, samples: tuple[str, ...], tmp_path: Path
) -> None:
    images = np.load(tmp_path / "images.npy")
    images[17, 2, 2] = value
    if suffix == "npy":
        np.save(tmp_path / "bad.npy", images)
    else:
        np.savez(tmp_path / "bad.npz", images)
    sentence = refused(*samples, "--images", f"bad.{suffix}", "--out", "next.csv")
    assert "sample 17 has a value that is NaN, infinite" in sentence


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "columns sample and label were expected"),
        ("sample,label\n0,0\n1,0\n", "labels of one class only"),
        ("sample,label\n0,0\n1,1\n99,2\n", "line 4: there is no sample '99'"),
        ("sample,label\n0,0\n0,1\n", "line 3: sample '0' was labeled before"),
        ("sample,label\n0,0\n1,2\n", "class '1' has no labeled sample"),
        ("sample,label\n0,-1\n1,99999999\n", "bad.csv"),
    ],
)
def test_labels(text: str, words: str, refused: Refused, samples: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text(text)
    if "-1" in text:
        assert refused(*samples, "--labels", "bad.csv", "--out", "next.csv", "--classes", "a,b,c").count("bad.csv")
    else:
        assert words in refused(*samples, "--labels", "bad.csv", "--out", "next.csv")


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "there is no sample 'b.png'"), (b"not an image", "class 'dog' has no"), (None, "class 'dog' has no")],
)
def test_images(content: bytes | None, words: str, refused: Refused, samples: tuple[str, ...], tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for name in "abcdef":
        Image.fromarray(np.full((4, 4), 9, np.uint8)).save(folder / f"{name}.png")
    whole = (folder / "b.png").read_bytes()
    (folder / "b.png").write_bytes(whole[: len(whole) // 2] if content is None else content)
    (tmp_path / "named.csv").write_text("sample,label\na.png,cat\nb.png,dog\n")
    sentence = refused(
        *samples, "--images", "images", "--labels", "named.csv", "--out", "next.csv", "--k", "2", progress=True
    )
    assert words in sentence


def test_a_truncated_data_file(refused: Refused, samples: tuple[str, ...], tmp_path: Path) -> None:
    np.savez(tmp_path / "whole.npz", x=np.zeros((40, 4, 4), np.uint8), y=np.arange(40) % 2)
    whole = (tmp_path / "whole.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[:-200])
    assert "cut.npz is truncated or altered" in refused(*RUN, "--dataset", "cut.npz", "--out", "out")
    assert "cut.npz is truncated or altered" in refused(*samples, "--images", "cut.npz")


def test_labels_of_a_data_file_out_of_range(refused: Refused, tmp_path: Path) -> None:
    images = np.zeros((40, 4, 4), np.uint8)
    names = np.array(["a", "b"])
    np.savez(tmp_path / "bad.npz", x=images, y=np.arange(40) % 3, classes=names)
    assert "has the label 2: labels of 2 classes are 0 to 1." in refused(*RUN, "--dataset", "bad.npz", "--out", "out")
    np.savez(tmp_path / "gap.npz", x=images, y=np.arange(40) % 3 * 2)
    assert "has no sample of class 1" in refused(*RUN, "--dataset", "gap.npz", "--out", "out")


def test_a_public_data_set_that_was_altered(refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IALE_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "mnist"
    folder.mkdir()
    (folder / "train-images-idx3-ubyte.gz").write_bytes(b"cut")
    assert "train-images-idx3-ubyte.gz" in refused(*RUN, "--dataset", "mnist", "--out", "out")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / "weights.safetensors").write_bytes(b"cut"), "is not a whole safetensors file"),
        (lambda folder: (folder / "weights.safetensors").unlink(), "cannot read"),
        (lambda folder: (folder / "card.json").write_text('{"kind": "ia'), "not readable JSON"),
        (lambda folder: edit(folder, num_classes=9), "its card asks for"),
        (lambda folder: edit(folder, kind="other"), "kind 'other'"),
        (lambda folder: edit(folder, state={"hidden": True}), "the card of the policy"),
    ],
)
def test_a_spoiled_policy(
    spoil: Callable[[Path], None], words: str, refused: Refused, samples: tuple[str, ...], tmp_path: Path
) -> None:
    folder = make_policy(tmp_path / "mine")
    spoil(folder)
    for sentence in (
        refused(*RUN, "--strategies", "random,./mine", "--out", "out"),
        refused(*samples, "--strategy", "./mine", "--out", "next.csv"),
    ):
        assert words in sentence or "the classifier has" in sentence


def edit(folder: Path, **changes: Any) -> None:
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({**card, **changes}))


def test_a_policy_of_another_width_or_class_number(refused: Refused, samples: tuple[str, ...], tmp_path: Path) -> None:
    make_policy(tmp_path / "narrow", embedding_dim=128)
    make_policy(tmp_path / "wide")
    sentence = refused(*RUN, "--strategies", "random,./narrow", "--out", "out")
    assert "expects 10 classes and embeddings 128 wide, the classifier has 10 classes and embeddings 256" in sentence
    assert "expects 10 classes" in refused(*samples, "--strategy", "./wide", "--out", "next.csv")


@pytest.mark.parametrize("command", [RUN, (*TRAIN, *SHORT), ("demo",), ("report", "records")])
def test_a_folder_that_cannot_be_made(command: tuple[str, ...], refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert "is not a folder" in refused(*command, "--out", "file/out")
    assert "is not a folder" in refused(*command, "--out", "file")


def test_an_answer_that_cannot_be_written(
    refused: Refused, samples: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder").mkdir()
    assert "it is a folder" in refused(*samples, "--out", "folder")
    assert "is not a folder" in refused(*samples, "--out", "labels.csv/next.csv")
    (tmp_path / "next.csv").write_text("the last answer")
    monkeypatch.setattr(os, "replace", full_disk)
    assert "No space left on device" in refused(*samples, "--out", "next.csv", progress=True)
    assert (tmp_path / "next.csv").read_text() == "the last answer"


@pytest.mark.parametrize("command", [(*RUN, "--strategies", "random"), (*TRAIN, *SHORT)])
def test_a_disk_that_is_full_before_the_work(
    command: tuple[str, ...], refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iale.cli._output.tempfile.TemporaryFile", lambda **_: full_disk())
    sentence = refused(*command, "--out", "out")
    assert "cannot write to out: No space left on device; check the path" in sentence


@pytest.mark.parametrize("command", [(*RUN, "--strategies", "random"), (*TRAIN, *SHORT)])
def test_a_disk_that_fills_during_the_work(
    command: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full_disk)
        assert main([*command, "--out", str(out)]) == 2
    err = capsys.readouterr().err
    assert err.splitlines()[-1].startswith("iale: cannot write")
    assert "No space left on device" in err
    assert "Traceback" not in err
    assert not [path for path in out.rglob("*") if path.is_file() and path.read_bytes()]
    assert main([*command, "--out", str(out)]) == 0


def test_damaged_records(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "records.jsonl").write_text('{"key": "a", "sche\n{}\n')
    assert "records.jsonl, line 1" in refused(*RUN, "--strategies", "random", "--out", "out")
    assert "records.jsonl, line 1" in refused("report", "out")


@pytest.mark.parametrize("name", ["rounds/0001/weights.safetensors", "episodes/0001.safetensors"])
def test_a_truncated_checkpoint(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = [*TRAIN, *SHORT, "--out", str(tmp_path / "out")]
    assert main(command) == 0
    path = tmp_path / "out" / name
    path.write_bytes(path.read_bytes()[:-100])
    capsys.readouterr()
    assert main([*command, "--episodes", "2"]) == 2
    out, err = capsys.readouterr()
    last = err.splitlines()[-1]
    assert out == ""
    assert last.startswith("iale: ")
    assert name in last
    assert "Traceback" not in err
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_folder_with_another_run(refused: Refused) -> None:
    command = (*TRAIN, *SHORT, "--out", "out")
    assert main(command) == 0
    assert "out holds a run with another configuration" in refused(*command, "--seed", "1")

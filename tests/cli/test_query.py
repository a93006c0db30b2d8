"""`iale query`: without labels, with unseen classes, with samples nobody can label; its progress and its end."""

from __future__ import annotations

import csv
import io
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from tests.labeling.conftest import QUICK
from torch import Tensor

from iale.active_learner import ActiveLearner
from iale.classifiers.base import TrainingConfig
from iale.classifiers.torch_classifier import TorchClassifier
from iale.cli import _progress as progress
from iale.cli._main import main
from iale.data._sketches import sketches
from iale.data.arrays import ArraySamples
from iale.data.samples import SampleKind
from iale.data.unlabeled import load_unlabeled
from iale.errors import DataError
from iale.geometry import _builtin
from iale.labeling.fitting._fit import Refitter
from iale.labeling.items._reading import Reading
from iale.labeling.learner import ProjectLearner
from iale.labeling.project import Project
from iale.labeling.record.config import ProjectConfig
from iale.policies.catalog import find_strategy
from iale.strategies.base import Need
from iale.strategies.catalog import STRATEGIES

BLIND = [name for name in STRATEGIES if Need.GEOMETRY not in STRATEGIES[name]().needs]  # to the geometry
QUERY = ("query", "--images", "rows.npy", "--device", "cpu", "--epochs", "2", "--subset-size", "none")
MARGIN = ("--strategy", "margin")  # it reads a few samples and no geometry, and ranks each by itself


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """40 rows of four groups in a file; the first 6 have labels of two classes in another."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(sys.path))
    rng = np.random.default_rng(0)
    groups = np.where(np.arange(40) < 34, 0, np.arange(40) % 3 + 1)
    np.save("rows.npy", (6 * rng.normal(size=(4, 5))[groups] + 0.1 * rng.normal(size=(40, 5))).astype("float32"))
    Path("labels.csv").write_text("sample,label\n" + "".join(f"{n},{'ab'[n % 2]}\n" for n in range(6)))
    return tmp_path


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> object:
    def run(*argv: str) -> list[int]:
        assert main([*QUERY, *argv]) == 0
        return [int(row["sample"]) for row in csv.DictReader(io.StringIO(capsys.readouterr().out))]

    return run


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("given", [(), ("--labels", "none.csv")])
@pytest.mark.parametrize(
    ("strategy", "said"),
    [
        (MARGIN, "there are no labels yet, so 4 samples that differ most are chosen\n"),
        (
            (),
            "there are no labels yet: asking eherding for 4 samples\nlooking at all samples; this needs no labels\n",
        ),
    ],
)
def test_without_labels_the_first_batch_is_diverse(
    given: tuple[str, ...], strategy: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("none.csv").write_text("sample,label\n")
    given = (*given, *strategy)
    assert main([*QUERY, *given, "--k", "4"]) == 0
    out, err = capsys.readouterr()
    found = [int(line.split(",")[1]) for line in out.splitlines()[1:]]
    assert {0 if n < 34 else n % 3 + 1 for n in found} == {0, 1, 2, 3}
    assert err == said
    assert main([*QUERY, *given, "--strategy", "nope"]) == 2


def test_labels_in_the_table_that_nobody_asked_to_use_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f"{n % 5},{n % 7},{['a', 'b', ''][n % 3]}" for n in range(30)]
    Path("t.csv").write_text("\n".join(["height,width,label", *rows]))
    hint = "the labels in t.csv are not used: add --labels t.csv to use them\n"
    assert main(["query", "t.csv", "--k", "2"]) == 0
    assert hint in capsys.readouterr().err
    assert main(["query", "t.csv", "--k", "2", "--labels", "t.csv"]) == 0
    assert hint not in capsys.readouterr().err
    Path("t.csv").write_text("\n".join(["height,width,label", *(row.rpartition(",")[0] + "," for row in rows)]))
    assert main(["query", "t.csv", "--k", "2"]) == 0
    assert hint not in capsys.readouterr().err


@pytest.mark.usefixtures("rows")
def test_skipped_samples_are_not_asked_for(ask: object) -> None:
    assert callable(ask)
    every = ask(*MARGIN, "--labels", "labels.csv", "--k", "34")
    assert sorted(every) == list(range(6, 40))
    Path("skip.txt").write_text(f"{every[0]}\n\n {every[3]} \n{every[0]}\n")
    rest = [sample for sample in every if sample not in (every[0], every[3])]
    assert ask(*MARGIN, "--labels", "labels.csv", "--k", "32", "--skip", "skip.txt") == rest
    Path("skip.csv").write_text(f"rank,sample\n1,{every[0]}\n2,{every[3]}\n")
    assert ask(*MARGIN, "--labels", "labels.csv", "--k", "32", "--skip", "skip.csv") == rest
    assert not {every[0], every[3]} & set(ask("--k", "38", "--skip", "skip.csv"))


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    ("skip", "argv", "words"),
    [
        ("7\n40\n", (), "skip.txt, line 2: there is no sample '40'"),
        ("7\n3\n", (), "sample '3' is in skip.txt and has a label in labels.csv"),
        ("7\n8\n", ("--k", "33"), "--k asks for 33 samples, and 32 without a label are left"),
        ("sample,why\n7\n", (), "skip.txt, line 2: 1 of 2 cells"),
        (None, (), "there is no file skip.txt"),
        ("7\n", ("--out", "skip.txt"), "--out is the file of the skipped samples"),
    ],
)
def test_a_wrong_list_is_one_sentence(
    skip: str | None, argv: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if skip is not None:
        Path("skip.txt").write_text(skip, errors="surrogateescape")
    assert main([*QUERY, "--labels", "labels.csv", "--skip", "skip.txt", *argv]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert words in err
    assert err.count("\n") == 1


@pytest.mark.usefixtures("rows")
def test_classes_without_a_label_are_allowed_where_they_are_named(
    ask: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(ask)
    assert len(ask("--labels", "labels.csv", "--classes", "a,b,c,d")) == 10
    Path("labels.csv").write_text("sample,label\n0,0\n1,2\n")
    assert len(ask("--labels", "labels.csv", "--classes", "0,1,2")) == 10
    assert main([*QUERY, "--labels", "labels.csv"]) == 2
    assert "class '1' has no labeled sample in labels.csv" in capsys.readouterr().err
    Path("labels.csv").write_text("sample,label\n0,a\n")
    assert len(ask("--labels", "labels.csv", "--classes", "a,b")) == 10


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("when", ["trial", "fitting", "predicting", "reading"])
def test_ctrl_c_ends_it_without_a_file(
    when: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at = "trial"
    stage, batch = progress.Watched.stage, ArraySamples.batch

    @contextmanager
    def named(self: progress.Watched, what: str, total: int) -> Iterator[None]:
        nonlocal at
        at = what
        with stage(self, what, total):
            yield

    def stop(self: ArraySamples, indices: Tensor) -> Tensor:
        if at == when and len(indices) < 40:  # not the statistics of all inputs
            raise KeyboardInterrupt
        return batch(self, indices)

    monkeypatch.setattr(progress.Watched, "stage", named)
    monkeypatch.setattr(ArraySamples, "batch", stop)
    before = {path.name for path in Path().iterdir()}
    labels = MARGIN if when == "reading" else ("--labels", "labels.csv")
    monkeypatch.setattr("iale._asking._READ", 10)
    assert main([*QUERY, *labels, "--out", "next.csv"]) == 130
    out, err = capsys.readouterr()
    assert not out
    assert err.endswith("\nstopped; run the same command to continue\n")
    assert {path.name for path in Path().iterdir()} == before


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("changed", ["rows.npy", "vectors.npy", "vectors.npz"])
def test_a_file_that_is_written_meanwhile_is_no_answer(
    changed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It stays on disk: half of the answer would come from what it was, and half from what it is."""
    array = np.load("rows.npy")
    np.save("vectors.npy", array)
    np.savez("vectors.npz", embeddings=array)
    embeddings = [] if changed == "rows.npy" else ["--embeddings", changed]
    fit = ActiveLearner.fit

    def late(learner: ActiveLearner) -> None:
        fit(learner)
        with open(changed, "r+b") as file:  # as NumPy writes, in place
            file.seek(-4, 2)
            file.write(b"\0\0\0\0")

    monkeypatch.setattr(ActiveLearner, "fit", late)
    assert main(["query", "rows.npy", *MARGIN, "--labels", "labels.csv", *embeddings, "--out", "out.csv"]) == 2
    assert f"{changed} has changed while it was read: start the same command again" in capsys.readouterr().err
    assert not Path("out.csv").exists()


@pytest.mark.usefixtures("rows")
def test_the_samples_may_stand_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "rows.npy", *MARGIN, "--k", "3"]) == 0
    first = capsys.readouterr().out
    assert main(["query", "--images", "rows.npy", *MARGIN, "--k", "3"]) == 0
    assert capsys.readouterr().out == first
    for labels, words in (("labls.csv", "there is no file labls.csv: did you mean labels.csv?"), (".", "is a folder")):
        assert main(["query", "rows.npy", "--labels", labels]) == 2
        assert words in capsys.readouterr().err


@pytest.mark.usefixtures("rows")
def test_one_thing_is_one_in_what_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    Path("labels.csv").write_text("sample,label\n0,a\n")
    assert main([*QUERY, *MARGIN, "--k", "1", "--labels", "labels.csv", "--classes", "a,b"]) == 0
    assert "to 1 label, then asking margin for 1 sample\n" in capsys.readouterr().err


@pytest.mark.usefixtures("rows")
def test_a_guess_of_the_encoding_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    Path("labels.csv").write_text("sample,label\n0,Käfer\n1,Biene\n2,Käfer\n", encoding="cp1252")
    Path("skip.txt").write_text("sample,why\n3,unschön\n", encoding="cp1252")
    assert main([*QUERY, *MARGIN, "--labels", "labels.csv", "--skip", "skip.txt"]) == 0
    err = capsys.readouterr().err
    for name in ("labels.csv", "skip.txt"):
        sentence = f"{name} is not in UTF-8 and was read as cp1252: if letters come out wrong, save it in UTF-8\n"
        assert err.count(sentence) == 1
    Path("labels.csv").write_text("sample,label\n0,Käfer\n1,Biene\n", encoding="utf-8")
    assert main([*QUERY, *MARGIN, "--labels", "labels.csv"]) == 0
    assert "UTF-8" not in capsys.readouterr().err


@pytest.mark.usefixtures("rows")
def test_what_will_take_long_is_said_beforehand(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "LONG", 0.0)
    assert main([*QUERY, "--labels", "labels.csv"]) == 0
    assert "this will take" in capsys.readouterr().err.splitlines()[1]
    assert progress.announcement(0.0) == ""
    monkeypatch.undo()
    assert progress.announcement(59) == ""
    assert progress.announcement(61) == "this will take over a minute"
    assert progress.announcement(300) == "this will take about 5 minutes; Ctrl-C ends it"


def test_what_only_the_first_fit_of_a_process_costs_is_not_multiplied(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first fit loads libraries for 10 s, and an epoch takes 0.01 s: 100 of them take 1 s, not 1,000."""
    clock = iter((0.0, 10.0, 10.0, 10.0, 10.01, 10.01))
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    samples = ArraySamples(np.random.default_rng(0).normal(size=(20, 4)).astype("float32"))
    classifier = TorchClassifier(torch.nn.Linear(4, 2), (4,), TrainingConfig(epochs=100, device="cpu"))
    work = progress.work_of(find_strategy("margin"), 10, 10)
    assert work.seconds(classifier, samples, torch.arange(10), torch.arange(10) % 2) == pytest.approx(1.0)


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("classes", ["a,b,a", "a, ,b", ","])
def test_classes_have_one_name_each(classes: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*QUERY, "--classes", classes]) == 2
    assert "has a class without a name, or twice: name each once." in capsys.readouterr().err


def test_the_time_is_extrapolated_from_a_short_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that counts the samples read: 1 s for each. Checked against the count of a whole query."""
    read: list[int] = []
    batch = ArraySamples.batch

    def counted(self: ArraySamples, indices: Tensor) -> Tensor:
        read.append(len(indices))
        return batch(self, indices)

    monkeypatch.setattr(ArraySamples, "batch", counted)
    monkeypatch.setattr("time.perf_counter", lambda: float(sum(read)))
    samples = ArraySamples(np.random.default_rng(0).normal(size=(1000, 4)).astype("float32"))
    classifier = TorchClassifier(torch.nn.Linear(4, 2), (4,), TrainingConfig(epochs=7, device="cpu"))
    indices, labels = torch.arange(300), torch.arange(300) % 2
    work = progress.work_of(find_strategy("ensemble"), 300, 600)
    # 5 members fit 7 epochs of 300 samples and predict 600; 300 labeled ones are predicted at most.
    assert work.seconds(classifier, samples, indices, labels) == pytest.approx(5 * 7 * 300 + 5 * 600 + 300)
    assert classifier.training.epochs == 7
    assert max(read) <= 256


@pytest.fixture
def answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """1,000 rows of eight yes/no answers: at most 256 different ones."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(sys.path))
    values = np.random.default_rng(0).integers(0, 2, (1000, 8))
    np.save("rows.npy", values.astype("float32"))
    Path("labels.csv").write_text("sample,label\n" + "".join(f"{n},{values[n, 0] ^ values[n, 1]}\n" for n in range(20)))
    header = ",".join(["id", *(f"q{n}" for n in range(8))])
    lines = [",".join([f"row{n}", *map(str, row)]) for n, row in enumerate(values)]
    Path("rows.csv").write_text("\n".join([header, *lines]) + "\n")
    return tmp_path


@pytest.mark.timeout(60)
@pytest.mark.usefixtures("answers")
@pytest.mark.parametrize("subset", ["none", "100"])
@pytest.mark.parametrize("strategy", BLIND)
def test_a_query_on_yes_and_no_answers(strategy: str, subset: str, ask: object) -> None:
    assert callable(ask)
    Path("mine.py").write_text(
        "from torch import nn\n"
        "def net():\n"
        "    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 2))\n"
    )
    found = ask(
        "--labels", "labels.csv", "--strategy", strategy, "--k", "30", "--model", "mine:net", "--subset-size", subset
    )
    assert len(set(found)) == 30
    assert min(found) >= 20


@pytest.mark.timeout(60)
@pytest.mark.parametrize("strategy", BLIND)
def test_a_project_on_yes_and_no_answers(strategy: str, answers: Path) -> None:
    config = ProjectConfig(answers / "rows.csv", classes=("no", "yes"), training=QUICK, strategy=strategy)
    project = Project.create(answers / "project", config)
    try:
        for ticket in project.next("ann", 20):
            project.label("ann", ticket.sample, "no" if int(ticket.sample, 16) % 2 else "yes")
        Refitter(project, Reading(project.items)).fit()
        latest = project.fits.latest
        assert latest is not None
        assert len(set(latest.queue)) == len(latest.queue) >= 100
        assert not set(latest.queue) & set(project.labels())
        assert project.fits.all[0].strategy in (strategy, "margin")  # mc-dropout needs a model with dropout
    finally:
        project.close()


@pytest.mark.usefixtures("rows")
def test_a_sample_with_odd_outputs_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    values = np.load("rows.npy")
    values[[9, 31]] = 0
    np.save("rows.npy", values)
    Path("odd.py").write_text(
        "from torch import nn\n"
        "class Odd(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.out = nn.Linear(5, 2)\n"
        "    def forward(self, x):\n"
        "        return self.out(x / x.norm(dim=1, keepdim=True))\n"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("default")  # as on the command line
        assert main([*QUERY, "--labels", "labels.csv", "--model", "odd:Odd", "--k", "32"]) == 0
    out, err = capsys.readouterr()
    found = [int(row["sample"]) for row in csv.DictReader(io.StringIO(out))]
    assert sorted(found) == sorted(set(range(6, 40)) - {9, 31})
    (line,) = [line for line in err.splitlines() if "NaN" in line]
    assert line == (
        "the model's outputs for samples 9 (9), 31 (31) are NaN or infinite, so they are left out of this query: "
        "repair or skip them."
    )
    assert "learner.py" not in err


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("data", ["rows.npy", "rows.csv"])
def test_only_images_of_a_folder_are_resized(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("rows.csv").write_text("a,b\n1,2\n3,4\n")
    assert main(["query", "--images", data, "--resize", "8,8", "--k", "1"]) == 2
    assert capsys.readouterr().err == (
        f"iale: {data} is not a folder of images, and only those are resized: leave the size out.\n"
    )


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["--strategy", "magin"], "unknown strategy or policy 'magin': did you mean 'margin'? the strategies are"),
        (["--skip", "all.txt"], "every sample has a label or is skipped: there is none left to ask for."),
    ],
)
def test_slips_are_told_what_was_meant(argv: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("all.txt").write_text("\n".join(map(str, range(len(np.load("rows.npy"))))))
    assert main(["query", "--images", "rows.npy", "--k", "2", *argv]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("embedded", [False, True])
def test_photos_have_several_sizes(
    embedded: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The model sees them small, and a line says so; embeddings stand for photos whose pixels nobody compares."""
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for number in range(6):
        pixels = np.random.default_rng(number).integers(0, 256, (40 + 10 * (number % 3), 30, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(f"photos/{number}.png")
    Path("labels.csv").write_text("sample,label\n0.png,a\n1.png,b\n2.png,a\n")
    np.save("e.npy", np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32))
    given = ["--embeddings", "e.npy"] if embedded else []
    assert main(["query", "--images", "photos", "--labels", "labels.csv", "--k", "2", *given]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 3
    told = "the images have 3 sizes, so the model sees them in 64 x 64 pixels; --resize HEIGHT,WIDTH sets another size"
    assert (told in err.splitlines()) is not embedded


def test_a_folder_with_a_split_is_taken_whole_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for number in range(4):
        place = Path("photos") / ("train" if number < 2 else "test") / "a"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((9, 9), number, np.uint8)).save(place / f"{number}.png")
    told = f"photos has train/ and test/, and both may be asked for: name {Path('photos/train')} to leave out test/."
    for folder, said in (("photos", True), ("photos/train", False)):
        assert main(["query", "--images", folder, "--k", "1", *MARGIN]) == 0
        assert (told in capsys.readouterr().err.splitlines()) is said


@pytest.mark.usefixtures("rows")
def test_texts_are_told_apart_as_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = []

    def seen(batch: Tensor, kind: SampleKind) -> NDArray[np.float32]:
        kinds.append(kind)
        return sketches(batch, kind)

    monkeypatch.setattr("iale._asking.sketches", seen)
    Path("texts.csv").write_text("text\n" + "".join(f"note number {n}\n" for n in range(30)))
    assert main(["query", "--images", "texts.csv", "--k", "3", *MARGIN]) == 0
    assert main(["query", "--images", "rows.npy", "--k", "3", *MARGIN]) == 0
    samples = load_unlabeled("texts.csv")[0]
    ActiveLearner(torch.nn.Linear(samples.shape[0], 2), samples, "margin", training=QUICK).ask(3)
    ProjectLearner(
        Project.create("notes", ProjectConfig(Path("texts.csv"), ("a", "b"), strategy="margin", training=QUICK))
    ).ask(3)
    assert kinds == ["text", "row", "text", "text"]


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("labels", [(), ("--labels", "labels.csv")])
def test_margin_asks_where_the_default_cannot_compare_the_samples(
    labels: tuple[str, ...], ask: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise DataError("no sample can be compared.")

    assert callable(ask)
    expected = ask(*labels, *MARGIN, "--k", "4")
    monkeypatch.setattr("iale.cli._views.built_in", fails)
    assert main([*QUERY, *labels, "--k", "4"]) == 0
    out, err = capsys.readouterr()
    assert [int(row["sample"]) for row in csv.DictReader(io.StringIO(out))] == expected
    assert "margin asks instead of eherding, which compares all samples: no sample can be compared.\n" in err
    for named in ("maxherding", "eherding"):  # the default, too, if it is named
        for given in (("--strategy", named), (f"--strategy={named}",)):
            assert main([*QUERY, *labels, "--k", "4", *given]) == 2
            out, err = capsys.readouterr()
            assert out == ""
            assert err.endswith("no sample can be compared.\n")


@pytest.mark.usefixtures("rows")
def test_a_row_with_nan_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    """It cannot be compared, so margin would ask instead, and meets it, too."""
    values = np.load("rows.npy")
    values[20] = np.nan
    np.save("rows.npy", values)
    assert main(QUERY) == 2
    err = capsys.readouterr().err
    assert err.count("sample 20 has a value that is NaN") == 1
    assert "margin asks instead" not in err


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("data", ["images.npy", "images.npz", "texts.csv"])
def test_the_geometry_is_kept_for_the_next_query(
    data: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def write(seed: int) -> None:
        rng = np.random.default_rng(seed)
        images = rng.integers(0, 256, (40, 8, 8), np.uint8)
        np.save("images.npy", images)
        np.savez("images.npz", x=images)
        texts = [" ".join(rng.choice(["pear", "plum", "lime", "saw", "axe"], 6)) for _ in range(40)]
        Path("texts.csv").write_text("text\n" + "".join(f"{text}\n" for text in texts))

    def asked() -> str:
        assert main(["query", data, "--strategy", "coreset", "--labels", "labels.csv", "--k", "4"]) == 0
        return capsys.readouterr().out

    def fitted(*arguments: Any) -> Any:
        fits.append(1)
        return fit(*arguments)

    fits: list[int] = []
    fit = _builtin._fitted
    monkeypatch.setattr(_builtin, "_fitted", fitted)
    write(1)
    first = asked()
    assert len(fits) == 1
    assert asked() == first
    assert len(fits) == 1
    write(2)
    assert asked() != first
    assert len(fits) == 2


@pytest.mark.usefixtures("rows")
def test_a_column_that_holds_the_labels_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    Path("t.csv").write_text("size,kind\n" + "".join(f"{n},{'Ant' if n % 3 else 'bee'}\n" for n in range(30)))
    Path("l.csv").write_text("sample,label\n" + "".join(f"{n},{'ant' if n % 3 else 'bee'}\n" for n in range(6)))
    assert main(["query", "t.csv", "--labels", "l.csv", "--k", "3"]) == 0
    told = "the column 'kind' holds the label of each labeled row, and is learned from: remove it, or name it"
    assert told in capsys.readouterr().err
    Path("l.csv").write_text("sample,label\n" + "".join(f"{n},{'ant' if n % 2 else 'bee'}\n" for n in range(6)))
    assert main(["query", "t.csv", "--labels", "l.csv", "--k", "3"]) == 0
    assert "holds the label" not in capsys.readouterr().err


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("strategy", ["bald", "ensemble"])
@pytest.mark.parametrize("labels", [[], ["--labels", "labels.csv"]])
def test_a_head_and_a_strategy_for_networks_are_refused(
    strategy: str, labels: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--classifier", "linear", "--strategy", strategy, "--k", "3"]
    assert main(["query", "rows.npy", *labels, *asked]) == 2
    assert capsys.readouterr().err.startswith(f"iale: {strategy} ")

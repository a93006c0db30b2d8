"""The model that `iale query` looks through when nobody names one: the one that `iale label` would begin with."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression

from iale.active_learner import ActiveLearner
from iale.classifiers import LinearHead, build_classifier
from iale.classifiers.base import TrainingConfig
from iale.cli import _query as query
from iale.cli._main import main
from iale.data.images import FolderSamples
from iale.geometry import PointSamples, built_in
from iale.labeling.fitting._model import find_model
from iale.labeling.project import Project
from iale.labeling.record.config import ProjectConfig

COUNT, LABELED = 40, 12
CLASSES = ("plain", "across", "down")
FITTING = "fitting {} to 12 labels, then asking {} for 5 samples"
LOOKING = "looking at all samples; this needs no labels"


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """40 samples of three classes: images, texts, columns and embeddings of the images. The first 12 are labeled."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    Path("photos").mkdir()
    for number in range(COUNT):
        wave = np.sin(np.arange(24) / (1 + rng.random()))
        shape = (np.zeros((24, 24)), wave[:, None] + np.zeros(24), wave[None, :] + np.zeros((24, 1)))[number % 3]
        pixels = 128 + 60 * shape + rng.normal(0, 30, (24, 24))
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(f"photos/{number:02}.png")
    words = ("apples and pears", "a hammer and a saw", "rain and wind")
    texts = [f"{number:02},{words[number % 3]} number {rng.integers(99)}" for number in range(COUNT)]
    Path("texts.csv").write_text("\n".join(["id,text", *texts]))
    columns = rng.normal(size=(COUNT, 3)) + np.arange(COUNT)[:, None] % 3
    Path("columns.csv").write_text(
        "\n".join(["id,a,b,c", *(f"{n:02}," + ",".join(map(str, row)) for n, row in enumerate(columns))])
    )
    np.savez("emb.npz", embeddings=rng.normal(size=(COUNT, 6)), ids=[f"{n:02}.png" for n in range(COUNT)])
    for name, end in (("images.csv", ".png"), ("rows.csv", "")):
        lines = [f"{number:02}{end},{CLASSES[number % 3]}" for number in range(LABELED)]
        Path(name).write_text("\n".join(["sample,label", *lines]))


IMAGES = ("--images", "photos", "--labels", "images.csv")
TEXTS = ("--images", "texts.csv", "--labels", "rows.csv")
COLUMNS = ("--images", "columns.csv", "--labels", "rows.csv")
EMBEDDED = (*IMAGES, "--embeddings", "emb.npz")


def ask(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[list[int], list[str]]:
    """The answer, as numbers of samples, and the lines beside it."""
    assert main(["query", "--device", "cpu", "--classes", ",".join(CLASSES), "--k", "5", *argv]) == 0
    out, err = capsys.readouterr()
    return [int(row["sample"][:2]) for row in csv.DictReader(io.StringIO(out))], err.splitlines()


def test_the_head_on_the_geometry_is_that_of_scikit_learn(capsys: pytest.CaptureFixture[str]) -> None:
    found, lines = ask(capsys, *IMAGES, "--strategy", "margin", "--l2", "0.5")
    assert lines == [LOOKING, FITTING.format("a linear head on the built-in geometry", "margin")]
    points = built_in(FolderSamples(Path("photos"))).read().double().numpy()
    points *= points.shape[1] ** 0.5 / np.linalg.norm(points, axis=1, keepdims=True)
    model = LogisticRegression(C=2.0, tol=1e-9, max_iter=9999).fit(points[:LABELED], np.arange(LABELED) % 3)
    best = np.sort(model.predict_proba(points[LABELED:]), axis=1)
    assert found == (LABELED + np.argsort(best[:, -1] - best[:, -2])[:5]).tolist()


def test_the_default_strategy_looks_through_the_head(capsys: pytest.CaptureFixture[str]) -> None:
    points = built_in(FolderSamples(Path("photos")))
    inputs = PointSamples(points)
    head = LinearHead(inputs, 3, TrainingConfig(device="cpu"))
    learner = ActiveLearner(head, inputs, "eherding", subset_size=10_000, geometry=points)
    learner.tell(range(LABELED), np.arange(LABELED) % 3)
    assert ask(capsys, *IMAGES)[0] == learner.ask(5)


@pytest.mark.parametrize(
    ("argv", "options"),
    [
        (IMAGES, {}),
        (TEXTS, {}),
        (COLUMNS, {}),
        (EMBEDDED, {}),
        (IMAGES, {"strategy": "badge"}),
        (COLUMNS, {"strategy": "ensemble"}),
        (IMAGES, {"strategy": "ensemble"}),
        (IMAGES, {"strategy": "mc-dropout"}),
        (IMAGES, {"strategy": "batchbald"}),
        (IMAGES, {"strategy": "auto"}),
        (TEXTS, {"classifier": "linear"}),
        (IMAGES, {"classifier": "mlp"}),
        (IMAGES, {"loss": "torch.nn.functional:cross_entropy"}),
    ],
)
def test_it_is_the_model_of_a_new_project(
    argv: tuple[str, ...], options: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    embeddings = Path("emb.npz") if argv == EMBEDDED else None
    # A query does not average unless it is asked to: its choices would be no better.
    config = ProjectConfig(Path(argv[1]), CLASSES, embeddings=embeddings, neighbors=0, **options)  # type: ignore[arg-type]
    project = Project.create(Path("project"), config)
    project.reader.views.make_geometry()
    about = find_model(project.reader).about
    said = [part for name, value in options.items() for part in (f"--{name}", value)]
    quick = () if find_model(project.reader).head else ("--epochs", "1")  # it says how a network is trained, not which
    _, lines = ask(capsys, *argv, *said, *quick)
    asked = {"auto": "margin"}.get(options.get("strategy", ""), options.get("strategy", "eherding"))
    assert FITTING.format(about, asked) in lines


def test_who_names_a_network_or_its_training_gets_one(capsys: pytest.CaptureFixture[str]) -> None:
    training = TrainingConfig(epochs=3, device="cpu")
    samples = FolderSamples(Path("photos"))
    learner = ActiveLearner(build_classifier("cnn", samples, 3, training), samples, "badge", subset_size=10_000)
    learner.tell(range(LABELED), np.arange(LABELED) % 3)
    expected = learner.ask(5)
    for named in ((), ("--classifier", "cnn")):
        found, lines = ask(capsys, *IMAGES, "--strategy", "badge", "--epochs", "3", *named)
        assert (found, lines) == (expected, [FITTING.format("the classifier cnn", "badge")])


@pytest.mark.parametrize("argv", [IMAGES, TEXTS, COLUMNS])
def test_what_a_head_cannot_give_is_refused_where_it_was_named(
    argv: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    for strategy, words in (("ensemble", "a linear head has one solution"), ("bald", "needs a dropout layer")):
        assert main(["query", *argv, "--strategy", strategy, "--classifier", "linear"]) == 2
        assert words in capsys.readouterr().err


def test_before_the_first_label_no_model_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    found, lines = ask(capsys, "--images", "photos")
    points = built_in(FolderSamples(Path("photos")))
    inputs = PointSamples(points)
    assert found == ActiveLearner(LinearHead(inputs, 3), inputs, "eherding", geometry=points).ask(5)
    assert lines == ["there are no labels yet: asking eherding for 5 samples", LOOKING]


def test_with_many_labels_a_network_is_recommended(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query, "MANY", LABELED)
    for argv, name in ((IMAGES, "cnn"), (TEXTS, "mlp"), (COLUMNS, "mlp")):
        hint = f"with so many labels, a network may do better: --classifier {name}"
        assert hint in ask(capsys, *argv)[1]
        assert hint not in ask(capsys, *argv, "--classifier", "linear")[1]
    assert "network" not in " ".join(ask(capsys, *EMBEDDED)[1])
    monkeypatch.setattr(query, "MANY", LABELED + 1)
    assert "network" not in " ".join(ask(capsys, *IMAGES)[1])


def test_a_damaged_image_changes_neither_the_model_nor_the_strategy(capsys: pytest.CaptureFixture[str]) -> None:
    whole = Path("photos/30.png").read_bytes()
    Path("photos/30.png").write_bytes(whole[: len(whole) // 2])
    for labels in ((), IMAGES[2:]):
        found, lines = ask(capsys, "--images", "photos", *labels)
        assert 30 not in found
        assert not [line for line in lines if "margin" in line]
        assert lines[-1].startswith("passed over: 1 that cannot be read, the first: photos/30.png")

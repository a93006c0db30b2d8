"""Arguments of another type or out of range: the public constructors refuse them in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from iale import ActiveLearner, classifiers, data, geometry, strategies
from iale.errors import IaleError
from iale.seeding import Stream

ROWS = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")
SAMPLES, ALL, LABELS = data.ArraySamples(ROWS), torch.arange(12), torch.arange(12) % 3
Case = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any], str]


def case(said: str, make: Callable[..., Any], *args: Any, **options: Any) -> Case:
    return make, args, options, said


def check(one: Case) -> None:
    make, args, options, said = one
    with pytest.raises(IaleError, match=said) as caught:
        make(*args, **options)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for number in range(3):
        Image.new("RGB", (9, 8), (50 * number, 1, 2)).save(tmp_path / f"{number}.png")
    return tmp_path


@pytest.mark.parametrize("name", ["size", "mixed"])
@pytest.mark.parametrize(
    "size",
    [16, "16", (16,), (16, 16, 16), (16.0, 16.0), ("16", "16"), (0, 4), (4, -1), (True, 4), (4, 10**6), (None, 4)],
)
def test_a_size_is_a_height_and_a_width(photos: Path, name: str, size: Any) -> None:
    for make in (data.FolderSamples, data.load_unlabeled):
        check(case(rf"{name} is \(height, width\) in pixels, .* as in \(64, 64\), not ", make, photos, **{name: size}))


@pytest.mark.parametrize("size", [[4, 5], np.array([4, 5]), torch.tensor([4, 5]), (np.int64(4), 5)])
def test_a_size_may_be_any_two_integers(photos: Path, size: Any) -> None:
    assert data.FolderSamples(photos, size=size).batch(torch.tensor([1])).shape == (1, 3, 4, 5)


@pytest.mark.parametrize("mode", ["X", "rgb", "RGBA", 3, ["L"]])
def test_a_mode_is_one_of_two(photos: Path, mode: Any) -> None:
    for make in (data.FolderSamples, data.load_unlabeled):
        check(case("the mode of images is 'L' or 'RGB', not ", make, photos, mode=mode))


@pytest.mark.parametrize("path", [3, None, b"x", ["photos"], ROWS])
def test_a_path_is_text_or_a_path(path: Any) -> None:
    check(case("expected the path of a folder of images, not ", data.FolderSamples, path))
    check(case("expected the path of samples, not ", data.load_unlabeled, path))
    check(case("expected the name or the path of a data set, not ", data.load_dataset, path))
    check(case("expected the path of a table of labels, not ", data.load_labels_csv, path, ["0"]))
    check(case("expected the path of embeddings, not ", geometry.read_embeddings, path, ["0"]))


ENCODED = np.zeros(3, np.uint8), np.array([0, 3])
OF_DATA = [
    case("offsets of x do not fit", data.EncodedSamples, None, ENCODED[1], "x"),
    case("offsets of x do not fit", data.EncodedSamples, b"abc", ENCODED[1], "x"),
    case("offsets of x do not fit", data.EncodedSamples, ENCODED[0], [0, 3], "x"),
    case("expected a dictionary of arrays, or a data set .*, not 3", data.DictSamples, 3),
    case("expected a dictionary of arrays, or a data set .*, not None", data.DictSamples, None),
    case("int holds no samples", data.Subset, 3, ALL),
    case("is a path", data.Subset, "abc", ALL[:1]),
    case(r"one after another, not as a tensor of shape \(1, 2\)", data.Subset, SAMPLES, ALL[None, :2]),
    case("indices must be a list of integers", data.Pool, "abc", 3),
    case("indices must be a list of integers", data.Pool, None, 3),
    case("indices must be a list of integers", data.Pool, torch.tensor([0.5]), 3),
    case("the index -1: indices start at 0", data.Pool, torch.tensor([-1, 2]), 3),
    case("the number of classes is a whole number of at least 0, not '3'", data.Pool, ALL, "3"),
    case("the number of classes is a whole number of at least 0, not 2.5", data.Pool, ALL, 2.5),
    case("the number of classes is a whole number of at least 0, not -1", data.Pool, ALL, -1),
    case("sub-pool needs at least 1 sample, not 'a'", data.Pool(ALL, 3).candidates, "a", Stream(0)),
    case("sub-pool needs at least 1 sample, not 2.5", data.Pool(ALL, 3).candidates, 2.5, Stream(0)),
    case("of initial labels is a whole number .*, not 3.5", data.class_balanced, ALL, LABELS, 3.5, 3, Stream(0)),
    case("of initial labels is a whole number .*, not 'a'", data.class_balanced, ALL, LABELS, "a", 3, Stream(0)),
    case("the kind of a table is auto, text or features, not 'x'", data.TableConfig, kind="x"),
    case("the decimal sign of a table is auto, point or comma, not ','", data.TableConfig, decimal=","),
    case("what is missing in a table is error or median, not None", data.TableConfig, missing=None),
    case("the delimiter of a table is .*, not 3", data.TableConfig, delimiter=3),
    case("there is no encoding 3", data.TableConfig, encoding=3),
    case("a text column is named by text, not 3", data.TableConfig, text_column=3),
    case("an id column is named by text, not 0", data.TableConfig, id_column=0),
    case("a label column is named by text, not 0", data.TableConfig, label_column=0),
    case("expected a TableConfig, .* not {}", data.load_unlabeled, "x.csv", table={}),
    case("class names are a list of texts, .* not 'abc'", data.make_dataset, "x", ROWS, LABELS, classes="abc"),
    case("class names are a list of texts, .* not 3", data.make_dataset, "x", ROWS, LABELS, classes=3),
    case(
        r"class names are a list of texts, .* not \[1, 2, 3\]", data.make_dataset, "x", ROWS, LABELS, classes=[1, 2, 3]
    ),
    case("class names are a list of texts, .* not 'ab'", data.load_labels_csv, "x.csv", ["0"], "ab"),
    case("the class 'a' is named twice", data.load_labels_csv, "x.csv", ["0"], ["a", "b", "a"]),
]
ENCODER = geometry.Encoder("one", "one 1", lambda batch: np.ones((len(batch), 2)))
OF_GEOMETRY = [
    case("unknown kind of samples 'x': use image, text or row", geometry.built_in, SAMPLES, "x"),
    case("unknown kind of samples 3: use image, text or row", geometry.built_in, SAMPLES, 3),
    case(r"are no images: .* not \(4,\)", geometry.built_in, SAMPLES, "image"),
    case("the number of workers is a whole number of at least 1, not 0", geometry.built_in, SAMPLES, workers=0),
    case(
        "the number of workers is a whole number of at least 1, not '2'", geometry.build, SAMPLES, ENCODER, workers="2"
    ),
    case(
        "the number of workers is a whole number of at least 1, not 2.5", geometry.build, SAMPLES, ENCODER, workers=2.5
    ),
    case("expected the path of a folder of geometries, not 3", geometry.built_in, SAMPLES, folder=3),
    case("NoneType holds no samples", geometry.built_in, None),
    case("int holds no samples", geometry.build, 3, ENCODER),
    case("expected a maker of points, such as an Encoder, not None", geometry.build, SAMPLES, None),
    case("expected Points, as as_geometry.* makes them, not array", geometry.PointSamples, ROWS),
    case("the number of samples is a whole number of at least 0, not '12'", geometry.as_geometry, ROWS, "12"),
    case("the number of samples is a whole number of at least 0, not None", geometry.as_geometry, ROWS, None),
    case("points are a tensor .* and int64 indices", geometry.Points, ROWS, ALL),
    case("points are a tensor .* and int64 indices", geometry.Points, torch.from_numpy(ROWS), [0, 1]),
    case("points are a tensor .* and int64 indices", geometry.Points, torch.from_numpy(ROWS), torch.tensor([0.5])),
    case("points are a tensor .* and int64 indices", geometry.Points, torch.arange(3), torch.arange(3)),
    case("x takes some of image, text and row, not 'image'", geometry.Encoder, "x", "x", len, "image"),
    case(r"x takes some of image, text and row, not \('photo',\)", geometry.Encoder, "x", "x", len, ("photo",)),
    case(r"x takes some of image, text and row, not \(\)", geometry.Encoder, "x", "x", len, ()),
    case(r"the size of x is \(height, width\) in pixels", geometry.Encoder, "x", "x", len, ("image",), 16),
    case(r"the size of x is \(height, width\) in pixels", geometry.Encoder, "x", "x", len, ("image",), (0, 4)),
    case("has the type str: name a function", geometry.Encoder, "x", "x", "len"),
    case("unknown kind of samples 'x'", ENCODER.check, "x"),
    case("the encoder 3 is not one of timm:MODEL", geometry.find_encoder, 3),
    case("the encoder None is not one of timm:MODEL", geometry.check_encoder, None),
]
IMAGE = (3, 8, 8), 3, (0.0,) * 3, (1.0,) * 3
META = nn.Linear(4, 3, device="meta")
HALF = nn.Sequential(nn.Linear(4, 4), META)


def fitted(indices: Any, labels: Any, seed: Any = 0) -> None:
    classifiers.FitJob(indices, labels, seed)


OF_CLASSIFIERS = [
    case("epochs must be an integer, not True", classifiers.TrainingConfig, epochs=True),
    case("the learning rate must be above 0 and finite, not inf", classifiers.TrainingConfig, learning_rate=np.inf),
    case("unknown device None: use auto, cpu", classifiers.TrainingConfig, device=None),
    case("unknown device None: use auto, cpu", classifiers.resolve_device, None),
    case("sizes of at least 1, not -4", classifiers.TorchClassifier, nn.Linear(4, 3), (-4,)),
    case("the number of classes is a whole number of at least 2, not 0", classifiers.LinearHead, ROWS, 0),
    case("the number of classes is a whole number of at least 2, not '3'", classifiers.LinearHead, ROWS, "3"),
    case("the l2 strength must be above 0, not 'x'", classifiers.LinearHead, ROWS, 3, l2="x"),
    case("expected a TrainingConfig, .* not 3", classifiers.LinearHead, ROWS, 3, 3),
    case("unknown classifier 3", classifiers.build_classifier, 3, SAMPLES, 3),
    case("unknown classifier \\['mlp'\\]", classifiers.build_classifier, ["mlp"], SAMPLES, 3),
    case("NoneType holds no samples", classifiers.build_classifier, "mlp", None, 3),
    case(
        "the number of classes is a whole number of at least 2, not '3'",
        classifiers.build_classifier,
        "mlp",
        SAMPLES,
        "3",
    ),
    case(
        "the number of classes is a whole number of at least 2, not 0", classifiers.build_classifier, "mlp", SAMPLES, 0
    ),
    *[
        case("the probability of dropping a unit is a number from 0 to below 1, not ", classifiers.Dropout, p)
        for p in (-1, 1, 2, "x", None, np.nan)
    ],
    case("one mean and one standard deviation for each channel", classifiers.Standardize, "x", [1]),
    case("one mean and one standard deviation for each channel", classifiers.Standardize, [0, 1], [1]),
    case("one mean and one standard deviation for each channel", classifiers.Standardize, [np.nan], [1]),
    *[case("a tuple such as", make, 8, *IMAGE[1:]) for make in (classifiers.cnn, classifiers.mlp, classifiers.linear)],
    *[case("a tuple such as", make, (3.0, 8, 8), *IMAGE[1:]) for make in (classifiers.mlp, classifiers.resnet18)],
    *[case("sizes of at least 1, not 0", make, (0, 8, 8), *IMAGE[1:]) for make in (classifiers.mlp, classifiers.cnn)],
    *[case("the number of classes is", make, IMAGE[0], 0, *IMAGE[2:]) for make in (classifiers.mlp, classifiers.cnn)],
    case("the width of a ResNet-18 is a whole number", classifiers.resnet18, *IMAGE, width=0),
    case("the width of a ResNet-18 is a whole number", classifiers.resnet18, *IMAGE, width="x"),
    *[
        case("a fit reads int64 tensors of indices and labels", fitted, some, some)
        for some in ([0, 1], None, np.arange(2), ALL.float())
    ],
    case("a fit reads int64 tensors .* of one length", fitted, ALL, ALL[:3]),
    case("a seed is an integer, not 1.5", fitted, ALL, LABELS, 1.5),
    case("a seed is an integer, not 'x'", fitted, ALL, LABELS, "x"),
    *[
        case("'(1.)?weight' is on the device meta, which holds no numbers: load the weights", make, model, *rest)
        for model in (META, HALF, lambda: HALF)
        for make, *rest in ((classifiers.TorchClassifier, (4,)), (ActiveLearner, ROWS))
    ],
    case("is on the device meta", ActiveLearner.from_fitted, META, ROWS),
]
OF_STRATEGIES = [
    *[
        case("ridge of BAIT must be a number above 0", make, ridge)
        for make in (strategies.Bait, strategies.BaitFull)
        for ridge in ("x", None, np.inf, [1], True)
    ],
    *[
        case("combinations of labels in BatchBALD is a whole number of at least 1", strategies.BatchBald, n)
        for n in ("x", None, 1.5, np.nan, 0)
    ],
    *[
        case("rounds of REFINE is a whole number of at least 1", strategies.Refine, rounds=n)
        for n in ("x", None, 1.5, 0)
    ],
    *[case("parts of REFINE is a whole number of at least 1", strategies.Refine, parts=n) for n in ([1], np.inf, -1)],
    *[case("REFINE needs members", strategies.Refine, members) for members in ((), 3, "margin")],
    case("expected a strategy or its name, not 1", strategies.Refine, [1]),
    case("expected a strategy or its name, not None", strategies.Refine, last=None),
    case("the bandwidth must be a number .*, not True", strategies.MaxHerding, True),
    case("the bandwidth must be a number .*, not True", strategies.ErrorHerding, True),
]


@pytest.mark.parametrize("one", [*OF_DATA, *OF_GEOMETRY, *OF_CLASSIFIERS, *OF_STRATEGIES])
def test_a_wrong_argument_is_one_sentence(one: Case) -> None:
    check(one)


def test_what_is_no_tensor_but_means_one_is_taken() -> None:
    assert torch.equal(data.Subset(ROWS, [3, 1]).batch(torch.tensor([0])), torch.from_numpy(ROWS[3:4]))  # type: ignore[arg-type]
    assert data.Pool([0, 2], 3).candidates(None, Stream(0)).indices.tolist() == [0, 2]  # type: ignore[arg-type]
    assert torch.equal(geometry.built_in(ROWS).read(), geometry.built_in(SAMPLES).read())  # type: ignore[arg-type]
    assert len(geometry.build(ROWS, ENCODER)) == 12  # type: ignore[arg-type]

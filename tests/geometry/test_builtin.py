"""The built-in geometry against scikit-learn, and what it must never depend on."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.preprocessing import normalize

from iale.data._texts import TextSamples, hashed_pieces
from iale.data.arrays import ArraySamples
from iale.data.dictionaries import DictSamples
from iale.data.samples import SampleKind, Samples
from iale.data.torch_dataset import TorchSamples
from iale.errors import ConfigError
from iale.geometry import Points, built_in
from iale.geometry._builtin import find_built_in, find_directions
from iale.geometry._views import shrunken

RNG = np.random.default_rng(0)
WORDS = [f"word{number}" for number in range(200)]


def photos(n: int = 300, side: int = 40, channels: int = 3) -> NDArray[np.uint8]:
    """Smooth color fields, of which no two are alike."""
    coarse = RNG.integers(0, 256, size=(n, channels, 5, 5)).astype(np.float32)
    fine = torch.nn.functional.interpolate(torch.from_numpy(coarse), (side, side), mode="bilinear")
    return fine.round().to(torch.uint8).numpy()


def texts(n: int = 200) -> list[str]:
    topics = RNG.integers(5, size=n)
    return [" ".join(RNG.choice(WORDS[40 * topic : 40 * topic + 40], size=12)) for topic in topics]


def same_up_to_sign(one: NDArray[np.float32], other: NDArray[np.float64], rtol: float = 1e-3) -> None:
    signs = np.sign((one * other).sum(axis=0))
    np.testing.assert_allclose(one * signs, other, rtol=0, atol=rtol * np.abs(other).max())


@pytest.mark.parametrize(("channels", "side"), [(1, 28), (3, 40)])
def test_images_are_the_principal_components_of_shrunken_pixels(channels: int, side: int) -> None:
    images = photos(side=side, channels=channels)
    points = built_in(ArraySamples(images)).read().numpy()
    small = torch.from_numpy(images).double() / 255
    if channels == 3:
        small = torch.nn.functional.adaptive_avg_pool2d(small, (18, 18))
    peer = PCA(64, svd_solver="full").fit(small.flatten(1).numpy())
    leading = peer.explained_variance_ratio_ > 1e-3  # the others are too close to one another to be told apart
    assert leading.sum() > 10
    width = len(leading) if points.shape[1] == 64 else points.shape[1]
    expected = peer.transform(small.flatten(1).numpy())[:, :width]
    same_up_to_sign(points[:, leading[:width]], expected[:, leading[:width]])
    variances = points.astype(np.float64).var(axis=0)
    np.testing.assert_allclose(variances.sum(), expected.var(axis=0).sum(), rtol=1e-4)
    assert (np.diff(variances) < 1e-9).all()


def test_texts_are_pieces_of_words_in_few_directions() -> None:
    lines = texts()
    points = built_in(TextSamples(lines), "text").read().numpy()
    # The peer counts, hashes and weighs by itself.
    counts = HashingVectorizer(n_features=2**15, analyzer="char_wb", ngram_range=(2, 5), norm=None).transform(lines)
    counts.eliminate_zeros()  # two pieces that share a place may cancel
    counts.data = np.sign(counts.data) * (1 + np.log(np.abs(counts.data)))
    weighed = TfidfTransformer(norm=None).fit(counts != 0).transform(normalize(counts))
    peer = TruncatedSVD(128, algorithm="arpack").fit(weighed.astype(np.float64))
    assert points.shape == (200, 128)
    lost = 1 - (points.astype(np.float64) ** 2).sum() / (peer.singular_values_**2).sum()
    assert abs(lost) < 0.01
    same_up_to_sign(points[:, :4], peer.transform(weighed)[:, :4], 0.02)


@pytest.mark.parametrize("kind", ["image", "row", "text"])
def test_how_it_is_computed_is_kept_and_found_again(kind: SampleKind, tmp_path: Path) -> None:
    samples: Samples = TextSamples(texts()) if kind == "text" else ArraySamples(photos(100))
    if isinstance(samples, TextSamples):
        views = hashed_pieces(samples.texts(torch.arange(200))).toarray()
    elif kind == "image":
        views = shrunken(samples.batch(torch.arange(100))).numpy()
    else:
        views = RNG.normal(size=(100, 7)).astype(np.float32) * [1, 9, 1, 1, 1, 1, 1] + 5
        samples = ArraySamples(views)
    points = built_in(samples, kind, tmp_path).read().numpy()
    for again in (False, True):
        found = find_directions(samples, kind, tmp_path)
        made = (views - found["mean"].numpy()) @ found["directions"].numpy()
        np.testing.assert_allclose(made, points, atol=2e-5 * np.abs(points).max())
        if not again:
            for path in tmp_path.glob("*.safetensors"):
                path.unlink()


def test_rows_are_standardised_and_a_constant_is_zero() -> None:
    rows = RNG.normal(size=(400, 4)).astype(np.float32) * [1, 1000, 1e-3, 1] + [5, 0, 7, 0]
    rows[:, 3] = np.float32(0.1)
    points = built_in(ArraySamples(rows.astype(np.float32))).read().double()
    assert points.shape == (400, 4)
    np.testing.assert_allclose(points.mean(dim=0), 0, atol=1e-3)
    np.testing.assert_allclose(points.std(dim=0, correction=0), [1, 1, 1, 0], atol=1e-3)


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        (RNG.normal(size=(300, 384)).astype(np.float32), True),  # of a sentence encoder
        (np.abs(RNG.normal(size=(300, 1280))).astype(np.float16), True),  # after a ReLU
        (RNG.normal(size=(300, 65)).astype(np.float32), False),  # too narrow
        (RNG.integers(5, size=(300, 200)).astype(np.float32), False),  # counts
        (RNG.normal(size=(300, 200)) * (RNG.random((300, 200)) < 0.1), False),  # mostly zeros
        (RNG.normal(size=(300, 200)) * np.logspace(-3, 3, 200), False),  # columns of many units
    ],
)
def test_wide_rows_are_kept_only_if_they_look_like_embeddings(rows: NDArray[np.float32], kept: bool) -> None:
    points = built_in(ArraySamples(rows)).read()
    if kept:
        torch.testing.assert_close(points, torch.from_numpy(rows.astype(np.float32)), rtol=0, atol=0)
        return
    scaled = (rows - rows.mean(axis=0, dtype=np.float64)) / rows.std(axis=0, dtype=np.float64)
    peer = PCA(64, svd_solver="full").fit(scaled)
    assert points.shape == (300, 64)
    np.testing.assert_allclose(points.double().var(dim=0, correction=1), peer.explained_variance_, rtol=1e-3)


def test_very_wide_rows_go_through_a_randomized_decomposition() -> None:
    hidden = RNG.normal(size=(200, 5)) @ RNG.normal(size=(5, 3000)) * np.logspace(-3, 3, 3000)
    points = built_in(ArraySamples(hidden)).read().double()
    scaled = (hidden - hidden.mean(axis=0)) / hidden.std(axis=0)
    peer = PCA(5, svd_solver="full").fit(scaled)
    np.testing.assert_allclose(points.var(dim=0, correction=1)[:5], peer.explained_variance_, rtol=1e-3)


def test_points_of_samples_beyond_those_it_is_fitted_on(monkeypatch: pytest.MonkeyPatch) -> None:
    images = photos(n=330)
    monkeypatch.setattr("iale.geometry._builtin._FITTED", 300)
    points = built_in(ArraySamples(images)).read().numpy()
    fitted = np.arange(300) * 330 // 300
    small = torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(images).double() / 255, (18, 18)).flatten(1)
    peer = PCA(64, svd_solver="full").fit(small.numpy()[fitted])
    same_up_to_sign(points[:, :8], peer.transform(small.numpy())[:, :8])


@pytest.mark.parametrize("images", [np.zeros((5, 6, 6), np.uint8), photos(n=1), photos(n=2)])
def test_few_or_equal_images_have_points(images: NDArray[np.uint8]) -> None:
    points = built_in(ArraySamples(images)).read()
    assert points.shape[1] >= 1
    assert torch.isfinite(points).all()


def test_labels_change_nothing(tmp_path: Path) -> None:
    images = photos(60)

    def pairs(label: int) -> TorchSamples:
        return TorchSamples([(torch.from_numpy(image), label * row) for row, image in enumerate(images)])

    honest, poisoned = built_in(pairs(0)).read(), built_in(pairs(-7)).read()
    assert honest.numpy().tobytes() == poisoned.numpy().tobytes()


_ELSEWHERE = """
import sys, hashlib, numpy as np
from iale.data.arrays import ArraySamples
from iale.data._texts import TextSamples
from iale.geometry import built_in
found = np.load(sys.argv[1])
for samples, kind in [
    (ArraySamples(found["images"]), "image"),
    (ArraySamples(found["rows"]), "row"),
    (TextSamples([str(text) for text in found["texts"]]), "text"),
]:
    print(hashlib.sha256(built_in(samples, kind).read().numpy().tobytes()).hexdigest())
"""


def test_it_is_the_same_bytes_in_another_process_with_more_threads(tmp_path: Path) -> None:
    images, rows, lines = photos(700), RNG.normal(size=(700, 80)) * RNG.integers(2, size=(700, 80)), texts(300)
    np.savez(tmp_path / "all.npz", images=images, rows=rows, texts=np.array(lines))
    each: list[Points] = [
        built_in(ArraySamples(images)),
        built_in(ArraySamples(rows)),
        built_in(TextSamples(lines), "text"),
    ]
    here = [hashlib.sha256(points.read().numpy().tobytes()).hexdigest() for points in each]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "2")
    said = subprocess.run(
        [sys.executable, "-c", _ELSEWHERE, str(tmp_path / "all.npz")],
        env={**os.environ, **threads},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.split() == here


def test_a_folder_keeps_it_and_nothing_else(tmp_path: Path) -> None:
    samples = ArraySamples(photos(100))
    assert find_built_in(samples, None, tmp_path) is None
    told: list[tuple[int, int]] = []
    points = built_in(samples, folder=tmp_path, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (200, 200)
    assert {path.suffix for path in tmp_path.iterdir()} == {".npy", ".json", ".safetensors"}
    assert len(list(tmp_path.iterdir())) == 3
    found = find_built_in(samples, "image", tmp_path)
    assert found is not None
    assert (
        found.read().numpy().tobytes() == points.read().numpy().tobytes() == built_in(samples).read().numpy().tobytes()
    )


def test_a_folder_does_not_grow_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iale.geometry._builtin._KEPT", 2)
    rows = RNG.normal(size=(5, 20, 3))
    for each in rows:
        built_in(ArraySamples(each), folder=tmp_path)
    assert len(list(tmp_path.iterdir())) == 6
    assert find_built_in(ArraySamples(rows[4]), None, tmp_path) is not None


def test_token_ids_are_no_numbers() -> None:
    ids = DictSamples({"input_ids": np.arange(40).reshape(10, 4)})
    with pytest.raises(ConfigError, match="token ids have no built-in geometry"):
        built_in(ids)

"""The built-in geometry against scikit-learn, and what it must never depend on."""

from __future__ import annotations

import dataclasses
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
from iale.errors import ConfigError, IaleWarning
from iale.geometry import Points, build, built_in
from iale.geometry._builtin import find_built_in, find_directions, pixels
from iale.geometry._patches import Filters, learned
from iale.geometry._views import patch_size, shrunken

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
def test_pixels_are_the_principal_components_of_shrunken_images(channels: int, side: int) -> None:
    images = photos(side=side, channels=channels)
    points = build(ArraySamples(images), pixels(ArraySamples(images))).read().numpy()
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


@pytest.mark.parametrize(("channels", "side", "small"), [(1, 28, 28), (3, 40, 32), (1, 8, 8), (12, 40, 16)])
def test_images_are_the_principal_components_of_what_filters_see(
    channels: int, side: int, small: int, tmp_path: Path
) -> None:
    images = photos(side=side, channels=channels)
    images[:, :, side // 3 :] //= 2  # an edge
    points = built_in(ArraySamples(images), folder=tmp_path).read().numpy()
    found = find_directions(ArraySamples(images), "image", tmp_path)
    filters = filters_in(found)
    shrunk = torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(images).double() / 255, small).numpy()
    np.testing.assert_allclose(filters.weight.mean(dim=(1, 2, 3)), 0, atol=1e-6)
    views = filters.views(torch.from_numpy(shrunk).float())
    np.testing.assert_allclose(views[:3], [seen(image, filters) for image in shrunk[:3]], rtol=2e-3, atol=2e-3)
    peer = PCA(64, svd_solver="full").fit(views.double().numpy())
    same_up_to_sign(points[:, :4], peer.transform(views.double().numpy())[:, :4], 0.01)
    assert points.astype(np.float64).var(axis=0, ddof=1).sum() > 0.99 * peer.explained_variance_.sum()


def filters_in(kept: dict[str, torch.Tensor]) -> Filters:
    return Filters(*(kept[f"filters_{name}"] for name in ("weight", "offset", "center", "noise", "colors")))


def seen(image: NDArray[np.float64], filters: Filters) -> list[float]:
    """The view of one image [C, H, W], a patch at a time."""
    weight = filters.weight.double().numpy()
    side = weight.shape[-1]
    stride = 2 if side >= 5 else 1
    places = range(0, image.shape[1] - side + 1, stride)
    responses = np.zeros((2 * len(weight), len(places), len(places)))
    for row, y in enumerate(places):
        for column, x in enumerate(places):
            patch = image[:, y : y + side, x : x + side]
            looks = (patch - patch.mean()) / np.sqrt(patch.var() + float(filters.noise))
            scores = (weight * looks).sum(axis=(1, 2, 3)) - filters.offset.double().numpy()
            responses[:, row, column] = np.maximum(np.concatenate([scores, -scores]) - 1, 0)
    parts = min(4, len(places) // 2)

    def means(values: NDArray[np.float64]) -> list[float]:
        """Of overlapping parts, which together are the whole."""
        size = values.shape[1]
        cuts = [(size * at // parts, -(-size * (at + 1) // parts)) for at in range(parts)]
        return [float(each[a:b, c:d].mean()) for each in values for a, b in cuts for c, d in cuts]

    return [
        *np.sqrt(means(responses)),
        *(float(filters.colors) * mean for mean in means(image - float(filters.center))),
    ]


def test_filters_find_the_patches_that_images_are_made_of() -> None:
    rng = np.random.default_rng(1)
    upright = np.broadcast_to(np.arange(32) % 4 < 2, (32, 32)).astype(float)
    images = np.stack([np.roll(upright if row % 2 else upright.T, row, axis=(0, 1)) for row in range(200)])
    images = images * rng.uniform(20, 120, (200, 1, 1)) + rng.uniform(0, 100, (200, 1, 1))  # other light each
    points = built_in(ArraySamples(images.round().astype(np.uint8)[:, None])).read()
    near = torch.cdist(points, points)
    near.fill_diagonal_(torch.inf)
    assert ((near.argmin(dim=1) % 2) == torch.arange(200) % 2).all()  # of pixels, any other image may be nearest


@pytest.mark.parametrize("scale", [2.0**-20, 2.0**-10, 2.0**13])  # they round nothing, and k-means hangs on rounding
def test_views_do_not_depend_on_the_unit_of_pixels(scale: float) -> None:
    images = torch.from_numpy(photos(50, 28, 1)).float() / 255
    one, other = (learned(part).views(part) for part in (images, images * scale))
    torch.testing.assert_close(one, other, rtol=1e-2, atol=1e-2)


def test_the_contrast_of_pale_images_is_seen() -> None:
    images = torch.from_numpy(photos(50, 28, 1)).float() / 255
    filters = learned(images)
    assert float(filters.center) == pytest.approx(float(images.mean()), abs=1e-6)
    pale = dataclasses.replace(filters, center=filters.center + 300)
    torch.testing.assert_close(pale.views(images + 300), filters.views(images), rtol=1e-2, atol=1e-2)


def test_images_of_one_shade_each_are_as_far_apart_as_their_shades() -> None:
    shades = RNG.integers(0, 256, 60).astype(np.uint8)
    images = np.broadcast_to(shades[:, None, None, None], (60, 1, 20, 20)).copy()
    points = built_in(ArraySamples(images)).read().double()
    distances = np.abs(shades[:, None].astype(float) - shades[None])
    found = torch.cdist(points, points).numpy()
    np.testing.assert_allclose(found / found.max(), distances / distances.max(), atol=1e-4)


def test_images_of_one_color_each_are_told_apart() -> None:
    colors = RNG.integers(0, 256, (60, 3)).astype(np.uint8)
    images = np.broadcast_to(colors[:, :, None, None], (60, 3, 20, 20)).copy()
    points = built_in(ArraySamples(images)).read()
    assert float(torch.pdist(points).min()) > 0.01 * float(torch.pdist(points).max())


def test_the_colors_of_parts_have_a_tenth_of_the_variance() -> None:
    images = torch.from_numpy(photos(500, 32)).float() / 255
    spread = learned(images).views(images).double().var(dim=0)
    assert float(spread[-48:].sum() / spread.sum()) == pytest.approx(0.1, abs=0.01)


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
        views = shrunken(samples.batch(torch.arange(100)), patch_size(samples.shape)).numpy()
    else:
        views = RNG.normal(size=(100, 7)).astype(np.float32) * [1, 9, 1, 1, 1, 1, 1] + 5
        samples = ArraySamples(views)
    points = built_in(samples, kind, tmp_path).read().numpy()
    for again in (False, True):
        found = find_directions(samples, kind, tmp_path)
        features = views
        if kind == "image":
            features = filters_in(found).views(torch.from_numpy(views).view(-1, 3, 32, 32)).numpy()
        made = (features - found["mean"].numpy()) @ found["directions"].numpy()
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
    monkeypatch.setattr("iale.geometry._builtin._IMAGES", 300)
    points = built_in(ArraySamples(images)).read().numpy()
    fitted = np.arange(300) * 330 // 300
    small = torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(images).double() / 255, 32).float()
    views = learned(small[fitted]).views(small).double().numpy()
    peer = PCA(64, svd_solver="full").fit(views[fitted])
    same_up_to_sign(points[:, :8], peer.transform(views)[:, :8])


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


class Counted:
    """A data set that counts how often an item is read."""

    def __init__(self, images: NDArray[np.uint8]) -> None:
        self.images, self.reads = torch.from_numpy(images), 0

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int) -> torch.Tensor:
        self.reads += 1
        return self.images[row]


def test_a_data_set_without_a_digest_is_read_a_few_times_only(tmp_path: Path) -> None:
    images = photos(100, 8).transpose(0, 3, 1, 2)
    data = Counted(images)
    points = built_in(TorchSamples(data), folder=tmp_path)
    # Once to find it, once to fit and project it, once after each of both to see that nothing has changed.
    assert data.reads <= 4 * len(data) + 2
    assert torch.equal(points.read(), built_in(ArraySamples(images)).read())


def test_a_data_set_that_changes_meanwhile_is_noticed(tmp_path: Path) -> None:
    data = Counted(photos(100, 8).transpose(0, 3, 1, 2))

    def change(done: int, total: int) -> None:
        if done == total:
            data.images = data.images.flip(0)

    with pytest.warns(IaleWarning, match="samples have changed while they were looked at"):
        built_in(TorchSamples(data), folder=tmp_path, progress=change)
    assert not list(tmp_path.glob("*.npy"))

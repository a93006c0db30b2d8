"""Pools too big for memory: outputs on disk, chunks that shrink, queries that do not read the whole pool."""

from __future__ import annotations

import json
import os
import pickle
import warnings
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from iale import errors
from iale.active_learner import ActiveLearner
from iale.classifiers import _passes
from iale.classifiers._chunks import Chunks, is_out_of_memory
from iale.classifiers.base import FitJob, FittedClassifier, Outputs, TrainingConfig
from iale.classifiers.cache import OutputCache
from iale.classifiers.networks import Network, cnn
from iale.classifiers.torch_classifier import FittedTorchClassifier, TorchClassifier
from iale.data._fingerprint import fingerprint
from iale.data.arrays import ArraySamples
from iale.data.images import FolderSamples
from iale.data.pool import Pool
from iale.data.samples import Samples
from iale.data.splits import Subset
from iale.errors import MemoryWarning
from iale.learner import CycleConfig, Learner
from iale.seeding import Stream
from iale.strategies import badge
from iale.strategies.badge import Badge
from iale.strategies.base import Need, QueryContext, QueryStrategy
from iale.strategies.coreset import CoreSet

QUICK = TrainingConfig(epochs=1, device="cpu")


def _images(n: int = 1200, seed: int = 0) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(0, 256, (n, 6, 6), dtype=np.uint8)


def _recipe() -> TorchClassifier:
    return TorchClassifier(lambda: cnn((1, 6, 6), 3, [0.5], [0.3]), (1, 6, 6), QUICK)


def _fitted(samples: Samples, seed: int = 0) -> FittedTorchClassifier:
    return _recipe().fit(samples, FitJob(torch.arange(9), torch.arange(9) % 3, seed))


class Counting:
    """A fitted classifier that counts the samples for which it computes outputs."""

    def __init__(self, inner: FittedTorchClassifier) -> None:
        self.inner, self.asked = inner, 0

    def outputs(self, samples: Samples, indices: Tensor) -> Outputs:
        self.asked += len(indices)
        return self.inner.outputs(samples, indices)

    def monte_carlo(self, samples: Samples, indices: Tensor, passes: int, seed: int) -> Tensor:
        return self.inner.monte_carlo(samples, indices, passes, seed)

    def fingerprint(self) -> str:
        return self.inner.fingerprint()


def _same(one: Outputs, other: Outputs) -> bool:
    return torch.equal(one.logits, other.logits) and torch.equal(one.embeddings, other.embeddings)


def _entry(folder: Path) -> Path:
    (entry,) = [path for path in folder.iterdir() if not path.name.startswith(".")]
    return entry


PROBES = 16


# ── Outputs on disk ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_outputs_on_disk_equal_those_in_memory_and_are_read_the_second_time(tmp_path: Path) -> None:
    samples, indices = ArraySamples(_images()), torch.arange(1199, -1, -1)
    fitted = Counting(_fitted(samples))
    expected = fitted.inner.outputs(samples, indices)
    for asked in (1200 + PROBES, PROBES):
        fitted.asked = 0
        assert _same(OutputCache(tmp_path).outputs(fitted, samples, indices), expected)
        assert fitted.asked == asked
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_blocks_round_as_one_pass_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iale.classifiers.cache._BLOCK", 500)
    samples = ArraySamples(_images())
    fitted = _fitted(samples)
    assert _same(
        OutputCache(tmp_path).outputs(fitted, samples, torch.arange(1200)), fitted.outputs(samples, torch.arange(1200))
    )


@pytest.mark.parametrize("change", ["pixel", "indices", "weights", "channels"])
def test_other_content_is_computed_anew(tmp_path: Path, change: str) -> None:
    images, indices = _images(100), torch.arange(100)
    samples = ArraySamples(images)
    fitted = Counting(_fitted(samples))
    cache = OutputCache(tmp_path)
    cache.outputs(fitted, samples, indices)
    if change == "pixel":
        images[57, 3, 3] ^= 1
    elif change == "indices":
        indices = indices.flip(0)
    elif change == "weights":
        fitted.inner = _fitted(samples, seed=1)
    else:
        samples = ArraySamples(images, channels="last")
    fitted.asked = 0
    assert _same(cache.outputs(fitted, samples, indices), fitted.inner.outputs(samples, indices))
    assert fitted.asked > PROBES


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "delete", "digests", "pickle"])
def test_a_damaged_entry_is_computed_again(tmp_path: Path, damage: str) -> None:
    samples, indices = ArraySamples(_images(300)), torch.arange(300)
    fitted = Counting(_fitted(samples))
    cache = OutputCache(tmp_path)
    expected = fitted.inner.outputs(samples, indices)
    cache.outputs(fitted, samples, indices)
    file = _entry(tmp_path) / "embeddings.npy"
    data = bytearray(file.read_bytes())
    if damage == "flip":
        data[-7] ^= 1
        file.write_bytes(data)
    elif damage == "truncate":
        file.write_bytes(data[:-100])
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "delete":
        file.unlink()
    elif damage == "digests":
        (_entry(tmp_path) / "digests.json").write_text("{}")
    else:
        np.save(file, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    fitted.asked = 0
    assert _same(cache.outputs(fitted, samples, indices), expected)
    assert fitted.asked == 300 + PROBES
    fitted.asked = 0
    cache.outputs(fitted, samples, indices)
    assert fitted.asked == PROBES


def test_an_entry_whose_rows_the_model_would_not_give_is_computed_again(tmp_path: Path) -> None:
    """Digests match, but the code of ``forward`` has changed, which no digest of weights can show."""

    class Model(nn.Module):
        sign = 1.0

        def __init__(self) -> None:
            super().__init__()
            self.hidden, self.last = nn.Linear(4, 5), nn.Linear(5, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.last(torch.relu(self.sign * self.hidden(x)))  # type: ignore[no-any-return]

    samples = ArraySamples(np.random.default_rng(0).normal(size=(50, 4)).astype("float32"))
    fitted = TorchClassifier(Model(), (4,), QUICK).fit(samples, FitJob(torch.arange(4), torch.arange(4) % 2, 0))
    cache = OutputCache(tmp_path)
    before = cache.outputs(fitted, samples, torch.arange(50)).logits.clone()
    Model.sign = -1.0
    after = cache.outputs(fitted, samples, torch.arange(50))
    assert not torch.allclose(after.logits, before)
    assert _same(after, fitted.outputs(samples, torch.arange(50)))


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    class Failing(Counting):
        def outputs(self, samples: Samples, indices: Tensor) -> Outputs:
            if len(indices) > PROBES:
                raise OSError(28, "No space left on device")
            return super().outputs(samples, indices)

    samples = ArraySamples(_images(100))
    with pytest.raises(errors.StorageError, match="No space left"):
        OutputCache(tmp_path).outputs(Failing(_fitted(samples)), samples, torch.arange(100))
    assert list(tmp_path.iterdir()) == []


def test_others_read_what_is_in_a_shared_folder(tmp_path: Path) -> None:
    samples = ArraySamples(_images())
    OutputCache(tmp_path).outputs(_fitted(samples), samples, torch.arange(100))
    (entry,) = tmp_path.iterdir()
    for path in (entry, *entry.iterdir()):
        assert path.stat().st_mode & 0o044 == 0o044, path
    assert entry.stat().st_mode & 0o011 == 0o011


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    samples = ArraySamples(_images(30))
    with pytest.raises(errors.StorageError, match="cannot write"):
        OutputCache(tmp_path / "file").outputs(_fitted(samples), samples, torch.arange(30))


def test_the_oldest_entries_are_deleted_beyond_the_limit(tmp_path: Path) -> None:
    samples, indices = ArraySamples(_images(100)), torch.arange(100)
    one = 4 * 100 * (3 + 128) + 256 + 400
    cache = OutputCache(tmp_path, most=2 * one)
    stale = tmp_path / ".3f9c.left"
    stale.mkdir()
    os.utime(stale, (0, 0))
    kept = []
    for seed in range(4):
        fitted = _fitted(samples, seed)
        kept.append((fitted.outputs(samples, indices), cache.outputs(fitted, samples, indices)))
        for age, entry in enumerate(sorted(tmp_path.iterdir(), key=lambda path: path.stat().st_mtime)):
            os.utime(entry, (1000 * seed + age, 1000 * seed + age))
    assert len(list(tmp_path.iterdir())) == 2
    assert all(_same(*pair) for pair in kept)  # a map stays valid after its file is gone


def test_without_a_folder_only_large_outputs_go_to_disk_and_leave_with_the_object(tmp_path: Path) -> None:
    samples, indices = ArraySamples(_images(200)), torch.arange(200)
    fitted = Counting(_fitted(samples))
    small = OutputCache()
    small.outputs(fitted, samples, indices)
    assert small._temporary is None
    large = OutputCache(large=1000)
    expected = fitted.inner.outputs(samples, indices)
    for asked in (200 + PROBES, PROBES):
        fitted.asked = 0
        assert _same(large.outputs(fitted, samples, indices), expected)
        assert fitted.asked == asked
    folder = large._temporary
    assert folder is not None
    assert folder.is_dir()
    del large
    assert not folder.exists()


def test_memory_maps_are_known_by_their_file_and_some_rows(tmp_path: Path) -> None:
    path = tmp_path / "pool.npy"
    np.save(path, _images(5000))
    first = ArraySamples(np.load(path, mmap_mode="r")).fingerprint()
    assert ArraySamples(np.load(path, mmap_mode="r")).fingerprint() == first
    assert pickle.loads(pickle.dumps(ArraySamples(np.load(path, mmap_mode="r")))).fingerprint() == first
    assert ArraySamples(np.load(path, mmap_mode="r")[10:]).fingerprint() != first
    stat = path.stat()
    np.save(path, _images(5000, seed=1))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert ArraySamples(np.load(path, mmap_mode="r")).fingerprint() != first  # same size and time, other content


def test_folders_are_known_by_their_files_and_the_content_of_some(tmp_path: Path) -> None:
    for number, image in enumerate(_images(3)):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    seen = {FolderSamples(tmp_path).fingerprint()}
    assert FolderSamples(tmp_path).fingerprint() in seen
    seen.add(FolderSamples(tmp_path, size=(4, 4)).fingerprint())
    path = tmp_path / "1.png"
    stat = path.stat()
    Image.fromarray(_images(4)[3]).save(path)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    seen.add(FolderSamples(tmp_path).fingerprint())
    path.rename(tmp_path / "3.png")
    samples = FolderSamples(tmp_path)
    seen.add(samples.fingerprint())
    assert len(seen) == 4
    (tmp_path / "3.png").unlink()
    with pytest.raises(errors.DataError, match=r"3\.png was moved or deleted"):
        samples.fingerprint()


def test_parts_and_samples_of_any_other_kind_are_known_by_their_content() -> None:
    class Plain:
        shape = (1, 6, 6)
        dtype = torch.uint8

        def __init__(self, images: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
            self.images = images

        def __len__(self) -> int:
            return len(self.images)

        def batch(self, indices: Tensor) -> Tensor:
            return torch.from_numpy(self.images[indices.numpy()][:, None])

    images = _images(3000)
    changed = images.copy()
    changed[2999, 5, 5] ^= 1
    whole = ArraySamples(images)
    seen = [fingerprint(Plain(images)), fingerprint(Plain(changed)), fingerprint(whole)]
    seen += [fingerprint(Subset(source, torch.arange(2990, 3000))) for source in (whole, ArraySamples(changed))]
    seen.append(fingerprint(Subset(whole, torch.arange(2980, 2990))))
    assert len(set(seen)) == 6
    assert fingerprint(Plain(images.copy())) == seen[0]
    assert fingerprint(ArraySamples(images[::-1][::-1])) == seen[2]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the kernel's counters are those of Linux")
def test_rows_that_were_read_from_a_memory_map_do_not_stay_in_memory(tmp_path: Path) -> None:
    def mapped() -> int:
        (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssFile:")]
        return int(line.split()[1])

    np.save(tmp_path / "pool.npy", np.ones((2000, 4096), dtype=np.float32))  # 32 MB
    samples = ArraySamples(np.load(tmp_path / "pool.npy", mmap_mode="r"))
    samples.batch(torch.tensor([0]))
    before = mapped()
    assert float(samples.batch(torch.arange(0, 2000, 2)).sum()) == 1000 * 4096
    assert mapped() - before < 8000  # KiB
    changed = np.load(tmp_path / "pool.npy", mmap_mode="c")
    changed[5] = 7
    for _ in range(2):
        assert float(ArraySamples(changed).batch(torch.tensor([5]))[0, 0]) == 7


def test_a_learner_reads_its_second_question_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    compute = _passes.outputs

    def counted(module: nn.Module, inputs: Tensor, *options: Any) -> Outputs:
        asked.append(len(inputs))
        return compute(module, inputs, *options)

    monkeypatch.setattr(_passes, "outputs", counted)
    answers, counts = [], []
    for cache in (None, tmp_path, tmp_path):  # the last one as another process would
        learner = ActiveLearner(_recipe(), _images(), "badge", subset_size=None, cache=cache)
        learner.tell([0, 1, 2, 5], [0, 1, 2, 0])
        learner.fit()
        asked.clear()
        answers.append(learner.ask(7))
        counts.append(sum(asked))
    assert answers[0] == answers[1] == answers[2]
    assert counts[1:] == [1196 + PROBES, PROBES]
    assert json.loads((_entry(tmp_path) / "digests.json").read_text())["schema"] == 1


class Undeclared(QueryStrategy):
    """Reads embeddings although it does not say so."""

    name: ClassVar[str] = "undeclared"

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        return context.candidates.embeddings.sum(dim=1).argsort(descending=True)[:k]


def test_embeddings_of_a_whole_pool_are_kept_only_for_who_reads_them(tmp_path: Path) -> None:
    def answer(strategy: str | QueryStrategy, cache: Path | None) -> list[int]:
        learner = ActiveLearner(_recipe(), _images(), strategy, subset_size=None, cache=cache)
        learner.tell([0, 1, 2, 5], [0, 1, 2, 0])
        return learner.ask(7)

    def kept() -> set[str]:
        return {path.name for path in _entry(tmp_path).iterdir()}

    logits = {"logits.npy", "digests.json"}
    assert answer("margin", tmp_path) == answer("margin", None)
    assert kept() == logits
    assert answer(Undeclared(), tmp_path) == answer(Undeclared(), None)
    assert kept() == logits | {"embeddings.npy"}
    assert answer("coreset", tmp_path) == answer("coreset", None)
    assert answer("margin", tmp_path) == answer("margin", None)
    assert kept() == logits | {"embeddings.npy"}


def test_sub_pools_are_not_kept(tmp_path: Path) -> None:
    learner = ActiveLearner(_recipe(), _images(), "margin", subset_size=50, cache=tmp_path)
    learner.tell([0, 1, 2], [0, 1, 2])
    learner.ask(5)
    assert list(tmp_path.iterdir()) == []


# ── Strategies on memory maps ────────────────────────────────────────────────────────────────────────────────────────


def test_badge_and_coreset_on_memory_maps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    paths = [tmp_path / "logits.npy", tmp_path / "embeddings.npy"]
    for path, width in zip(paths, (20, 8), strict=True):
        np.save(path, rng.normal(size=(9000, width)).astype("float32"))
    inside = Outputs(*(torch.from_numpy(np.load(path)) for path in paths))
    mapped = Outputs(*(torch.from_numpy(np.load(path, mmap_mode="c")) for path in paths))
    labeled = inside.at(torch.arange(30))
    before = [path.read_bytes() for path in paths]
    answers = []
    for outputs, kept in ((inside, 1 << 28), (mapped, 1 << 28), (mapped, 0)):
        monkeypatch.setattr(badge, "_KEPT", kept)
        context = QueryContext(outputs, 20, labeled)
        answers.append(
            [strategy.query(context, 40, rng=np.random.default_rng(0)).tolist() for strategy in (Badge(), CoreSet())]
        )
    assert answers[0] == answers[1] == answers[2]
    assert [path.read_bytes() for path in paths] == before


# ── Chunks that shrink ───────────────────────────────────────────────────────────────────────────────────────────────


class Tight(nn.Module):
    """A model that fits ``most`` samples into memory at a time."""

    most = 10**9
    error: Exception = torch.OutOfMemoryError("CUDA out of memory.")

    def __init__(self, dropout: bool = True) -> None:
        super().__init__()
        self.inner = cnn((1, 6, 6), 3, [0.5], [0.3])

    def forward(self, x: Tensor) -> Tensor:
        if len(x) > Tight.most:
            raise Tight.error
        return self.inner(x)  # type: ignore[no-any-return]


ALLOCATORS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
    RuntimeError("[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    MemoryError("Unable to allocate 20.0 GiB for an array"),
]


@pytest.mark.parametrize("error", ALLOCATORS, ids=lambda error: type(error).__name__)
def test_out_of_memory_halves_the_chunk_and_says_so_once(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = ArraySamples(_images())
    fitted = TorchClassifier(Tight, (1, 6, 6), QUICK).fit(samples, FitJob(torch.arange(9), torch.arange(9) % 3, 0))
    indices = torch.arange(1200)
    expected = fitted.outputs(samples, indices)
    monkeypatch.setattr(Tight, "error", error)
    monkeypatch.setattr(Tight, "most", 100)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        shrunk = [fitted.outputs(samples, indices) for _ in range(2)]
    assert [str(warning.message) for warning in caught] == [
        "memory ran out for 500 samples at a time: from now on at most 250 are taken at a time."
    ]
    assert issubclass(caught[0].category, MemoryWarning)
    assert fitted.recipe.chunks.size == 62
    for outputs in shrunk:
        torch.testing.assert_close(outputs.logits, expected.logits)
        torch.testing.assert_close(outputs.embeddings, expected.embeddings)


def test_reading_the_samples_may_run_out_of_memory_too() -> None:
    class Heavy(ArraySamples):
        def batch(self, indices: Tensor) -> Tensor:
            if len(indices) > 30:
                raise MemoryError
            return super().batch(indices)

    samples = Heavy(_images(300))
    with pytest.warns(MemoryWarning):
        outputs = _fitted(samples).outputs(samples, torch.arange(300))
    plain = ArraySamples(_images(300))
    torch.testing.assert_close(outputs.logits, _fitted(plain).outputs(plain, torch.arange(300)).logits)


def test_monte_carlo_passes_drop_the_same_units_in_smaller_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = ArraySamples(_images())
    fitted = _fitted(samples)
    expected = fitted.monte_carlo(samples, torch.arange(1200), 4, seed=3)
    features = Network.features

    def tight(self: Network, x: Tensor) -> Tensor:
        if len(x) > 70:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return features(self, x)

    monkeypatch.setattr(Network, "features", tight)
    with pytest.warns(MemoryWarning):
        shrunk = fitted.monte_carlo(samples, torch.arange(1200), 4, seed=3)
    torch.testing.assert_close(shrunk, expected)


def test_other_errors_and_a_sample_too_large_for_memory_are_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = ArraySamples(_images(40))
    fitted = TorchClassifier(Tight, (1, 6, 6), QUICK).fit(samples, FitJob(torch.arange(9), torch.arange(9) % 3, 0))
    monkeypatch.setattr(Tight, "most", 0)
    with pytest.warns(MemoryWarning), pytest.raises(torch.OutOfMemoryError):
        fitted.outputs(samples, torch.arange(40))
    monkeypatch.setattr(Tight, "error", RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="shapes"):
        fitted.outputs(samples, torch.arange(40))
    assert not is_out_of_memory(ValueError("out of memory"))


def test_chunks_cover_everything_once_in_order() -> None:
    chunks = Chunks(8)
    fits = iter([True, False, True, False, False] + [True] * 50)

    def compute(start: int, stop: int) -> list[int]:
        if not next(fits):
            raise MemoryError
        return list(range(start, stop))

    with pytest.warns(MemoryWarning):
        parts = list(chunks.run(37, compute))
    assert [number for part in parts for number in part] == list(range(37))
    assert chunks.size == 1
    assert list(chunks.run(0, lambda start, stop: (start, stop))) == [(0, 0)]


# ── Queries whose cost does not grow with the pool ───────────────────────────────────────────────────────────────────


class Endless:
    """A million samples that are made when they are read."""

    shape = (1, 6, 6)
    dtype = torch.uint8

    def __init__(self) -> None:
        self.read = 0

    def __len__(self) -> int:
        return 1_000_000

    def batch(self, indices: Tensor) -> Tensor:
        self.read += len(indices)
        return (indices.reshape(-1, 1, 1, 1) * torch.arange(1, 37).reshape(1, 1, 6, 6) % 251).to(torch.uint8)


@pytest.mark.parametrize("needs", [frozenset(), frozenset({Need.LABELED, Need.MONTE_CARLO, Need.COMMITTEE})])
def test_a_query_reads_its_sub_pool_and_the_labeled_samples_only(needs: frozenset[Need]) -> None:
    samples = Endless()
    learner = Learner(_recipe(), samples, Pool(torch.arange(len(samples)), 3), CycleConfig(), Stream(0))
    first = torch.tensor([999_999, 5, 77])
    learner.pool.acquire(first, torch.arange(3))
    learner.fit(needs)
    samples.read = 0
    context = learner.context(learner.candidates(), needs)
    assert len(context) == 100
    assert samples.read == (100 if not needs else 100 * 6 + 3)


def test_acquisitions_after_the_first_do_not_look_at_the_whole_pool() -> None:
    """No tensor operation of a draw or an acquisition has a result as long as the pool."""
    from torch.utils._python_dispatch import TorchDispatchMode

    sizes: list[int] = []

    class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = func(*args, **(kwargs or {}))
            if isinstance(result, Tensor) and result.data_ptr() not in known:
                sizes.append(result.numel())
            return result

    pool = Pool(torch.randperm(100_000, generator=Stream(1).torch()), 3)
    pool.acquire(torch.tensor([7]), torch.tensor([0]))
    assert pool._sorted is not None
    known = {tensor.data_ptr() for tensor in (*pool._sorted, pool._universe, pool._open) if tensor is not None}
    with Watch():  # type: ignore[no-untyped-call]
        chosen = pool.candidates(100, Stream(2)).indices
        pool.acquire(chosen[:10], torch.zeros(10, dtype=torch.int64))
    assert len(pool) == 100_000 - 11
    assert sizes
    assert max(sizes) <= 200


def test_a_fitted_classifier_without_a_fingerprint_is_never_read_back(tmp_path: Path) -> None:
    class Plain:
        def __init__(self, inner: FittedClassifier) -> None:
            self.outputs, self.monte_carlo = inner.outputs, inner.monte_carlo

    samples, indices = ArraySamples(_images(50)), torch.arange(50)
    fitted = Plain(_fitted(samples))
    for entries in (1, 2):
        OutputCache(tmp_path).outputs(fitted, samples, indices)
        assert len(list(tmp_path.iterdir())) == entries

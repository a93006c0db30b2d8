"""The store: one file for the same samples and maker, whoever makes it and however often it is stopped."""

from __future__ import annotations

import errno
import fcntl
import pickle
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from iale.data.arrays import ArraySamples
from iale.data.images import FolderSamples
from iale.data.samples import Samples
from iale.errors import DataError, IaleWarning, StorageError, UnreadableError
from iale.geometry import Points, build
from iale.geometry._builtin import built_in
from iale.geometry._store import find
from iale.geometry._views import Shrunken, patch_size
from iale.labeling.items._images import ImageItems

ROWS = np.random.default_rng(0).normal(size=(700, 12)).astype(np.float32)


class Doubled:
    """Twice the inputs; counts the samples that it was asked for."""

    def __init__(self, identity: str = "doubled 1", dtype: torch.dtype = torch.float32) -> None:
        self.identity, self.dtype = identity, dtype
        self.asked: list[int] = []

    def points(self, samples: Samples, indices: Tensor) -> Tensor:
        self.asked += indices.tolist()
        return (2 * samples.batch(indices)).to(self.dtype)


class SomeDamaged:
    def __init__(self, *bad: int) -> None:
        self._inner, self._bad = ArraySamples(ROWS), set(bad)
        self.shape, self.dtype = self._inner.shape, self._inner.dtype

    def __len__(self) -> int:
        return len(self._inner)

    def fingerprint(self) -> str:
        return f"damaged {sorted(self._bad)}"

    def batch(self, indices: Tensor) -> Tensor:
        if found := self._bad & set(indices.tolist()):
            raise UnreadableError("some are damaged", dict.fromkeys(found, "damaged"))
        return self._inner.batch(indices)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize("workers", [1, 2])
def test_points_are_what_the_maker_gives(tmp_path: Path, dtype: torch.dtype, on_disk: bool, workers: int) -> None:
    points = build(ArraySamples(ROWS), Doubled(dtype=dtype), tmp_path if on_disk else None, workers=workers)
    assert points.values.dtype == dtype
    assert (len(points), points.dim) == (700, 12)
    expected = torch.from_numpy(2 * ROWS).to(dtype).float()
    torch.testing.assert_close(points.read(), expected, rtol=0, atol=0)
    some = torch.tensor([5, 699, 5, 0])
    torch.testing.assert_close(points.at(some).read(), expected[some], rtol=0, atol=0)
    torch.testing.assert_close(points.at(some).read(1, 3), expected[some[1:3]], rtol=0, atol=0)


def test_a_finished_file_is_read_and_not_made_again(tmp_path: Path) -> None:
    first, again, other = Doubled(), Doubled(), Doubled("doubled 2")
    told: list[tuple[int, int]] = []
    assert find(ArraySamples(ROWS), first.identity, tmp_path) is None
    build(ArraySamples(ROWS), first, tmp_path, lambda done, total: told.append((done, total)))
    assert first.asked == list(range(700))
    assert told[0] == (0, 700)
    assert told[-1] == (700, 700)
    assert told == sorted(told)
    torch.testing.assert_close(build(ArraySamples(ROWS), again, tmp_path).read(), torch.from_numpy(2 * ROWS))
    assert again.asked == []
    build(ArraySamples(ROWS), other, tmp_path)  # another maker
    build(ArraySamples(ROWS[1:]), other, tmp_path)  # other samples
    assert len(other.asked) == 700 + 699
    assert len(list(tmp_path.glob("*.npy"))) == 3
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("damage", ["cut", "flip", "gone"])
def test_a_damaged_file_is_made_again(tmp_path: Path, damage: str) -> None:
    build(ArraySamples(ROWS), Doubled(), tmp_path)
    path = next(tmp_path.glob("*.npy"))
    data = bytearray(path.read_bytes())
    data[-1] ^= 255
    path.write_bytes({"cut": bytes(data[:-100]), "flip": bytes(data), "gone": b""}[damage])
    torch.testing.assert_close(build(ArraySamples(ROWS), Doubled(), tmp_path).read(), torch.from_numpy(2 * ROWS))


def build_and_stop(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stops after two parts of 256 samples, of which each is noted on disk."""
    monkeypatch.setattr("iale.geometry._parts._SECONDS", 0.0)

    def stop(done: int, total: int) -> None:
        if done > 300:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(ArraySamples(ROWS), Doubled(), folder, stop)


def test_a_call_that_was_stopped_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build_and_stop(tmp_path, monkeypatch)
    again = Doubled()
    points = build(ArraySamples(ROWS), again, tmp_path)
    assert again.asked == list(range(512, 700))  # parts of 256
    torch.testing.assert_close(points.read(), torch.from_numpy(2 * ROWS), rtol=0, atol=0)


_SLOW = """
import sys, time, numpy as np, torch
from iale.data.arrays import ArraySamples
from iale.data.images import FolderSamples
from iale.geometry import build, _parts
_parts._SECONDS = 0.0
class Slow:
    identity = "doubled 1"
    def points(self, samples, indices):
        print(int(indices[0]), flush=True)
        time.sleep(0.0 if int(indices[0]) < 500 else 60)
        return 2 * samples.batch(indices)
build(ArraySamples(np.random.default_rng(0).normal(size=(700, 12)).astype(np.float32)), Slow(), sys.argv[1])
"""


def test_a_process_that_was_killed_goes_on(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _SLOW, str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    with process.stdout:
        assert [process.stdout.readline().strip() for _ in range(3)] == ["0", "256", "512"]
    process.send_signal(signal.SIGKILL)
    assert process.wait(20) != 0
    again = Doubled()
    torch.testing.assert_close(build(ArraySamples(ROWS), again, tmp_path).read(), torch.from_numpy(2 * ROWS))
    assert again.asked == list(range(512, 700))


def test_rows_that_never_reached_the_disk_are_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build_and_stop(tmp_path, monkeypatch)
    part = next(tmp_path.glob(".*.part"))
    part.write_bytes(part.read_bytes() + b"\0" * 4800)
    torch.testing.assert_close(build(ArraySamples(ROWS), Doubled(), tmp_path).read(), torch.from_numpy(2 * ROWS))
    next(iter(tmp_path.glob("*.json"))).unlink()  # killed between the last two steps
    again = Doubled()
    torch.testing.assert_close(build(ArraySamples(ROWS), again, tmp_path).read(), torch.from_numpy(2 * ROWS))


@pytest.mark.parametrize("bad", [(3,), (0, 255), tuple(range(256)), tuple(range(300, 700)), (699,)])
@pytest.mark.parametrize("workers", [1, 2])
def test_what_cannot_be_read_is_a_row_of_zeros(bad: tuple[int, ...], workers: int) -> None:
    expected = torch.from_numpy(2 * ROWS)
    expected[list(bad)] = 0
    torch.testing.assert_close(build(SomeDamaged(*bad), Doubled(), workers=workers).read(), expected)


def test_nothing_readable_is_an_error() -> None:
    with pytest.raises(DataError, match="no sample can be read"):
        build(SomeDamaged(*range(700)), Doubled())


def test_a_folder_that_goes_away_in_between_leaves_no_zeros(tmp_path: Path) -> None:
    """Or what was away for a moment would be chosen last for good."""
    photos, count = tmp_path / "photos", 600
    photos.mkdir()
    for number in range(count):
        Image.fromarray(np.full((4, 4), 1 + number % 250, np.uint8)).save(photos / f"{number:03}.png")
    samples = FolderSamples(photos)

    class Flat(Doubled):
        def points(self, samples: Samples, indices: Tensor) -> Tensor:
            return super().points(samples, indices).flatten(1)

    class Detached(Flat):
        def points(self, samples: Samples, indices: Tensor) -> Tensor:
            if int(indices[0]) > 0:
                photos.rename(tmp_path / "away")
            return super().points(samples, indices)

    with pytest.raises(DataError, match="photos is away"):
        build(samples, Detached(), tmp_path / "kept")
    (tmp_path / "away").rename(photos)
    found = build(samples, Flat(), tmp_path / "kept").read()
    assert torch.equal(found, Flat().points(samples, torch.arange(count)))


def _boxes(folder: Path, *names: str) -> None:
    rng = np.random.default_rng(0)
    for name in names:
        (folder / name).mkdir(parents=True)
        for number in range(200):
            Image.fromarray(rng.integers(1, 256, (8, 8), np.uint8)).save(folder / name / f"{number:03}.png")


def _taken_away(folder: Path, patch: pytest.MonkeyPatch, begin: int, end: int) -> None:
    """Takes a folder away when images have been asked for ``begin`` times, and puts it back at ``end``."""
    take, asked = ImageItems._one, iter(range(1_000_000))
    aside = folder.parent.parent / "aside"

    def one(items: ImageItems, row: int) -> Tensor:
        number = next(asked)
        if number == begin:
            folder.rename(aside)
        if number == end:
            aside.rename(folder)
        return take(items, row)

    patch.setattr(ImageItems, "_one", one)


@pytest.mark.parametrize(("begin", "end"), [(100, 10_000), (350, 10_000), (100, 290)])
def test_what_was_away_is_looked_at_when_it_is_back(tmp_path: Path, begin: int, end: int) -> None:
    """One folder of several: its files keep their times, so nothing else would ever make these points again.

    300 of 600 images are looked at to fit the geometry, and then the others.
    """
    photos, kept = tmp_path / "photos", tmp_path / "kept"
    _boxes(photos, "a", "b", "c")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("iale.geometry._builtin._IMAGES", 300)
        clean = built_in(ImageItems(photos), "image").read()
        _taken_away(photos / "b", patch, begin, end)
        found = built_in(ImageItems(photos), "image", kept).read()
    if end > 1000:
        assert int((found == 0).all(dim=1).sum()) > 0
        (tmp_path / "aside").rename(photos / "b")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("iale.geometry._builtin._IMAGES", 300)
        assert torch.equal(built_in(ImageItems(photos), "image", kept).read(), clean)


@pytest.mark.parametrize("what", ["another folder", "deleted"])
def test_what_changes_meanwhile_is_not_kept(tmp_path: Path, what: str) -> None:
    """The old files come back with their old times, and would find the points of others."""
    photos, aside, maker = tmp_path / "photos", tmp_path / "aside", Shrunken("pixels", patch_size)
    _boxes(photos, "a", "b")
    samples = FolderSamples(photos)
    clean = build(samples, maker).read()

    def progress(done: int, total: int) -> None:
        if done == 256 and what == "another folder":
            photos.rename(aside)
            _boxes(photos, "b", "a")  # in another order, so with other content
        elif done == 256:
            (photos / samples.names[-1]).rename(aside)

    with pytest.warns(
        IaleWarning, match="samples have changed while they were looked at: some points are of what they were"
    ):
        found = build(samples, maker, tmp_path / "kept", progress)
    assert len(found) == 400
    assert not torch.equal(found.read(), clean)
    if what == "another folder":
        shutil.rmtree(photos)
    aside.rename(photos if what == "another folder" else photos / samples.names[-1])
    assert find(samples, maker.identity, tmp_path / "kept") is None
    assert torch.equal(build(samples, maker, tmp_path / "kept").read(), clean)


def test_a_wrong_maker_is_refused(tmp_path: Path) -> None:
    def maker(change: str) -> Doubled:
        made = Doubled(change)
        right = made.points

        def points(samples: Samples, indices: Tensor) -> Tensor:
            values = right(samples, indices)
            if change == "nan":
                values[-1, 2] = torch.nan
            return {"few": values[1:], "width": values[:, : 3 + (int(indices[0]) > 0)], "type": values.double()}.get(
                change, values
            )

        made.points = points  # type: ignore[method-assign]
        return made

    for change, said in (
        ("nan", "the vector of sample 255 is not finite"),
        ("few", "256 samples became"),
        ("width", "make all rows alike"),
        ("type", "float64"),
    ):
        with pytest.raises(DataError, match=said):
            build(ArraySamples(ROWS), maker(change), tmp_path)
    assert not list(tmp_path.glob("*.npy"))


def test_a_maker_may_give_arrays(tmp_path: Path) -> None:
    made = Doubled()
    right = made.points
    made.points = lambda samples, indices: right(samples, indices).numpy()  # type: ignore[method-assign,return-value,assignment]
    assert torch.equal(build(ArraySamples(ROWS), made).read(), build(ArraySamples(ROWS), Doubled()).read())
    made.points = lambda samples, indices: right(samples, indices).tolist()  # type: ignore[method-assign,return-value,assignment]
    with pytest.raises(DataError, match=r"256 samples became list: a tensor .256, D. was expected"):
        build(ArraySamples(ROWS), made, tmp_path)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file"):
        build(ArraySamples(ROWS), Doubled(), tmp_path / "file")


def test_large_points_go_to_a_file_without_a_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("iale.geometry._store.LARGE", 1000)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    points = build(ArraySamples(ROWS), Doubled())
    assert not list(tmp_path.iterdir())
    torch.testing.assert_close(points.read(), torch.from_numpy(2 * ROWS))


def test_points_on_disk_travel_to_other_processes(tmp_path: Path) -> None:
    points = build(ArraySamples(ROWS), Doubled(), tmp_path).at(torch.tensor([9, 2, 9]))
    sent: Points = pickle.loads(pickle.dumps(points))
    torch.testing.assert_close(sent.read(), points.read())
    assert len(pickle.dumps(points)) < 3000


def test_a_file_system_without_locks_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")  # as of Lustre without the option flock

    monkeypatch.setattr(fcntl, "flock", refused)
    assert len(build(ArraySamples(ROWS), Doubled(), tmp_path)) == len(ROWS)


def test_two_processes_make_it_once(tmp_path: Path) -> None:
    script = _SLOW.replace("else 60", "else 1")
    command = [sys.executable, "-c", script, str(tmp_path)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60)[0].split() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(said) == [[], ["0", "256", "512"]]

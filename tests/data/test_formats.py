"""File formats against hand-made bytes; every kind of damage raises a DataError."""

import builtins
import contextlib
import errno
import gzip
import io
import pickle
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from iale.data._formats import CIFAR_ROW, gunzip, map_npy, parse_cifar, parse_idx, read_npz
from iale.errors import DataError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (3, 4, 5), dtype=np.uint8)
IDX = struct.pack(">4B3I", 0, 0, 8, 3, 3, 4, 5) + IMAGES.tobytes()


def archive(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def test_idx() -> None:
    np.testing.assert_array_equal(parse_idx(gunzip(gzip.compress(IDX), "x"), "x"), IMAGES)
    labels = struct.pack(">4BI", 0, 0, 8, 1, 3) + bytes([7, 0, 9])
    assert parse_idx(labels, "x").tolist() == [7, 0, 9]


@given(st.integers(0, len(IDX) - 1))
def test_a_cut_idx_file_is_refused(length: int) -> None:
    with pytest.raises(DataError, match=r"^x is truncated or altered"):
        parse_idx(IDX[:length], "x")


@pytest.mark.parametrize("data", [b"", IDX + b"\0", b"\0\0\x0d\x03" + IDX[4:], b"\0\0\x08\x01" + IDX[4:]])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(DataError, match=r"^x is truncated or altered"):
        parse_idx(data, "x")


@given(st.integers(0, 80), st.integers(1, 255))
def test_damaged_gzip(place: int, flip: int) -> None:
    data = bytearray(gzip.compress(IDX, mtime=0))
    data[place % len(data)] ^= flip
    with contextlib.suppress(DataError):
        assert gunzip(bytes(data), "x") == IDX  # some bytes of the header have no meaning
    with pytest.raises(DataError):
        gunzip(bytes(data[: place % len(data)]) or b"\x1f", "x")


def test_cifar() -> None:
    rows = RNG.integers(0, 256, (5, CIFAR_ROW), dtype=np.uint8)
    data = archive(one=rows[:2].tobytes(), two=rows[2:].tobytes())
    images, labels = parse_cifar(data, ["one", "two"], "x")
    assert labels.tolist() == rows[:, 0].tolist()
    np.testing.assert_array_equal(images[4, 1, 31], rows[4, 1 + 1024 + 31 * 32 : 1 + 1024 + 32 * 32])  # green, last row
    for bad, members in [
        (data, ["one", "three"]),
        (data[:-30], ["one", "two"]),
        (b"", ["one"]),
        (archive(one=rows[:2].tobytes()[:-1]), ["one"]),
        (archive(one=b""), ["one"]),
    ]:
        with pytest.raises(DataError, match=r"^x is truncated or altered"):
            parse_cifar(bad, members, "x")


def test_npz_and_npy(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", a=IMAGES, b=np.arange(3))
    arrays = read_npz(tmp_path / "x.npz")
    assert list(arrays) == ["a", "b"]
    np.testing.assert_array_equal(arrays["a"], IMAGES)
    np.save(tmp_path / "x.npy", IMAGES)
    mapped = map_npy(tmp_path / "x.npy")
    assert isinstance(mapped, np.memmap)
    np.testing.assert_array_equal(mapped, IMAGES)


class Trap:
    """Unpickling it would create a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    objects = np.array([Trap(sprung)], dtype=object)
    np.savez(tmp_path / "x.npz", x=objects)
    np.save(tmp_path / "x.npy", objects)
    (tmp_path / "p.npz").write_bytes(pickle.dumps(Trap(sprung)))
    (tmp_path / "p.npy").write_bytes(pickle.dumps(Trap(sprung)))
    pickled, damaged = "holds an array of Python objects", "is truncated or altered.*without pickles"
    for kind, what in (("x", pickled), ("p", damaged)):
        with pytest.raises(DataError, match=rf"{kind}\.npz {what}"):
            read_npz(tmp_path / f"{kind}.npz")
        with pytest.raises(DataError, match=rf"{kind}\.npy {what}"):
            map_npy(tmp_path / f"{kind}.npy")
    assert not sprung.exists()


def test_absent_and_wrong_files(tmp_path: Path) -> None:
    np.save(tmp_path / "array.npz", IMAGES)
    (tmp_path / "array.npz.npy").rename(tmp_path / "array.npz")
    for name in ("absent.npz", "array.npz"):
        with pytest.raises(DataError, match=name):
            read_npz(tmp_path / name)
    with pytest.raises(DataError, match=r"absent\.npy"):
        map_npy(tmp_path / "absent.npy")


@pytest.mark.parametrize(("kind", "read"), [("npz", read_npz), ("npy", map_npy)])
def test_a_file_that_must_not_be_read_is_not_called_damaged(
    kind: str, read: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "a.npy", IMAGES)
    np.savez(tmp_path / "a.npz", IMAGES)

    def refused(*_: object, **__: object) -> object:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(builtins, "open", refused)
    with pytest.raises(DataError, match=rf"a\.{kind} cannot be read \(Permission denied\): check its permissions"):
        read(tmp_path / f"a.{kind}")


@settings(max_examples=300)
@example(place=24604, flip=1, compressed=False, cut=False)  # two members of one name
@given(place=st.integers(0, 10**6), flip=st.integers(1, 255), compressed=st.booleans(), cut=st.booleans())
def test_a_damaged_npz_ends_in_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, place: int, flip: int, compressed: bool, cut: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    buffer = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(buffer, x=IMAGES, y=np.arange(3))
    data = bytearray(buffer.getvalue())
    data[place % len(data)] ^= flip
    path.write_bytes(data[: place % len(data)] if cut else data)
    if cut:
        with pytest.raises(DataError, match=r"damaged\.npz is truncated or altered"):
            read_npz(path)
        return
    with contextlib.suppress(DataError):  # a flipped byte in a date or in a member's name does no harm
        arrays = read_npz(path)
        assert IMAGES.tobytes() in [array.tobytes() for array in arrays.values()]

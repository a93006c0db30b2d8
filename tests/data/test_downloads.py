"""Finding and downloading, against a mirror on this machine."""

import functools
import gzip
import http.server
import io
import struct
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from iale._storage import sha256
from iale.data import _sources as sources
from iale.data._downloads import RemoteFile, cache_folder, fetch
from iale.data.catalog import describe_datasets, load_dataset
from iale.errors import DataError, StorageError

CONTENT = b"the content of a file" * 100


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A web server's address and its folder."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    server = http.server.HTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/", folder
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IALE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")


def files_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_download_is_checked_and_kept(mirror: tuple[str, Path]) -> None:
    url, folder = mirror
    (folder / "x.gz").write_bytes(gzip.compress(CONTENT))
    file = RemoteFile("set", "x.gz", sha256(CONTENT), (url + "absent/", url))
    assert fetch(file) == CONTENT
    assert files_below(cache_folder()) == ["set/x.gz"]
    (folder / "x.gz").unlink()
    assert fetch(file) == CONTENT  # from the cache


@pytest.mark.parametrize(
    "served", [gzip.compress(b"something else"), gzip.compress(CONTENT)[:-9], b"<html>"], ids=["other", "cut", "page"]
)
def test_a_wrong_download_keeps_nothing(mirror: tuple[str, Path], served: bytes) -> None:
    url, folder = mirror
    (folder / "x.gz").write_bytes(served)
    with pytest.raises(DataError, match=r"x\.gz (does not have the expected SHA-256|is truncated)"):
        fetch(RemoteFile("set", "x.gz", sha256(CONTENT), (url,)))
    assert files_below(cache_folder()) == []
    assert list((cache_folder() / "set").iterdir()) == []


def test_digests_of_packed_and_of_unpacked_files(tmp_path: Path) -> None:
    path = tmp_path / "data" / "set" / "x.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(CONTENT, 1, mtime=0))
    packed = sha256(path.read_bytes())
    assert fetch(RemoteFile("set", "x.gz", sha256(CONTENT), ())) == CONTENT
    assert fetch(RemoteFile("set", "x.gz", packed, (), packed=True)) == CONTENT
    path.write_bytes(gzip.compress(CONTENT, 9, mtime=0))
    assert fetch(RemoteFile("set", "x.gz", sha256(CONTENT), ())) == CONTENT
    with pytest.raises(DataError, match=str(path)):
        fetch(RemoteFile("set", "x.gz", packed, (), packed=True))


def test_a_wrong_file_in_iale_data_is_named_and_not_replaced(mirror: tuple[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "data" / "set" / "x.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(b"something else"))
    with pytest.raises(DataError, match=f"{path} does not have the expected SHA-256"):
        fetch(RemoteFile("set", "x.gz", sha256(CONTENT), (mirror[0],)))
    assert path.exists()


def test_offline_says_where_to_put_the_file(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        fetch(RemoteFile("set", "x.gz", sha256(CONTENT), ("http://127.0.0.1:9/",)))
    assert f"put x.gz into {tmp_path}/cache/iale/set or $IALE_DATA/set." in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_pooch_says_where_to_put_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(DataError, match=r"needs the package pooch: install it, or put x\.gz into"):
        fetch(RemoteFile("set", "x.gz", sha256(CONTENT), ("http://127.0.0.1:9/",)))


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file in the way")
    with pytest.raises(StorageError, match="cannot write"):
        fetch(RemoteFile("set", "x.gz", sha256(CONTENT), ("http://127.0.0.1:9/",)))


def test_mnist_from_a_mirror(mirror: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    url, folder = mirror
    images = np.random.default_rng(0).integers(0, 256, (20, 28, 28), dtype=np.uint8)
    labels = np.arange(20, dtype=np.uint8) % 10
    contents = [
        struct.pack(">4B3I", 0, 0, 8, 3, 20, 28, 28) + images.tobytes(),
        struct.pack(">4BI", 0, 0, 8, 1, 20) + labels.tobytes(),
    ] * 2
    files = []
    for real, content in zip(sources.MNIST_FILES, contents, strict=True):
        (folder / real.name).write_bytes(gzip.compress(content))
        files.append(RemoteFile("mnist", real.name, sha256(content), (url,)))
    monkeypatch.setattr(sources, "MNIST_FILES", tuple(files))
    mnist = load_dataset("mnist")
    np.testing.assert_array_equal(mnist.train.batch(torch.arange(20))[:, 0].numpy(), images)
    assert mnist.test_labels.tolist() == labels.tolist()
    assert len(files_below(cache_folder())) == 4


def test_absent_sets_say_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cifar10-jpeg\.npz is not on this machine: make it as docs/data\.md says"):
        load_dataset("cifar10-jpeg")
    places = {info.name: info.place for info in describe_datasets()}
    assert places["mnist"].startswith("download from https://")
    assert places["cifar10-jpeg"].startswith(f"absent: put it into {tmp_path}/data")
    assert not cache_folder().exists()


@pytest.mark.parametrize("change", ["bytes", "key", "cut"])
def test_an_altered_cifar10_jpeg(change: str, tmp_path: Path) -> None:
    arrays = {key: np.arange(4, dtype=np.uint8) for key in sources.CIFAR_JPEG_ARRAYS}
    if change == "key":
        del arrays["test_labels"]
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    path = tmp_path / "data" / "cifar10-jpeg.npz"
    path.parent.mkdir()
    path.write_bytes(buffer.getvalue()[: -100 if change == "cut" else None])
    with pytest.raises(DataError, match=r"cifar10-jpeg\.npz"):
        load_dataset("cifar10-jpeg")
